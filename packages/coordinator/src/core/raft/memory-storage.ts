/**
 * Raft storage in memory: the reference implementation, and what tests and the simulator run on.
 *
 * Invariants: entries[i] has index offset + 1 + i, where (offset, offsetTerm) is the entry the log was compacted at; the log never has
 * a gap; the snapshot is at or below the last index.
 */
import { sliceWithinBytes } from "./entry-size.ts";
import { invariant } from "./raft-invariant-error.ts";
import type { ConfState, Entry, HardState, RaftStorage, Snapshot } from "./types.ts";
import { NONE, RaftStorageError } from "./types.ts";

const EMPTY_CONF_STATE: ConfState = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const EMPTY_SNAPSHOT: Snapshot = { index: 0, term: 0, confState: EMPTY_CONF_STATE, data: new Uint8Array(0) };

export class MemoryStorage implements RaftStorage {
  #hardState: HardState = { term: 0, vote: NONE, commit: 0 };
  #snapshot: Snapshot = EMPTY_SNAPSHOT;
  #offset = 0;
  #offsetTerm = 0;
  #entries: Entry[] = [];

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.confState };
  }

  entries(low: number, high: number, maxBytes: number): readonly Entry[] {
    if (low <= this.#offset) throw new RaftStorageError("compacted");
    if (high > this.lastIndex() + 1) throw new RaftStorageError("unavailable");
    return sliceWithinBytes(this.#entries, low - this.#offset - 1, high - this.#offset - 1, maxBytes);
  }

  term(index: number): number {
    if (index < this.#offset) throw new RaftStorageError("compacted");
    if (index === this.#offset) return this.#offsetTerm;
    const entry = this.#entries[index - this.#offset - 1];
    if (entry === undefined) throw new RaftStorageError("unavailable");
    return entry.term;
  }

  firstIndex(): number {
    return this.#offset + 1;
  }

  lastIndex(): number {
    return this.#offset + this.#entries.length;
  }

  snapshot(): Snapshot {
    return this.#snapshot;
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** Replaces everything by a received snapshot. One that is not newer than what is here is refused: false. */
  applySnapshot(snapshot: Snapshot): boolean {
    if (this.#snapshot.index !== 0 && this.#snapshot.index >= snapshot.index) return false;
    this.#snapshot = snapshot;
    this.#offset = snapshot.index;
    this.#offsetTerm = snapshot.term;
    this.#entries = [];
    return true;
  }

  /** Records a snapshot of the applied state at `index`; the log stays until it is compacted. */
  createSnapshot(index: number, confState: ConfState, data: Uint8Array): Snapshot {
    invariant(index > this.#snapshot.index, () => `snapshot ${index} is not newer than ${this.#snapshot.index}`);
    invariant(index <= this.lastIndex(), () => `snapshot ${index} is out of bound lastindex(${this.lastIndex()})`);
    this.#snapshot = { index, term: this.term(index), confState, data };
    return this.#snapshot;
  }

  /** Drops entries up to and with `index`. */
  compact(index: number): void {
    if (index <= this.#offset) throw new RaftStorageError("compacted");
    invariant(index <= this.lastIndex(), () => `compact ${index} is out of bound lastindex(${this.lastIndex()})`);
    const term = this.term(index);
    this.#entries = this.#entries.slice(index - this.#offset);
    this.#offset = index;
    this.#offsetTerm = term;
  }

  /** Appends, dropping whatever is at and after the first new index; what is compacted already is skipped. */
  append(entries: readonly Entry[]): void {
    const skip = entries.findIndex((entry) => entry.index > this.#offset);
    if (skip < 0) return;
    const at = entries[skip]!.index - this.#offset - 1;
    invariant(at <= this.#entries.length, () => `missing log entry [last: ${this.lastIndex()}, append at: ${entries[skip]!.index}]`);
    this.#entries.length = at;
    for (let next = skip; next < entries.length; next++) this.#entries.push(entries[next]!);
  }
}
