/**
 * The write-ahead log: Raft's entries and votes, durable. Group commit: whatever is appended while a flush runs becomes one write
 * and one flush. Kept apart from the files' layout (wal-writer, wal-record), from reading them back (wal-recovery, wal-entry-source)
 * and from Raft's rules (core/raft).
 *
 * (L1) `done(null)` of a batch is called after a flush that began when the batch had been written, in the order of the appends.
 * (L2) One flush at a time, and the next batch is written only when the one before is durable: recovery rests on it.
 * (L3) A failed write or flush ends it all: the kernel may drop the dirty pages and report success the next time, so no later flush
 *      can be believed. `onFatal` hears of it before any waiting `done` does.
 * (L4) Each write takes everything that waits; after it, what is written equals what was appended.
 * (L5) A file is removed only when a record that says so is durable, oldest first, so that what is left is always one piece.
 */
import { TriadError } from "@triad/protocol";
import { type ConfState, type Entry, type HardState, RaftStorageError, type Snapshot } from "../../core/raft/types.ts";
import type { DurableLog, LogBatch } from "../../services/raft-driver/ports.ts";
import { corruptState } from "./state-folder.ts";
import type { Disk } from "./wal-disk.ts";
import { EntrySource } from "./wal-entry-source.ts";
import type { TermRuns } from "./wal-index.ts";
import type { CutRequest, LogLayout, LogRestart } from "./wal-layout.ts";
import { type RecoveredLog, recoverLog } from "./wal-recovery.ts";
import { LogReplay } from "./wal-replay.ts";
import { SPARE_NAME, segmentName } from "./wal-segment.ts";
import { EntryWindow } from "./wal-window.ts";
import { SegmentWriter, type WriteSet, type WriteStep } from "./wal-writer.ts";

const SEGMENT_BYTES_DEFAULT: number = 8 * 1024 * 1024;
/** A segment must hold the first batch, and be whole sectors. */
export const SEGMENT_BYTES_MIN = 4096;
const WINDOW_BYTES_DEFAULT: number = 32 * 1024 * 1024;

export interface WalOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly confState: ConfState;
  /** Allows an empty folder. Without it that is TRIAD_STORE_EMPTY: a node that lost its vote must not come back as a voter. */
  readonly bootstrap: boolean;
  readonly segmentBytes?: number;
  /** Bytes of the newest entries kept in memory. */
  readonly windowBytes?: number;
  readonly monotonicMs: () => number;
  /** The log cannot go on; the process must end. Called once, before anyone who waits is told. */
  readonly onFatal: (error: Error) => void;
  readonly onSync?: (seconds: number) => void;
}

interface Waiting extends WriteStep {
  readonly done: (error: Error | null) => void;
}

export class WriteAheadLog implements DurableLog {
  readonly bootEpoch: number;
  /** True if the last, never flushed batch was found torn and cut. */
  readonly tailWasCut: boolean;
  readonly #options: WalOptions;
  readonly #terms: TermRuns;
  readonly #window: EntryWindow;
  readonly #layout: LogLayout;
  readonly #source: EntrySource;
  readonly #writer: SegmentWriter;
  #membership: ConfState | undefined;
  #latestSnapshot: () => Snapshot | undefined = () => undefined;
  #hardState: HardState;
  #hardStateWaits = false;
  #waiting: Waiting[] = [];
  #writing: Waiting[] | undefined;
  #written: { readonly index: number; readonly term: number };
  #failed: Error | undefined;
  #closing: (() => void) | undefined;

  private constructor(options: WalOptions, replay: LogReplay, writer: SegmentWriter, recovered: RecoveredLog) {
    this.#options = options;
    this.#terms = replay.terms;
    this.#window = replay.window;
    this.#hardState = replay.hardState;
    this.#layout = replay.layout;
    this.#membership = replay.membership;
    this.#source = new EntrySource(options.disk, options.folder, replay.layout.places);
    this.#writer = writer;
    this.#written = { index: replay.terms.lastIndex, term: replay.terms.lastTerm };
    this.bootEpoch = recovered.end.seq;
    this.tailWasCut = recovered.dirtyTail;
  }

