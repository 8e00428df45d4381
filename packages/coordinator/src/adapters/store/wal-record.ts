/**
 * One record of the write-ahead log, to bytes and back. Knows nothing of files, batches or Raft's rules.
 *
 * Layout, little endian, padded with zeros to 8 bytes:
 *
 *     0 crc u32 · 4 length u32 · 8 previous u32 · 12 type u8 · 13 entry type u8 · 14 group u16 · 16 seq u64 · 24 term u64 · 32 index u64 · 40 payload
 *
 * (R1) `crc` covers everything after itself. (R2) `previous` is the crc of the record before, over the whole log, so a block from
 * another place or an earlier life of the file never continues the chain. (R3) `seq` rises by one from record to record.
 * (R4) A blank header (all zeros) is no record: that is what unused preallocated space looks like.
 */
import { crc32 } from "node:zlib";
import type { ConfState, EntryType } from "../../core/raft/types.ts";
import { parseConfState } from "./identity.ts";

export const RECORD_HEADER_BYTES = 40;
/** A longer payload is taken for garbage. Far above an entry's limit, far below what would hurt to allocate. */
export const RECORD_PAYLOAD_BYTES_MAX: number = 64 * 1024 * 1024;

/**
 * - `segment`: first of every file; index and term are those of the last entry before it, the payload the format and file number.
 * - `entry`: a log entry.
 * - `hardState`: term, index = commit, payload = vote.
 * - `truncate`: entries from `index` on are gone.
 * - `batch`: ends a batch; term = seq of its first record, index = its number. What no such mark follows never happened.
 * - `snapshot`: the log begins anew after (index, term), whose state came from elsewhere; the payload is the membership there.
 * - `cut`: files before number `index` are not needed any more. Files are removed only after this is durable, so a first file that no
 *   such record explains is a loss.
 * - `membership`: stands at the head of a segment where the membership is another than the folder's first.
 */
export type RecordType = "segment" | "entry" | "hardState" | "truncate" | "batch" | "snapshot" | "cut" | "membership";

const TYPES: readonly (RecordType | undefined)[] = [
  undefined,
  ...(["segment", "entry", "hardState", "truncate", "batch", "snapshot", "cut", "membership"] as const),
];
const ENTRY_TYPES: readonly EntryType[] = ["EntryNormal", "EntryConfChange", "EntryConfChangeV2"];

export interface WalRecord {
  readonly type: RecordType;
  readonly entryType: EntryType;
  readonly group: number;
  readonly seq: number;
  readonly term: number;
  readonly index: number;
  readonly payload: Uint8Array;
}

export type DecodedRecord =
  | { readonly kind: "record"; readonly record: WalRecord; readonly crc: number; readonly previous: number; readonly end: number }
  | { readonly kind: "blank" }
  | { readonly kind: "bad"; readonly reason: string };

export function recordBytes(payloadBytes: number): number {
  return Math.ceil((RECORD_HEADER_BYTES + payloadBytes) / 8) * 8;
}

/** Bytes that the record at `offset` claims to take; that of an empty one where there is not even a header. */
export function recordLengthAt(source: Uint8Array, offset: number): number {
  if (offset + RECORD_HEADER_BYTES > source.length) return RECORD_HEADER_BYTES;
  return recordBytes(new DataView(source.buffer, source.byteOffset + offset, 8).getUint32(4, true));
}

function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 0x1_0000_0000, true);
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
}

function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true);
}

/** Writes the record at `offset` and returns its crc, which the next record must carry as `previous`. */
export function encodeRecord(target: Uint8Array, offset: number, previous: number, record: WalRecord): number {
  const length = record.payload.length;
  const end = offset + recordBytes(length);
  const view = new DataView(target.buffer, target.byteOffset + offset, end - offset);
  view.setUint32(4, length, true);
  view.setUint32(8, previous, true);
  view.setUint8(12, TYPES.indexOf(record.type));
  view.setUint8(13, ENTRY_TYPES.indexOf(record.entryType));
  view.setUint16(14, record.group, true);
  writeU64(view, 16, record.seq);
  writeU64(view, 24, record.term);
  writeU64(view, 32, record.index);
  target.set(record.payload, offset + RECORD_HEADER_BYTES);
  target.fill(0, offset + RECORD_HEADER_BYTES + length, end);
  const crc = crc32(target.subarray(offset + 4, offset + RECORD_HEADER_BYTES + length));
  view.setUint32(0, crc, true);
  return crc;
}

/** Reads what stands at `offset`. The payload is a view of `source`; `end` is where the next record would begin. */
export function decodeRecord(source: Uint8Array, offset: number): DecodedRecord {
  if (offset + RECORD_HEADER_BYTES > source.length) {
    for (let at = offset; at < source.length; at++) if (source[at] !== 0) return { kind: "bad", reason: "a record is cut short" };
    return { kind: "blank" };
  }
  const view = new DataView(source.buffer, source.byteOffset + offset, source.length - offset);
  const crc = view.getUint32(0, true);
  const length = view.getUint32(4, true);
  const type = TYPES[view.getUint8(12)];
  if (type === undefined) {
    for (let at = 0; at < RECORD_HEADER_BYTES; at++) if (view.getUint8(at) !== 0) return { kind: "bad", reason: "unknown record type" };
    return { kind: "blank" };
  }
  if (length > RECORD_PAYLOAD_BYTES_MAX || RECORD_HEADER_BYTES + length > view.byteLength)
    return { kind: "bad", reason: "absurd record length" };
  const payloadEnd = offset + RECORD_HEADER_BYTES + length;
  if (crc32(source.subarray(offset + 4, payloadEnd)) !== crc) return { kind: "bad", reason: "checksum mismatch" };
  const seq = readU64(view, 16);
  const term = readU64(view, 24);
  const index = readU64(view, 32);
  const entryType = ENTRY_TYPES[view.getUint8(13)];
  if (entryType === undefined || !Number.isSafeInteger(seq) || !Number.isSafeInteger(term) || !Number.isSafeInteger(index)) {
    return { kind: "bad", reason: "field out of range" };
  }
  const payload = source.subarray(offset + RECORD_HEADER_BYTES, payloadEnd);
  const record: WalRecord = { type, entryType, group: view.getUint16(14, true), seq, term, index, payload };
  return { kind: "record", record, crc, previous: view.getUint32(8, true), end: offset + recordBytes(length) };
}

/**
 * A cheap look before a checksum is computed: could a record with a seq in (low, low + 2^32) begin here?
 * Keeps the search through unused space fast.
 */
export function mayBeRecord(view: DataView, offset: number, low: number): boolean {
  if (TYPES[view.getUint8(offset + 12)] === undefined) return false;
  const seq = readU64(view, offset + 16);
  return seq > low && seq < low + 0x1_0000_0000;
}

const EMPTY = new Uint8Array(0);

export function voteToPayload(vote: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeU64(new DataView(bytes.buffer), 0, vote);
  return bytes;
}

export function voteFromPayload(payload: Uint8Array): number | undefined {
  if (payload.length !== 8) return undefined;
  const vote = readU64(new DataView(payload.buffer, payload.byteOffset, 8), 0);
  return Number.isSafeInteger(vote) ? vote : undefined;
}

export function confToPayload(confState: ConfState): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(confState));
}

export function confFromPayload(payload: Uint8Array): ConfState | undefined {
  try {
    return parseConfState(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    return undefined;
  }
}

/** A record that carries numbers only. */
export function plainRecord(type: RecordType, seq: number, term: number, index: number, payload: Uint8Array = EMPTY): WalRecord {
  return { type, entryType: "EntryNormal", group: 0, seq, term, index, payload };
}
