/**
 * The writing end of the segment files: encodes one batch, finds room for it, writes it. Knows nothing of Raft or of who waits.
 *
 * (S1) A batch lies in one segment; what does not fit opens the next, whose first record is the segment's header. (S2) The caller
 * flushes one batch before it writes the next, so a segment is complete on disk before its successor holds anything. (S3) Every segment
 * but the very first says hard state and membership at its head, and a log that begins anew begins a segment: so files before any segment
 * can be removed without losing either.
 */
import type { ConfState, Entry, HardState } from "../../core/raft/types.ts";
import type { Disk, DiskFile } from "./wal-disk.ts";
import type { LogRestart } from "./wal-layout.ts";
import { confToPayload, encodeRecord, plainRecord, recordBytes, voteToPayload, type WalRecord } from "./wal-record.ts";
import type { LogEnd } from "./wal-recovery.ts";
import { SEGMENT_NUMBER_FIRST, SPARE_NAME, segmentHeader, segmentName } from "./wal-segment.ts";

/**
 * Zeros are written and flushed in steps of this size, so that preparing a segment holds up neither the loop nor, when its first batch
 * comes, the flush of that batch.
 */
const ZERO_STEP_BYTES: number = 1024 * 1024;
const ZEROS = new Uint8Array(ZERO_STEP_BYTES);
const HEADER_RECORD_BYTES = recordBytes(16);

export interface WriteStep {
  readonly truncateFrom: number | undefined;
  readonly entries: readonly Entry[];
  /** The log begins anew here. Only the first step may. */
  readonly restart?: LogRestart;
  /** Files before this number are not needed any more. */
  readonly cut?: number;
}

/** What one write carries, in order; the hard state is the newest and stands at the end. */
export interface WriteSet {
  readonly steps: readonly WriteStep[];
  /** The newest, and whether it has to be written though no segment begins. */
  readonly hardState: HardState;
  readonly hardStateWaits: boolean;
  /** Undefined where it is the folder's first. */
  readonly membership: ConfState | undefined;
}

/** Told of every entry as it gets its place. */
export interface PlaceListener {
  written(index: number, segment: number, offset: number): void;
  truncatedFrom(index: number): void;
  /** A segment begins, after the entry of that index. */
  opened(segment: number, baseIndex: number, bytes: number): void;
  hardStateIn(segment: number): void;
  restarted(segment: number, baseIndex: number): void;
}

interface Spare {
  readonly file: DiskFile;
  zeroed: number;
  flushing: boolean;
}