  /** Opens the log, cutting a torn tail. Throws TRIAD_STORE_EMPTY or TRIAD_STORE_CORRUPT. */
  static open(options: WalOptions): WriteAheadLog {
    const { disk, folder } = options;
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
    if (segmentBytes < SEGMENT_BYTES_MIN) throw new RangeError(`segmentBytes must be at least ${SEGMENT_BYTES_MIN}`);
    const replay = new LogReplay(new EntryWindow(options.windowBytes ?? WINDOW_BYTES_DEFAULT));
    const recovered = recoverLog(disk, folder, replay.visit);
    replay.assertSound(folder);
    const { end } = recovered;
    if (end.batch === 0 && !options.bootstrap) {
      throw new TriadError(
        "TRIAD_STORE_EMPTY",
        `${folder} holds no log, and this coordinator was not started with --bootstrap. It lost its contents: a coordinator must not ` +
          "come back without its vote. Restore the folder, or replace this coordinator.",
        { folder },
      );
    }
    removeRemains(disk, folder, recovered);
    replay.forgetFilesBefore(recovered.firstKept);
    const writer =
      end.batch === 0
        ? SegmentWriter.create(disk, folder, segmentBytes, replay.layout)
        : SegmentWriter.resume(disk, folder, segmentBytes, replay.layout, end, recovered.dirtyTail);
    const log = new WriteAheadLog(options, replay, writer, recovered);
    if (end.batch === 0) log.#writeFirstBatch();
    return log;
  }

