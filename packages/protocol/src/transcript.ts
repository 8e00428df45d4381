/**
 * The events of a conversation's hash-chained transcript. The id of an event is SHA-256 over its canonical bytes with the id of the one
 * before it inside, so the last id (the root) fixes the whole history.
 */
import type { StoredBody } from "./body.ts";
import type { FactsDelta } from "./json.ts";

export type TranscriptEventType = "observed" | "opened" | "step" | "ended";

export interface TranscriptEvent {
  /** From 1, without a gap. */
  readonly seq: number;
  /** Id of the event before it; empty for the first. */
  readonly prev: string;
  readonly id: string;
  readonly type: TranscriptEventType;
  /** Log time, milliseconds since the epoch. */
  readonly at: number;
  readonly task: string;
  /** step: its number; else 0. */
  readonly step: number;
  /** step: the agent; observed: who said it; opened: "user"; ended: "". */
  readonly by: string;
  /** opened: the input; step: the output; observed: the text; ended: the status. */
  readonly text: string;
  /** Where the output is too large for the log: `text` is its beginning, and this, which the id covers as well, fixes the whole. */
  readonly body?: StoredBody;
  /** Facts set or removed by the event. */
  readonly facts: FactsDelta;
}
