/** Merging facts into a conversation: by name, null removes, within the bounds of state.md 11. One record a fact, with its provenance. */
import { encodeCanonical, type Fact, type FactsDelta, type Json, limits } from "@triad/protocol";
import type { Application } from "./application.ts";
import { keys } from "./keys.ts";
import type { ConversationRecord } from "./records.ts";

/** Bytes that a fact counts for: its name and its value's canonical form. */
export function factBytes(name: string, value: Json): number {
  return name.length + encodeCanonical(value as never).length;
}

/** Bytes that a request's or step's facts count for. */
export function deltaBytes(delta: FactsDelta): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(delta)) bytes += factBytes(name, value);
  return bytes;
}

export interface FactProvenance {
  readonly task: string;
  readonly step: number;
  readonly agent: string;
}

/**
 * The conversation with the facts merged, or undefined where they would exceed the bounds; then nothing was written.
 */
export function mergeFacts(
  app: Application,
  conversation: ConversationRecord,
  delta: FactsDelta,
  provenance: FactProvenance,
): ConversationRecord | undefined {
  let bytes = conversation.factBytes;
  let names = conversation.factNames;
  const changes: [string, Fact | undefined][] = [];
  for (const name of Object.keys(delta).sort()) {
    const value = delta[name] as Json;
    const key = keys.fact(conversation.id, name);
    const before = app.tx.get(key) as Fact | undefined;
    if (before !== undefined) {
      bytes -= factBytes(name, before.value);
      names--;
    }
    if (value === null) {
      if (before !== undefined) changes.push([key, undefined]);
      continue;
    }
    bytes += factBytes(name, value);
    names++;
    changes.push([key, { value, version: (before?.version ?? 0) + 1, ...provenance }]);
  }
  if (bytes > limits.FACTS_BYTES_MAX || names > limits.FACT_NAMES_MAX) return undefined;
  for (const [key, fact] of changes) {
    if (fact === undefined) app.tx.remove(key);
    else app.tx.put(key, fact);
  }
  return { ...conversation, factBytes: bytes, factNames: names };
}

/** The conversation's facts by name. */
export function factsOf(tx: Application["tx"], conversation: string): Readonly<Record<string, Fact>> {
  const prefix = keys.facts(conversation);
  const facts: Record<string, Fact> = {};
  for (const [key, record] of tx.list(prefix)) facts[key.slice(prefix.length)] = record as Fact;
  return facts;
}