  /** A log without a single entry or vote: as bootstrap made it. */
  get pristine(): boolean {
    return this.#terms.lastIndex === 0 && this.#hardState.term === 0;
  }

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#membership ?? this.#options.confState };
  }

  firstIndex(): number {
    return this.#terms.firstIndex;
  }

  lastIndex(): number {
    return this.#terms.lastIndex;
  }

  term(index: number): number {
    const term = this.#terms.term(index);
    if (term !== undefined) return term;
    throw new RaftStorageError(index > this.#terms.lastIndex ? "unavailable" : "compacted");
  }

  entries(low: number, high: number, maxBytes: number): readonly Entry[] {
    if (low < this.#terms.firstIndex) throw new RaftStorageError("compacted");
    if (high > this.#terms.lastIndex + 1) throw new RaftStorageError("unavailable");
    if (low >= high) return [];
    const held = this.#window.first ?? Number.MAX_SAFE_INTEGER;
    if (low >= held) return this.#window.read(low, high, maxBytes);
    return this.#source.read(low, Math.min(high, held), maxBytes);
  }

  /** What `snapshot()` gives; undefined while one is being made. */
  useSnapshots(latest: () => Snapshot | undefined): void {
    this.#latestSnapshot = latest;
  }

  snapshot(): Snapshot {
    const latest = this.#latestSnapshot();
    // The core treats this as "ask again later".
    if (latest === undefined) throw new RaftStorageError("snapshotTemporarilyUnavailable");
    return latest;
  }

  /** Bytes of the log's files. */
  get bytes(): number {
    return this.#layout.bytes;
  }

  noteApplied(index: number): void {
    if (index < this.#terms.firstIndex - 1) throw corruptState(this.#options.folder, index, this.#terms.firstIndex);
    if (index > this.#terms.lastIndex) {
      throw new TriadError(
        "TRIAD_STORE_CORRUPT",
        `${this.#options.folder} ends at entry ${this.#terms.lastIndex}, but entry ${index} was applied from it. The end of the log is ` +
          "missing, so this coordinator must not vote or answer. The other coordinators go on; replace this one.",
        { folder: this.#options.folder, lastIndex: this.#terms.lastIndex, applied: index },
      );
    }
    if (index > this.#hardState.commit) this.#hardState = { ...this.#hardState, commit: index };
  }

  append(batch: LogBatch, done: (error: Error | null) => void): void {
    if (this.#failed !== undefined || this.#closing !== undefined) {
      done(this.#failed ?? new Error("the log is closed"));
      return;
    }
    const { hardState, snapshot } = batch;
    const restart = snapshot === undefined ? undefined : this.#beginAnew(snapshot);
    const truncateFrom = this.#takeOver(batch.entries);
    let needsFlush = batch.entries.length > 0 || restart !== undefined;
    if (hardState !== undefined) {
      needsFlush ||= hardState.term !== this.#hardState.term || hardState.vote !== this.#hardState.vote;
      this.#hardState = hardState;
      this.#hardStateWaits = true;
    }
    const item: Waiting =
      restart === undefined
        ? { truncateFrom, entries: batch.entries, done }
        : { restart, truncateFrom, entries: batch.entries, done: (error) => this.#begun(error, done) };
    if (needsFlush || this.#waiting.length > 0) {
      this.#waiting.push(item);
      this.#writeWaiting();
    } else if (this.#writing !== undefined) {
      this.#writing.push(item);
    } else {
      done(null);
    }
  }

  /**
   * Removes whole files of entries that nobody needs. Returns the new last index before the log, or undefined where nothing can go; the
   * files go when the log has noted durably that they may.
   */
  cut(request: CutRequest): number | undefined {
    if (this.#failed !== undefined || this.#closing !== undefined) return undefined;
    const point = this.#layout.cutPoint(request, this.#terms.lastIndex);
    if (point === undefined) return undefined;
    if (!this.#terms.cutTo(point.baseIndex)) throw new Error(`the log cannot be cut at ${point.baseIndex}: it does not reach there`);
    this.#window.dropBefore(point.baseIndex + 1);
    const gone = this.#layout.dropFilesBefore(point.segment);
    const done = (error: Error | null): void => {
      if (error === null) this.#removeFiles(gone);
    };
    this.#waiting.push({ truncateFrom: undefined, entries: [], cut: point.segment, done });
    this.#writeWaiting();
    return point.baseIndex;
  }

  /** Writes what still waits, then closes. Resolves when no flush is running any more, also on a log that failed. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      // A commit index that nobody waited for is worth keeping now: it saves the next start a round.
      if (this.#hardStateWaits && this.#waiting.length === 0)
        this.#waiting.push({ truncateFrom: undefined, entries: [], done: () => undefined });
      this.#closing = () => {
        this.#source.close();
        this.#writer.close();
        resolve();
      };
      this.#writeWaiting();
      if (this.#writing === undefined) this.#closing();
    });
  }

  /** The log is empty after the snapshot's entry. What waits to be written is of the log before: it need not be written any more. */
  #beginAnew({ index, term, confState }: Snapshot): LogRestart {
    if (index <= this.#hardState.commit) throw new Error(`snapshot ${index} is not newer than what is committed here`);
    this.#terms.restart(index, term);
    this.#window.clear();
    this.#membership = confState;
    this.#waiting = this.#waiting.map(({ done }) => ({ truncateFrom: undefined, entries: [], done }));
    return { index, term, confState };
  }

  /** Makes the entries part of the logical log. Returns where it had to be truncated for them. */
  #takeOver(entries: readonly Entry[]): number | undefined {
    const first = entries[0];
    if (first === undefined) return undefined;
    const truncateFrom = first.index <= this.#terms.lastIndex ? first.index : undefined;
    if (truncateFrom !== undefined) {
      if (truncateFrom <= this.#hardState.commit) throw new Error(`entry ${truncateFrom} is committed and must not be replaced`);
      if (!this.#terms.truncateFrom(truncateFrom)) throw new Error(`entry ${first.index} lies before the log`);
      this.#window.truncateFrom(truncateFrom);
    }
    for (const entry of entries) {
      if (!this.#terms.append(entry.index, entry.term)) {
        throw new Error(
          `entry ${entry.index} of term ${entry.term} does not follow ${this.#terms.lastIndex} of term ${this.#terms.lastTerm}`,
        );
      }
      this.#window.append(entry);
    }
    return truncateFrom;
  }

  #writeWaiting(): void {
    if (this.#writing !== undefined || this.#waiting.length === 0 || this.#failed !== undefined) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#writing = batch;
    const startedMs = this.#options.monotonicMs();
    try {
      this.#write(batch);
      this.#writer.file.fdatasync((error) => this.#flushed(error, startedMs));
    } catch (error) {
      this.#fail(error);
    }
  }

  #write(steps: readonly Waiting[]): void {
    // What waited before a new beginning carries nothing any more, and the writer wants the beginning first.
    const begins = steps.findIndex(({ restart }) => restart !== undefined);
    const set: WriteSet = {
      steps: begins < 0 ? steps : steps.slice(begins),
      hardState: this.#hardState,
      hardStateWaits: this.#hardStateWaits,
      membership: this.#membership,
    };
    this.#hardStateWaits = false;
    this.#writer.write(set, this.#written);
    this.#written = { index: this.#terms.lastIndex, term: this.#terms.lastTerm };
    this.#window.written(this.#terms.lastIndex);
  }

  #flushed(error: Error | null, startedMs: number): void {
    if (this.#failed !== undefined) return;
    if (error !== null) {
      this.#fail(error);
      return;
    }
    const batch = this.#writing ?? [];
    this.#writing = undefined;
    this.#options.onSync?.((this.#options.monotonicMs() - startedMs) / 1000);
    // The next write starts before anyone is told, so that the disk does not wait for what they do.
    this.#writeWaiting();
    for (const { done } of batch) done(null);
    if (this.#closing === undefined) this.#prepareNext();
    else if (this.#writing === undefined) this.#closing();
  }

  #prepareNext(): void {
    try {
      this.#writer.prepareNext((error) => {
        if (this.#closing === undefined) this.#fail(error);
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(cause: unknown): void {
    if (this.#failed !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `The disk refused a write or a sync in ${this.#options.folder}: ${reason}`;
    const failure = new TriadError("TRIAD_STORE_FAILED", message, undefined, { cause });
    this.#failed = failure;
    this.#options.onFatal(failure);
    const abandoned = [...(this.#writing ?? []), ...this.#waiting];
    this.#writing = undefined;
    this.#waiting = [];
    for (const { done } of abandoned) done(failure);
    this.#closing?.();
  }

  /** The new beginning is durable: what was before it goes. */
  #begun(error: Error | null, done: (error: Error | null) => void): void {
    if (error === null) this.#removeFiles(this.#layout.dropFilesBeforeRestart());
    done(error);
  }

  #removeFiles(numbers: readonly number[]): void {
    try {
      this.#source.forgetFilesBefore((numbers.at(-1) ?? 0) + 1);
      for (const number of numbers) this.#options.disk.remove(`${this.#options.folder}/${segmentName(number)}`);
      if (numbers.length > 0) this.#options.disk.syncFolder(this.#options.folder);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Synchronous: nobody runs yet. Makes "bootstrapped, never voted" a state of its own, apart from "lost everything". */
  #writeFirstBatch(): void {
    this.#hardStateWaits = true;
    this.#write([]);
    this.#writer.file.fdatasyncSync();
  }
}

/** Removes an unfinished spare and segments behind the end, which never held a flushed batch, and what a cut had no time to remove. */
function removeRemains(disk: Disk, folder: string, recovered: RecoveredLog): void {
  const behind = recovered.segments.filter((segment) => segment > recovered.end.segment || recovered.end.batch === 0).map(segmentName);
  if (disk.list(folder).includes(SPARE_NAME)) behind.push(SPARE_NAME);
  const before = recovered.segments.filter((segment) => segment < recovered.firstKept).map(segmentName);
  // From both ends inwards, so that a crash in between leaves no gap.
  const names = [...behind.reverse(), ...before];
  for (const name of names) disk.remove(`${folder}/${name}`);
  if (names.length > 0) disk.syncFolder(folder);
}
