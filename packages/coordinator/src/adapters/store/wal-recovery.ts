/**
 * Reads all segments back, decides what is a torn tail and what is corruption, and hands every record that counts to a visitor.
 * Read-only: cutting the tail is the log's business.
 *
 * The decision rests on how the log is written: batches go to disk one at a time, each ends with a `batch` mark, and the next one's
 * first byte is written after the one before was flushed. Hence
 * (V1) whatever follows the last unbroken chain up to a mark is either the one batch that was never flushed (torn: nobody was told), or
 * (V2) if there is a valid mark of a batch *after* that one, or a valid record behind that one's own mark, it had been flushed: corruption.
 * Damage in the very last batch cannot be told from a torn write by any log of this kind; then the last batch is cut.
 */
import type { Disk } from "./wal-disk.ts";
import { decodeRecord, mayBeRecord, RECORD_HEADER_BYTES, type WalRecord } from "./wal-record.ts";
import { corruptLog, SEGMENT_NUMBER_FIRST, segmentHeaderFits, segmentName, segmentNumbers } from "./wal-segment.ts";

export interface LogEnd {
  /** Segment that the next batch goes to. */
  readonly segment: number;
  readonly offset: number;
  /** Last record of the last batch. */
  readonly seq: number;
  readonly crc: number;
  /** Number of the last batch; 0 if there is none. */
  readonly batch: number;
  /** Where it begins. */
  readonly batchOffset: number;
}

export interface RecoveredLog {
  readonly segments: readonly number[];
  /** Files before this number may be removed: the log says that it has been cut there. */
  readonly firstKept: number;
  readonly end: LogEnd;
  /** Bytes that are not zero stand behind the end: they must be wiped before anything is written there. */
  readonly dirtyTail: boolean;
}

/** Sees each record of every complete batch, in order. Returns what is wrong with it, if it does not fit the log so far. */
export type RecordVisitor = (
  record: WalRecord,
  segment: number,
  offset: number,
  previousCrc: number,
  /** Size of the file that it stands in. */
  fileBytes: number,
) => string | undefined;

const ZEROS: Buffer = Buffer.alloc(64 * 1024);

interface ScannedRecord {
  readonly record: WalRecord;
  readonly offset: number;
  readonly previous: number;
}

interface Stop {
  readonly segment: number;
  readonly offset: number;
  readonly reason: string;
}

function readSegment(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, "read");
  try {
    return file.read(0, file.size());
  } finally {
    file.close();
  }
}

class Recovery {
  readonly #folder: string;
  readonly #visit: RecordVisitor;
  end: LogEnd = { segment: SEGMENT_NUMBER_FIRST, offset: 0, seq: 0, crc: 0, batch: 0, batchOffset: 0 };
  firstKept: number = SEGMENT_NUMBER_FIRST;
  /** The log was cut, so that nothing tells the number of its first batch. */
  #anyBatch = false;
  /** The first place where the chain broke off since the last accepted batch, for the operator. */
  #stop: Stop | undefined;

  constructor(folder: string, visit: RecordVisitor) {
    this.#folder = folder;
    this.#visit = visit;
  }

  path(segment: number): string {
    return `${this.#folder}/${segmentName(segment)}`;
  }

  /** A log that was cut begins in the middle of the chain: what its first record claims to follow is taken for true. */
  beginAt(segment: number, bytes: Uint8Array): void {
    const decoded = decodeRecord(bytes, 0);
    if (decoded.kind !== "record" || decoded.record.type !== "segment" || !segmentHeaderFits(decoded.record.payload, segment)) {
      throw corruptLog(this.path(segment), 0, "the first segment of a log that was cut has no sound header");
    }
    this.end = { segment, offset: 0, seq: decoded.record.seq - 1, crc: decoded.previous, batch: 0, batchOffset: 0 };
    this.#anyBatch = true;
  }

  /** Follows the chain through one segment; returns the offset behind the last complete batch in it. */
  scan(segment: number, bytes: Uint8Array): number {
    let offset = 0;
    let accepted = 0;
    let { seq, crc } = this.end;
    let batch: ScannedRecord[] = [];
    for (;;) {
      const decoded = decodeRecord(bytes, offset);
      const reason = this.#refusal(decoded, segment, offset, seq, crc);
      if (decoded.kind !== "record" || reason !== undefined) {
        const clean = decoded.kind === "blank" && batch.length === 0;
        if (!clean) this.#stop ??= { segment, offset, reason: reason ?? "unused space where a record is expected" };
        return accepted;
      }
      batch.push({ record: decoded.record, offset, previous: decoded.previous });
      seq = decoded.record.seq;
      crc = decoded.crc;
      offset = decoded.end;
      if (decoded.record.type === "batch") {
        this.#accept(batch, segment, bytes.length);
        this.end = { segment, offset, seq, crc, batch: decoded.record.index, batchOffset: accepted };
        this.#stop = undefined;
        accepted = offset;
        batch = [];
      }
    }
  }

