/**
 * Checks a stretch of a transcript's hash chain as it arrives from a coordinator, so that an agent is never shown an altered past.
 * The id of an event is SHA-256 over its canonical bytes with the id of the one before it inside; SHA-256 is the caller's, this room has no crypto.
 */
import { encodeCanonical, type TranscriptEvent, TriadError } from "@triad/protocol";

export type Sha256Hex = (bytes: Uint8Array) => string;

export function eventIdOf(event: Omit<TranscriptEvent, "id">, sha256: Sha256Hex): string {
  const { seq, prev, type, at, task, step, by, text, body, facts } = event;
  const all = { seq, prev, type, at, task, step, by, text, facts };
  if (body === undefined) return sha256(encodeCanonical(all));
  const { ref, bytes, chunks } = body;
  return sha256(encodeCanonical({ ...all, body: { ref, bytes, chunks } }));
}

/**
 * @param events consecutive, oldest first. @param next the `prev` of the event that follows them, or the root where none does.
 * @throws TriadError TRIAD_FRAME_INVALID where an id, a link or a number does not fit.
 */
export function verifyEvents(events: readonly TranscriptEvent[], next: string, sha256: Sha256Hex): void {
  let before: TranscriptEvent | undefined;
  for (const event of events) {
    if (before !== undefined && event.seq !== before.seq + 1) throw broken(event.seq, "a gap");
    if (before !== undefined && event.prev !== before.id) throw broken(event.seq, "it does not follow the one before it");
    if (before === undefined && event.seq === 1 && event.prev !== "") throw broken(event.seq, "the first follows another");
    if (eventIdOf(event, sha256) !== event.id) throw broken(event.seq, "its id is not the hash of its content");
    before = event;
  }
  if (before !== undefined && before.id !== next) throw broken(before.seq, "what follows names another");
}

function broken(seq: number, problem: string): TriadError {
  return new TriadError("TRIAD_FRAME_INVALID", `event ${seq} of the transcript breaks its hash chain: ${problem}`, { seq });
}
