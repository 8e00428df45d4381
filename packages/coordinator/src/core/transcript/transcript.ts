/**
 * The hash chain of a conversation: events in, events with number, link and id out; and the check of a whole chain.
 * Kept apart from who stores events and from what they mean; SHA-256 is an argument, because the pure rooms have no Node.
 *
 * Invariants:
 * C1 `seq` counts from 1 without a gap.
 * C2 `prev` is the id of the event before it, empty for the first; so the last id (the root) fixes the whole history.
 * C3 `id` = SHA-256 of the canonical bytes of all other fields. A change of this form breaks every stored chain: golden files hold it.
 */
import { CanonicalError, encodeCanonical, type TranscriptEvent } from "@triad/protocol";

/** Hex SHA-256 of some bytes. */
export type Sha256 = (bytes: Uint8Array) => string;

/** Where a chain ends: its root and the number of its last event. An empty chain is `{ root: "", seq: 0 }`. */
export interface ChainEnd {
  readonly root: string;
  readonly seq: number;
}

/** Where a part of a chain begins: the number of its first event and the id of the event before that. */
export interface ChainStart {
  readonly seq: number;
  readonly prev: string;
}

/**
 * What is wrong with an event: its number (C1), its link (C2), its id (C3), a field that has no canonical form; or the chain ends
 * elsewhere than at the root that was promised.
 */
export type ChainFault = "sequence" | "link" | "identity" | "form" | "root";

export type ChainVerdict =
  | { readonly verified: true }
  | {
      readonly verified: false;
      /** The number that the first bad event should have; of the last event, where only the root differs. */
      readonly seq: number;
      readonly reason: ChainFault;
    };

export const EMPTY_CHAIN: ChainEnd = { root: "", seq: 0 };

/** Id of an event. Throws `CanonicalError` where a field has no canonical form. */
export function eventId(event: Omit<TranscriptEvent, "id">, sha256: Sha256): string {
  // Field by field: a field that somebody adds to the object later must not change the id silently.
  const { seq, prev, type, at, task, step, by, text, body, facts } = event;
  const all = { seq, prev, type, at, task, step, by, text, facts };
  if (body === undefined) return sha256(encodeCanonical(all));
  const { ref, bytes, chunks } = body;
  return sha256(encodeCanonical({ ...all, body: { ref, bytes, chunks } }));
}

/** The event as the next link of a chain. */
export function appendEvent(previous: ChainEnd, event: Omit<TranscriptEvent, "seq" | "prev" | "id">, sha256: Sha256): TranscriptEvent {
  const { type, at, task, step, by, text, body, facts } = event;
  const stored = body === undefined ? {} : { body };
  const linked = { seq: previous.seq + 1, prev: previous.root, type, at, task, step, by, text, ...stored, facts };
  return { ...linked, id: eventId(linked, sha256) };
}

/** Recomputes a chain, or the part of one that begins at `from`, up to `root`. Total: damaged events give a verdict, never an exception. */
export function verifyChain(events: readonly TranscriptEvent[], root: string, sha256: Sha256, from?: ChainStart): ChainVerdict {
  let seq = from?.seq ?? 1;
  let prev = from?.prev ?? "";
  for (const event of events) {
    const reason = faultOf(event, seq, prev, sha256);
    if (reason !== null) return { verified: false, seq, reason };
    prev = event.id;
    seq++;
  }
  return prev === root ? { verified: true } : { verified: false, seq: seq - 1, reason: "root" };
}

function faultOf(event: TranscriptEvent, seq: number, prev: string, sha256: Sha256): ChainFault | null {
  if (event.seq !== seq) return "sequence";
  if (event.prev !== prev) return "link";
  try {
    return eventId(event, sha256) === event.id ? null : "identity";
  } catch (error) {
    if (error instanceof CanonicalError) return "form";
    throw error;
  }
}

/** An event's size in a message, estimated: for the bounds of what carries events. */
export function eventBytes(event: TranscriptEvent): number {
  return 300 + event.text.length * 2 + (event.body?.chunks.length ?? 0) * 66 + JSON.stringify(event.facts).length;
}
