/**
 * One log out of two: stable storage below, unstable entries above, with the commit and apply positions.
 * Kept apart from the state machine, which decides what is committed; here is only what the log can answer and refuse.
 *
 * Invariants: applied ≤ applying ≤ committed ≤ lastIndex(). `committed` moves by commitTo and restore, never back. `applying` moves
 * when committed entries are handed out, `applied` when they come back applied. Committed entries are never truncated.
 */
import { encodedBytes } from "./entry-size.ts";
import { invariant } from "./raft-invariant-error.ts";
import type { RaftLogger } from "./raft-logger.ts";
import type { Entry, RaftStorage, Snapshot } from "./types.ts";
import { RaftStorageError } from "./types.ts";
import { UnstableLog } from "./unstable-log.ts";

/** Which entry: the pair the paper compares logs by. */
export interface EntryId {
  readonly term: number;
  readonly index: number;
}

/** A page of entries or the reason why there is none. */
export type EntriesResult = { readonly kind: "entries"; readonly entries: readonly Entry[] } | { readonly kind: "compacted" };

export class RaftLog {
  readonly storage: RaftStorage;
  readonly unstable: UnstableLog;
  committed: number;
  applying: number;
  applied: number;
  /** Bound on entries handed out for applying and not yet applied. */
  readonly maxApplyingBytes: number;
  #applyingBytes = 0;
  #applyingPaused = false;
  readonly #logger: RaftLogger | undefined;

  constructor(storage: RaftStorage, maxApplyingBytes: number, logger: RaftLogger | undefined) {
    this.storage = storage;
    this.maxApplyingBytes = maxApplyingBytes;
    this.#logger = logger;
    this.unstable = new UnstableLog(storage.lastIndex() + 1, logger);
    this.committed = storage.firstIndex() - 1;
    this.applying = this.committed;
    this.applied = this.committed;
  }

  firstIndex(): number {
    const snapshot = this.unstable.snapshot;
    return snapshot === undefined ? this.storage.firstIndex() : snapshot.index + 1;
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.storage.lastIndex();
  }

  lastEntryId(): EntryId {
    const index = this.lastIndex();
    const term = this.term(index);
    invariant(term !== undefined, () => `unexpected error when getting the last term at ${index}`);
    return { term, index };
  }

