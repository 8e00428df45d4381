/**
 * Frames of the snapshot lane. Untrusted input like Raft's own frames (raft-driver/frame.ts): what does not parse is undefined, never an
 * exception. The crc of a chunk's frame is the chunk's checksum; the digest names the whole image.
 *
 *     frame: magic u32 · version u8 · kind u8 · 2 zeros · cluster u32 · from u64 · to u64 · crc u32 · body
 *     offer: digest 32 · term · index · snapshot term · bytes u64 · membership (JSON)
 *     want:  digest 32 · offset · until u64 · rewind u8
 *     chunk: digest 32 · offset u64 · data
 *     end:   digest 32 · taken u8
 *
 * Little endian. The crc covers everything but itself.
 */
import { crc32 } from "node:zlib";
import type { ConfState } from "../../core/raft/types.ts";

const MAGIC = 0x4e535254;
const VERSION = 1;
const HEADER_BYTES = 32;
const CRC_OFFSET = 28;
const DIGEST_BYTES = 32;
/** A chunk and its header stay below what a frame to a peer may have (state.md 11). */
export const CHUNK_BYTES_MAX: number = 256 * 1024 - HEADER_BYTES - DIGEST_BYTES - 8;
/** A membership of this many bytes names a thousand coordinators. */
const MEMBERSHIP_BYTES_MAX = 16 * 1024;

export type SnapshotFrame =
  | {
      readonly kind: "offer";
      readonly digest: Uint8Array;
      /** Raft term of the leader that offers. */
      readonly term: number;
      readonly index: number;
      readonly snapshotTerm: number;
      readonly bytes: number;
      readonly confState: ConfState;
    }
  /** Send what lies in [offset, until). `rewind`: what was sent beyond `offset` is lost. */
  | { readonly kind: "want"; readonly digest: Uint8Array; readonly offset: number; readonly until: number; readonly rewind: boolean }
  | { readonly kind: "chunk"; readonly digest: Uint8Array; readonly offset: number; readonly data: Uint8Array }
  /** `taken`: it is here whole, or not needed. Else: it was refused, or did not pass its check. */
  | { readonly kind: "end"; readonly digest: Uint8Array; readonly taken: boolean };

export interface FrameEnds {
  readonly cluster: number;
  readonly from: number;
  readonly to: number;
}

const KINDS = ["offer", "want", "chunk", "end"] as const;

export function encodeSnapshotFrame(ends: FrameEnds, frame: SnapshotFrame): Uint8Array {
  const body = bodyOf(frame);
  const bytes = Buffer.alloc(HEADER_BYTES + DIGEST_BYTES + body.length);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt8(VERSION, 4);
  bytes.writeUInt8(KINDS.indexOf(frame.kind) + 1, 5);
  bytes.writeUInt32LE(ends.cluster, 8);
  bytes.writeBigUInt64LE(BigInt(ends.from), 12);
  bytes.writeBigUInt64LE(BigInt(ends.to), 20);
  bytes.set(frame.digest, HEADER_BYTES);
  bytes.set(body, HEADER_BYTES + DIGEST_BYTES);
  bytes.writeUInt32LE(crcOf(bytes), CRC_OFFSET);
  return bytes;
}

function crcOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(HEADER_BYTES), crc32(bytes.subarray(0, CRC_OFFSET)));
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [at, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), at * 8);
  return bytes;
}

function bodyOf(frame: SnapshotFrame): Uint8Array {
  switch (frame.kind) {
    case "offer":
      return Buffer.concat([
        numbers(frame.term, frame.index, frame.snapshotTerm, frame.bytes),
        Buffer.from(JSON.stringify(frame.confState)),
      ]);
    case "want":
      return Buffer.concat([numbers(frame.offset, frame.until), Buffer.from([frame.rewind ? 1 : 0])]);
    case "chunk":
      return Buffer.concat([numbers(frame.offset), frame.data]);
    case "end":
      return Buffer.from([frame.taken ? 1 : 0]);
  }
}

/** The frame and its sender; undefined where it is garbled, of another cluster, or for another node. */
export function decodeSnapshotFrame(
  input: Uint8Array,
  expected: { readonly cluster: number; readonly to: number },
  parseMembership: (value: unknown) => ConfState | undefined,
): { readonly from: number; readonly frame: SnapshotFrame } | undefined {
  if (input.length <= HEADER_BYTES + DIGEST_BYTES || input.length > HEADER_BYTES + DIGEST_BYTES + 8 + CHUNK_BYTES_MAX) return undefined;
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const kind = KINDS[bytes.readUInt8(5) - 1];
  if (bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt8(4) !== VERSION || kind === undefined) return undefined;
  if (bytes.readUInt32LE(CRC_OFFSET) !== crcOf(bytes) || bytes.readUInt32LE(8) !== expected.cluster) return undefined;
  if (Number(bytes.readBigUInt64LE(20)) !== expected.to) return undefined;
  const digest = bytes.subarray(HEADER_BYTES, HEADER_BYTES + DIGEST_BYTES);
  const frame = parseBody(kind, digest, bytes.subarray(HEADER_BYTES + DIGEST_BYTES), parseMembership);
  return frame === undefined ? undefined : { from: Number(bytes.readBigUInt64LE(12)), frame };
}

function parseBody(
  kind: (typeof KINDS)[number],
  digest: Uint8Array,
  body: Buffer,
  parseMembership: (value: unknown) => ConfState | undefined,
): SnapshotFrame | undefined {
  const number = (at: number): number => Number(body.readBigUInt64LE(at * 8));
  switch (kind) {
    case "offer": {
      if (body.length < 32 || body.length > 32 + MEMBERSHIP_BYTES_MAX) return undefined;
      const confState = parseMembership(jsonOf(body.subarray(32)));
      const fields = { term: number(0), index: number(1), snapshotTerm: number(2), bytes: number(3) };
      const sound = Object.values(fields).every((value) => Number.isSafeInteger(value) && value > 0);
      return confState === undefined || !sound ? undefined : { kind, digest, ...fields, confState };
    }
    case "want": {
      if (body.length !== 17) return undefined;
      const [offset, until] = [number(0), number(1)];
      const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(until);
      return sound ? { kind, digest, offset, until, rewind: body.readUInt8(16) === 1 } : undefined;
    }
    case "chunk": {
      if (body.length < 9) return undefined;
      const offset = number(0);
      return Number.isSafeInteger(offset) ? { kind, digest, offset, data: body.subarray(8) } : undefined;
    }
    case "end":
      return body.length === 1 ? { kind, digest, taken: body.readUInt8(0) === 1 } : undefined;
  }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

export function sameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
