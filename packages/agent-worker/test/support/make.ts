/** Things that tests need many of, with only what matters to the test written out. */
import { hash } from "node:crypto";
import type { Dispatch, Fact, FactsDelta, Json, StoredBody, TranscriptEvent } from "@triad/protocol";
import { eventIdOf } from "../../src/index.ts";

export const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

export function dispatchOf(fence: number, agent: string, input: string, more: Partial<Dispatch> = {}): Dispatch {
  return {
    no: fence,
    fence,
    task: `t-${fence}`,
    step: 1,
    member: 0,
    attempt: 1,
    start: 1,
    alone: false,
    conversation: `c-${fence}`,
    agent,
    input,
    requires: {},
    facts: {},
    events: [],
    eventsTotal: 0,
    root: "",
    context: new Uint8Array(0),
    ensemble: false,
    ...more,
  };
}

export function factsOf(values: Readonly<Record<string, Json>>): Record<string, Fact> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, version: 1, task: "t", step: 1, agent: "a" }]));
}

/** A chained transcript; each line is one step of `by`. */
export function chainOf(
  lines: readonly { readonly by: string; readonly text: string; readonly body?: StoredBody; readonly facts?: FactsDelta }[],
): TranscriptEvent[] {
  const events: TranscriptEvent[] = [];
  for (const [index, { by, text, body, facts = {} }] of lines.entries()) {
    const prev = events.at(-1)?.id ?? "";
    const stored = body === undefined ? {} : { body };
    const event = {
      seq: index + 1,
      prev,
      type: "step" as const,
      at: 1_000 + index,
      task: "t-0",
      step: index + 1,
      by,
      text,
      ...stored,
      facts,
    };
    events.push({ ...event, id: eventIdOf(event, sha256) });
  }
  return events;
}

/** Waits for a condition that events bring about; the bound is for a broken test, not for timing. */
export async function until(condition: () => boolean, what: string, withinMs = 20_000): Promise<void> {
  const untilMs = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
