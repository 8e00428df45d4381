/**
 * The part of the log not known to be in stable storage: a received snapshot and the entries after it.
 * Kept apart from RaftLog, which joins it with storage into one log.
 *
 * Invariants: entries[i] has index offset + i. Entries below `offsetInProgress` were handed to storage and await its answer; they stay
 * here until then, and may differ from what storage holds at the same index (the newest write wins). A write is acknowledged only if
 * the entry at its index still has its term: otherwise it was overwritten meanwhile, and the acknowledgement speaks of a log that is gone.
 */
import { sliceWithinBytes } from "./entry-size.ts";
import { invariant } from "./raft-invariant-error.ts";
import type { RaftLogger } from "./raft-logger.ts";
import type { Entry, Snapshot } from "./types.ts";

export class UnstableLog {
  #snapshot: Snapshot | undefined;
  #snapshotInProgress = false;
  #entries: Entry[] = [];
  #offset: number;
  #offsetInProgress: number;
  readonly #logger: RaftLogger | undefined;

  constructor(offset: number, logger: RaftLogger | undefined) {
    this.#offset = offset;
    this.#offsetInProgress = offset;
    this.#logger = logger;
  }

  /** Index of the first entry held here (or of the next one, when none is). */
  get offset(): number {
    return this.#offset;
  }

  get offsetInProgress(): number {
    return this.#offsetInProgress;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The snapshot, whether handed to storage or not. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** The snapshot, if storage has not been asked to keep it yet. */
  get nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.#snapshot;
  }

  get hasNextEntries(): boolean {
    return this.#offset + this.#entries.length > this.#offsetInProgress;
  }

  /** The entries storage has not been asked to keep yet. */
  nextEntries(): readonly Entry[] {
    return this.hasNextEntries ? this.#entries.slice(this.#offsetInProgress - this.#offset) : [];
  }

  lastIndex(): number | undefined {
    if (this.#entries.length > 0) return this.#offset + this.#entries.length - 1;
    return this.#snapshot?.index;
  }

  term(index: number): number | undefined {
    if (index < this.#offset) return this.#snapshot?.index === index ? this.#snapshot.term : undefined;
    return this.#entries[index - this.#offset]?.term;
  }

  /** Entries [low, high) within `maxBytes`, at least one. */
  slice(low: number, high: number, maxBytes: number): readonly Entry[] {
    const end = this.#offset + this.#entries.length;
    invariant(low >= this.#offset && high <= end, () => `unstable.slice[${low},${high}) out of bound [${this.#offset},${end}]`);
    return sliceWithinBytes(this.#entries, low - this.#offset, high - this.#offset, maxBytes);
  }

  /** Everything held here is being written now. */
  acceptInProgress(): void {
    this.#offsetInProgress = this.#offset + this.#entries.length;
    if (this.#snapshot !== undefined) this.#snapshotInProgress = true;
  }

  /** Storage holds the log up to the entry (index, term). */
  stableTo(index: number, term: number): void {
    const current = this.term(index);
    if (current === undefined) {
      this.#logger?.info(`entry at index ${index} missing from unstable log; ignoring`);
      return;
    }
    if (index < this.#offset) {
      this.#logger?.info(`entry at index ${index} matched unstable snapshot; ignoring`);
      return;
    }
    if (current !== term) {
      this.#logger?.info(
        `entry at (index,term)=(${index},${term}) mismatched with entry at (${index},${current}) in unstable log; ignoring`,
      );
      return;
    }
    this.#entries.splice(0, index + 1 - this.#offset);
    this.#offset = index + 1;
    this.#offsetInProgress = Math.max(this.#offsetInProgress, this.#offset);
  }

  stableSnapshotTo(index: number): void {
    if (this.#snapshot?.index !== index) return;
    this.#snapshot = undefined;
    this.#snapshotInProgress = false;
  }

  /** Starts anew from a received snapshot. */
  restore(snapshot: Snapshot): void {
    this.#offset = snapshot.index + 1;
    this.#offsetInProgress = this.#offset;
    this.#entries = [];
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Appends, dropping whatever is at and after the first new index. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = entries[0]!.index;
    const end = this.#offset + this.#entries.length;
    invariant(from <= end, () => `append at ${from} leaves a gap after ${end - 1}`);
    if (from < end) {
      if (from <= this.#offset) {
        this.#logger?.info(`replace the unstable entries from index ${from}`);
        this.#entries = [];
        this.#offset = from;
        this.#offsetInProgress = from;
      } else {
        this.#logger?.info(`truncate the unstable entries before index ${from}`);
        this.#entries.length = from - this.#offset;
        this.#offsetInProgress = Math.min(this.#offsetInProgress, from);
      }
    }
    for (const entry of entries) this.#entries.push(entry);
  }
}