  /** Term of the entry at `index`; undefined when it is compacted away or not there yet. */
  term(index: number): number | undefined {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) return unstable;
    if (index + 1 < this.firstIndex() || index > this.lastIndex()) return undefined;
    try {
      return this.storage.term(index);
    } catch (error) {
      // Storage may have compacted between the two questions.
      if (error instanceof RaftStorageError) return undefined;
      throw error;
    }
  }

  matchTerm(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** §5.4.1: the later last term wins, and of equal ones the longer log. */
  isUpToDate(their: EntryId): boolean {
    const our = this.lastEntryId();
    return their.term > our.term || (their.term === our.term && their.index >= our.index);
  }

  /** The follower's append (§5.3). Index of the last new entry, or undefined if the log does not contain `previous`. */
  maybeAppend(previous: EntryId, entries: readonly Entry[], committed: number): number | undefined {
    if (!this.matchTerm(previous)) return undefined;
    const lastNew = previous.index + entries.length;
    const conflict = this.#findConflict(entries);
    if (conflict !== undefined) {
      invariant(conflict > this.committed, () => `entry ${conflict} conflict with committed entry [committed(${this.committed})]`);
      this.append(conflict === previous.index + 1 ? entries : entries.slice(conflict - previous.index - 1));
    }
    // Never beyond what this append verified: entries after lastNew may be another leader's.
    this.commitTo(Math.min(committed, lastNew));
    return lastNew;
  }

  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const after = entries[0]!.index - 1;
    invariant(after >= this.committed, () => `after(${after}) is out of range [committed(${this.committed})]`);
    this.unstable.truncateAndAppend(entries);
  }

  /**
   * The largest index at or below `index` whose term is at most `term` (0 for that term when it is unknown): the best guess where
   * a log ending in (index, term) can agree with this one, which skips whole terms per round trip.
   */
  findConflictByTerm(index: number, term: number): EntryId {
    for (let at = index; at > 0; at--) {
      const our = this.term(at);
      if (our === undefined) return { index: at, term: 0 };
      if (our <= term) return { index: at, term: our };
    }
    return { index: 0, term: 0 };
  }

  maybeCommit(id: EntryId): boolean {
    if (id.index <= this.committed || id.term === 0 || !this.matchTerm(id)) return false;
    this.commitTo(id.index);
    return true;
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    const last = this.lastIndex();
    invariant(
      index <= last,
      () => `tocommit(${index}) is out of range [lastIndex(${last})]. Was the raft log corrupted, truncated, or lost?`,
    );
    this.committed = index;
  }

  /** The driver has applied up to `index`, entries of `sizeBytes` encoded. */
  appliedTo(index: number, sizeBytes: number): void {
    invariant(
      index <= this.committed && index >= this.applied,
      () => `applied(${index}) is out of range [prevApplied(${this.applied}), committed(${this.committed})]`,
    );
    this.applied = index;
    this.applying = Math.max(this.applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - sizeBytes);
    this.#applyingPaused = this.#applyingBytes >= this.maxApplyingBytes;
  }

  /** Committed entries up to `index` are handed out for applying. */
  acceptApplying(index: number, sizeBytes: number, allowUnstable: boolean): void {
    invariant(
      index <= this.committed,
      () => `applying(${index}) is out of range [prevApplying(${this.applying}), committed(${this.committed})]`,
    );
    this.applying = index;
    this.#applyingBytes += sizeBytes;
    // A batch cut short by its bound also pauses: the rest would exceed the bound, though the sum of what is out may be below it.
    this.#applyingPaused = this.#applyingBytes >= this.maxApplyingBytes || index < this.#maxAppliableIndex(allowUnstable);
  }

  /** Committed entries to apply next. Without `allowUnstable` only those that are stable here. */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return [];
    const high = this.#maxAppliableIndex(allowUnstable) + 1;
    const room = this.maxApplyingBytes - this.#applyingBytes;
    invariant(room > 0, () => `applying entry size (${this.maxApplyingBytes}-${this.#applyingBytes})=${room} not positive`);
    const result = this.slice(this.applying + 1, high, room);
    invariant(result.kind === "entries", () => `unapplied entries from ${this.applying + 1} are compacted`);
    return result.entries;
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    // A snapshot under way replaces everything below it; entries come after it.
    if (this.#applyingPaused || this.unstable.snapshot !== undefined) return false;
    return this.applying < this.#maxAppliableIndex(allowUnstable);
  }

  snapshot(): Snapshot {
    return this.unstable.snapshot ?? this.storage.snapshot();
  }

  restore(snapshot: Snapshot): void {
    this.#logger?.info(`log [${this}] starts to restore snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`);
    this.committed = snapshot.index;
    this.unstable.restore(snapshot);
  }

  /** Entries from `index` to the end, within `maxBytes`. */
  entriesFrom(index: number, maxBytes: number): EntriesResult {
    const last = this.lastIndex();
    if (index > last) return { kind: "entries", entries: [] };
    return this.slice(index, last + 1, maxBytes);
  }

  /** Entries [low, high) within `maxBytes`, at least one. */
  slice(low: number, high: number, maxBytes: number): EntriesResult {
    const first = this.firstIndex();
    const last = this.lastIndex();
    invariant(low <= high, () => `invalid slice ${low} > ${high}`);
    if (low < first) return { kind: "compacted" };
    invariant(high <= last + 1, () => `slice[${low},${high}) out of bound [${first},${last}]`);
    if (low === high) return { kind: "entries", entries: [] };
    const offset = this.unstable.offset;
    if (low >= offset) return { kind: "entries", entries: this.unstable.slice(low, high, maxBytes) };
    return this.#sliceAcross(low, high, offset, maxBytes);
  }

  toString(): string {
    const { offset, offsetInProgress, length } = this.unstable;
    return (
      `committed=${this.committed}, applied=${this.applied}, applying=${this.applying}, unstable.offset=${offset}, ` +
      `unstable.offsetInProgress=${offsetInProgress}, len(unstable.Entries)=${length}`
    );
  }

  #sliceAcross(low: number, high: number, offset: number, maxBytes: number): EntriesResult {
    const cut = Math.min(high, offset);
    let stable: readonly Entry[];
    try {
      stable = this.storage.entries(low, cut, maxBytes);
    } catch (error) {
      if (error instanceof RaftStorageError && error.reason === "compacted") return { kind: "compacted" };
      throw error;
    }
    // Storage stopped at the byte bound, or there is nothing above it.
    if (high <= offset || stable.length < cut - low) return { kind: "entries", entries: stable };
    const size = encodedBytes(stable);
    if (size >= maxBytes) return { kind: "entries", entries: stable };
    const rest = this.unstable.slice(offset, high, maxBytes - size);
    // slice gives at least one entry, which here may be one too many.
    if (rest.length === 1 && size + encodedBytes(rest) > maxBytes) return { kind: "entries", entries: stable };
    return { kind: "entries", entries: [...stable, ...rest] };
  }

  #findConflict(entries: readonly Entry[]): number | undefined {
    for (const entry of entries) {
      const our = this.term(entry.index);
      if (our === entry.term) continue;
      if (entry.index <= this.lastIndex()) {
        this.#logger?.info(`found conflict at index ${entry.index} [existing term: ${our ?? 0}, conflicting term: ${entry.term}]`);
      }
      return entry.index;
    }
    return undefined;
  }

  #maxAppliableIndex(allowUnstable: boolean): number {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }
}