export class SegmentWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #places: PlaceListener;
  #file: DiskFile;
  #capacity: number;
  #end: LogEnd;
  #spare: Spare | undefined;
  #scratch: Uint8Array = new Uint8Array(64 * 1024);

  private constructor(disk: Disk, folder: string, segmentBytes: number, places: PlaceListener, file: DiskFile, end: LogEnd) {
    this.#disk = disk;
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    this.#places = places;
    this.#file = file;
    this.#capacity = file.size();
    this.#end = end;
  }

  /** Begins a new log in an empty folder. */
  static create(disk: Disk, folder: string, segmentBytes: number, places: PlaceListener): SegmentWriter {
    const end: LogEnd = { segment: SEGMENT_NUMBER_FIRST, offset: 0, seq: 0, crc: 0, batch: 0, batchOffset: 0 };
    const file = createZeroed(disk, `${folder}/${segmentName(end.segment)}`, segmentBytes);
    disk.syncFolder(folder);
    return new SegmentWriter(disk, folder, segmentBytes, places, file, end);
  }

  /**
   * Goes on behind a recovered end, after what stands there is wiped. The last batch is written again and flushed: it may have been
   * read from the page cache of a process that died before its flush, or whose flush failed and left the pages clean, and nothing may
   * rest on it before it is known to be on the disk.
   */
  static resume(disk: Disk, folder: string, segmentBytes: number, places: PlaceListener, end: LogEnd, wipe: boolean): SegmentWriter {
    const file = disk.open(`${folder}/${segmentName(end.segment)}`, "write");
    file.write(end.batchOffset, file.read(end.batchOffset, end.offset - end.batchOffset));
    if (wipe) zeroFill(file, end.offset, file.size());
    file.fdatasyncSync();
    disk.syncFolder(folder);
    return new SegmentWriter(disk, folder, segmentBytes, places, file, end);
  }

  /** The file that holds what was written last, to be flushed. */
  get file(): DiskFile {
    return this.#file;
  }

  /** The segment that was written to last. */
  get segment(): number {
    return this.#end.segment;
  }

  /** Writes the set as one batch. Not durable before `file` is flushed. */
  write(set: WriteSet, lastIndexBefore: { readonly index: number; readonly term: number }): void {
    const membership = set.membership === undefined ? undefined : confToPayload(set.membership);
    let bytes = recordBytes(0) + recordBytes(8);
    for (const step of set.steps) bytes += stepBytes(step);
    const begins = set.steps[0]?.restart !== undefined && this.#end.offset > 0;
    const opensSegment = begins || this.#end.offset === 0 || this.#end.offset + bytes > this.#capacity;
    if (opensSegment) bytes += HEADER_RECORD_BYTES + (membership === undefined ? 0 : recordBytes(membership.length));
    if (opensSegment && this.#end.offset > 0) this.#roll(bytes);
    else if (bytes > this.#capacity) throw new Error(`a batch of ${bytes} bytes does not fit the first segment`);
    if (bytes > this.#scratch.length) this.#scratch = new Uint8Array(bytes);

    const { segment } = this.#end;
    const encoder = new BatchEncoder(this.#scratch, this.#end);
    if (opensSegment) {
      encoder.add(plainRecord("segment", 0, lastIndexBefore.term, lastIndexBefore.index, segmentHeader(segment)));
      this.#places.opened(segment, lastIndexBefore.index, this.#capacity);
      if (membership !== undefined) encoder.add(plainRecord("membership", 0, 0, 0, membership));
    }
    for (const step of set.steps) this.#addStep(encoder, step);
    if (set.hardStateWaits || opensSegment) {
      const { term, commit, vote } = set.hardState;
      encoder.add(plainRecord("hardState", 0, term, commit, voteToPayload(vote)));
      this.#places.hardStateIn(segment);
    }
    encoder.add(plainRecord("batch", 0, this.#end.seq + 1, this.#end.batch + 1));
    this.#file.write(this.#end.offset, this.#scratch.subarray(0, encoder.length));
    this.#end = encoder.end(this.#end.batch + 1);
  }

  #addStep(encoder: BatchEncoder, { restart, truncateFrom, entries, cut }: WriteStep): void {
    const { segment, offset } = this.#end;
    if (restart !== undefined) {
      encoder.add(plainRecord("snapshot", 0, restart.term, restart.index, confToPayload(restart.confState)));
      this.#places.restarted(segment, restart.index);
    }
    if (truncateFrom !== undefined) {
      encoder.add(plainRecord("truncate", 0, 0, truncateFrom));
      this.#places.truncatedFrom(truncateFrom);
    }
    for (const entry of entries) {
      this.#places.written(entry.index, segment, offset + encoder.length);
      encoder.add({ type: "entry", entryType: entry.type, group: 0, seq: 0, term: entry.term, index: entry.index, payload: entry.data });
    }
    const kept = restart === undefined ? cut : segment;
    if (kept !== undefined) encoder.add(plainRecord("cut", 0, 0, kept));
  }

  /** Call after a flush: prepares the next segment step by step once this one is half full. `failed` hears of a flush that failed. */
  prepareNext(failed: (error: Error) => void): void {
    if (this.#end.offset * 2 < this.#capacity) return;
    this.#spare ??= { file: createSpare(this.#disk, this.#folder), zeroed: 0, flushing: false };
    const spare = this.#spare;
    const to = Math.min(spare.zeroed + ZERO_STEP_BYTES, this.#segmentBytes);
    if (spare.flushing || to === spare.zeroed) return;
    zeroFill(spare.file, spare.zeroed, to);
    spare.zeroed = to;
    spare.flushing = true;
    spare.file.fdatasync((error) => {
      spare.flushing = false;
      if (error !== null) failed(error);
    });
  }

  close(): void {
    this.#file.close();
    this.#spare?.file.close();
    this.#spare = undefined;
  }

  #roll(bytes: number): void {
    const spare = this.#spare ?? { file: createSpare(this.#disk, this.#folder), zeroed: 0, flushing: false };
    this.#spare = undefined;
    const capacity = Math.max(this.#segmentBytes, bytes);
    zeroFill(spare.file, spare.zeroed, capacity);
    const segment = this.#end.segment + 1;
    this.#disk.rename(`${this.#folder}/${SPARE_NAME}`, `${this.#folder}/${segmentName(segment)}`);
    this.#disk.syncFolder(this.#folder);
    this.#file.close();
    this.#file = spare.file;
    this.#capacity = capacity;
    this.#end = { ...this.#end, segment, offset: 0 };
  }
}

function stepBytes({ restart, truncateFrom, entries, cut }: WriteStep): number {
  let bytes = 0;
  if (restart !== undefined) bytes += recordBytes(confToPayload(restart.confState).length);
  if (restart !== undefined || cut !== undefined) bytes += recordBytes(0);
  if (truncateFrom !== undefined) bytes += recordBytes(0);
  for (const entry of entries) bytes += recordBytes(entry.data.length);
  return bytes;
}

/** Numbers and chains the records of one batch into a buffer that is large enough. */
class BatchEncoder {
  readonly #target: Uint8Array;
  readonly #start: LogEnd;
  #seq: number;
  #crc: number;
  length = 0;

  constructor(target: Uint8Array, start: LogEnd) {
    this.#target = target;
    this.#start = start;
    this.#seq = start.seq;
    this.#crc = start.crc;
  }

  add(record: WalRecord): void {
    this.#seq++;
    this.#crc = encodeRecord(this.#target, this.length, this.#crc, { ...record, seq: this.#seq });
    this.length += recordBytes(record.payload.length);
  }

  end(batch: number): LogEnd {
    return {
      segment: this.#start.segment,
      offset: this.#start.offset + this.length,
      seq: this.#seq,
      crc: this.#crc,
      batch,
      batchOffset: this.#start.offset,
    };
  }
}

function zeroFill(file: DiskFile, from: number, to: number): void {
  for (let at = from; at < to; at += ZERO_STEP_BYTES) file.write(at, ZEROS.subarray(0, Math.min(ZERO_STEP_BYTES, to - at)));
}

function createZeroed(disk: Disk, path: string, bytes: number): DiskFile {
  const file = disk.open(path, "create");
  zeroFill(file, 0, bytes);
  return file;
}

function createSpare(disk: Disk, folder: string): DiskFile {
  return createZeroed(disk, `${folder}/${SPARE_NAME}`, 0);
}