  #refusal(decoded: ReturnType<typeof decodeRecord>, segment: number, offset: number, seq: number, crc: number): string | undefined {
    if (decoded.kind === "blank") return undefined;
    if (decoded.kind === "bad") return decoded.reason;
    const { record } = decoded;
    if (record.seq !== seq + 1 || decoded.previous !== crc) {
      return `the record there (number ${record.seq}) does not continue the log (at number ${seq})`;
    }
    if ((offset === 0) !== (record.type === "segment")) return "a segment's header is not where it belongs";
    if (record.type === "segment" && !segmentHeaderFits(record.payload, segment))
      return "the file is of another format, or bears another's name";
    return undefined;
  }

  #accept(batch: readonly ScannedRecord[], segment: number, fileBytes: number): void {
    const first = batch[0]!.record;
    const mark = batch.at(-1)!;
    const follows = this.#anyBatch || mark.record.index === this.end.batch + 1;
    this.#anyBatch = false;
    if (mark.record.term !== first.seq || !follows) {
      throw corruptLog(this.path(segment), mark.offset, "the end mark is of another batch");
    }
    for (const { record, offset, previous } of batch) {
      if (record.type === "cut") this.firstKept = record.index;
      const problem = this.#visit(record, segment, offset, previous, fileBytes);
      if (problem !== undefined) throw corruptLog(this.path(segment), offset, problem);
    }
  }

  /** Looks at what the chain did not reach. Throws if it proves that a flushed batch is missing (V2). */
  examineRest(segment: number, bytes: Uint8Array, from: number, proof: LostBatchProof): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let offset = from;
    while (offset + RECORD_HEADER_BYTES <= bytes.length) {
      const decoded = mayBeRecord(view, offset, this.end.seq) ? decodeRecord(bytes, offset) : undefined;
      if (decoded?.kind !== "record") {
        offset += 8;
        continue;
      }
      if (proof.sees(decoded.record)) {
        const stop = this.#stop ?? { ...this.end, reason: "a batch that was synced is missing" };
        throw corruptLog(this.path(stop.segment), stop.offset, `${stop.reason}, though ${segmentName(segment)} goes on at byte ${offset}`);
      }
      offset = decoded.end;
    }
  }
}

/** (V2) as a predicate over the valid records behind the end. */
class LostBatchProof {
  readonly #nextFirstSeq: number;
  #nextMarkSeq: number = Number.MAX_SAFE_INTEGER;
  #seqMax = 0;

  constructor(endSeq: number) {
    this.#nextFirstSeq = endSeq + 1;
  }

  sees(record: WalRecord): boolean {
    this.#seqMax = Math.max(this.#seqMax, record.seq);
    if (record.type === "batch") {
      if (record.term > this.#nextFirstSeq) return true;
      if (record.term === this.#nextFirstSeq) this.#nextMarkSeq = Math.min(this.#nextMarkSeq, record.seq);
    }
    return this.#seqMax > this.#nextMarkSeq;
  }
}

/** Reads the log in `folder`. Throws TRIAD_STORE_CORRUPT where a flushed record is damaged or missing. */
export function recoverLog(disk: Disk, folder: string, visit: RecordVisitor): RecoveredLog {
  const segments = segmentNumbers(disk.list(folder));
  const recovery = new Recovery(folder, visit);
  const first = segments[0] ?? SEGMENT_NUMBER_FIRST;
  for (const [position, number] of segments.entries()) {
    const expected = first + position;
    if (number !== expected) throw corruptLog(recovery.path(expected), 0, "the file is missing, though later ones are there");
  }
  // Kept for a second look only where something other than zeros stands behind the chain: in a sound log that is nowhere.
  const unreached: { readonly segment: number; readonly from: number }[] = [];
  for (const segment of segments) {
    const bytes = readSegment(disk, recovery.path(segment));
    if (segment === first && first > SEGMENT_NUMBER_FIRST) recovery.beginAt(segment, bytes);
    const from = recovery.scan(segment, bytes);
    if (!isZero(bytes, from)) unreached.push({ segment, from });
  }
  const { end } = recovery;
  const proof = new LostBatchProof(end.seq);
  for (const { segment, from } of unreached) recovery.examineRest(segment, readSegment(disk, recovery.path(segment)), from, proof);
  if (first > SEGMENT_NUMBER_FIRST && end.batch === 0) throw corruptLog(recovery.path(first), 0, "it holds no complete batch");
  if (first > recovery.firstKept) throw corruptLog(recovery.path(first - 1), 0, "the file is missing, though later ones are there");
  // A bit that flipped in the unused space of an earlier segment costs nothing: the chain went on in the next file.
  const dirtyTail = unreached.some(({ segment }) => segment >= end.segment) || segments.some((segment) => segment > end.segment);
  return { segments, firstKept: recovery.firstKept, end, dirtyTail };
}

function isZero(bytes: Uint8Array, from: number): boolean {
  const rest = Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.length - from);
  // Compared in blocks: a loop over 8 MB of bytes would take longer than reading them.
  for (let offset = 0; offset < rest.length; offset += ZEROS.length) {
    const block = rest.subarray(offset, offset + ZEROS.length);
    if (!block.equals(ZEROS.subarray(0, block.length))) return false;
  }
  return true;
}
