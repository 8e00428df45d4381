/**
 * Facts of a conversation: what steps and requests settled, each with its provenance, and how many bytes they take.
 * Kept apart from limits: the caller compares bytes and names with its bounds before it keeps a merge.
 *
 * Invariants:
 * F1 The latest value of a name wins; `null` removes the name.
 * F2 Setting a name, to the same value too, makes its setter the provenance: a task's facts are those that its own steps set.
 * F3 `version` counts the values of a name since it last appeared: a restated value keeps it, another one raises it by one.
 */
import { encodeCanonical, type Fact, type Facts, type FactsDelta, type Json, utf8Length } from "@triad/protocol";

/** Who sets facts. Step 0 and an empty agent: the request. */
export interface Provenance {
  readonly task: string;
  readonly step: number;
  readonly agent: string;
}

export interface MergedFacts {
  readonly facts: Facts;
  /** Names that are new or have another value now, in the order of the delta. */
  readonly changed: readonly string[];
  /** Names that were there and are gone. */
  readonly removed: readonly string[];
  /** What the merge adds to `factsBytes`; negative where facts shrank. */
  readonly bytesAdded: number;
  /** What the merge adds to the number of names. */
  readonly namesAdded: number;
}

/** Size of one fact: its name, value and provenance, as every dispatch carries them. */
export function factBytes(name: string, fact: Fact): number {
  const { value, version, task, step, agent } = fact;
  return utf8Length(name) + encodeCanonical({ value, version, task, step, agent }).length;
}

/** Size of all facts, the sum of `factBytes`. `mergeFacts` gives the difference, so a state may keep the sum and never add up again. */
export function factsBytes(facts: Facts): number {
  let bytes = 0;
  for (const [name, fact] of Object.entries(facts)) bytes += factBytes(name, fact);
  return bytes;
}

/** The facts after a delta. `current` stays as it is; unchanged facts are shared with it. */
export function mergeFacts(current: Facts, delta: FactsDelta, provenance: Provenance): MergedFacts {
  // A map, and fromEntries at the end: names such as "constructor" are then names like any other.
  const facts = new Map<string, Fact>(Object.entries(current));
  const changed: string[] = [];
  const removed: string[] = [];
  let bytesAdded = 0;
  let namesAdded = 0;
  for (const [name, value] of Object.entries(delta)) {
    const before = facts.get(name);
    if (before !== undefined) bytesAdded -= factBytes(name, before);
    if (value === null) {
      if (before === undefined) continue;
      facts.delete(name);
      removed.push(name);
      namesAdded--;
      continue;
    }
    const restated = before !== undefined && sameJson(before.value, value);
    const version = before === undefined ? 1 : restated ? before.version : before.version + 1;
    const fact: Fact = { value, version, task: provenance.task, step: provenance.step, agent: provenance.agent };
    facts.set(name, fact);
    bytesAdded += factBytes(name, fact);
    if (before === undefined) namesAdded++;
    if (!restated) changed.push(name);
  }
  return { facts: Object.fromEntries(facts), changed, removed, bytesAdded, namesAdded };
}

/** Equality of JSON values; the order of a record's fields does not matter. */
function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const left = encodeCanonical(a);
  const right = encodeCanonical(b);
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}
