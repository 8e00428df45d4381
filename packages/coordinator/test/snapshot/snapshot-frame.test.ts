/** Frames of the snapshot lane come back as they were, and whatever else comes is refused without an exception. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfState } from "../../src/adapters/store/identity.ts";
import {
  CHUNK_BYTES_MAX,
  decodeSnapshotFrame,
  encodeSnapshotFrame,
  type SnapshotFrame,
} from "../../src/services/snapshot/snapshot-frame.ts";

const ENDS = { cluster: 7, from: 1, to: 2 };
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const place = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const voters = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1 });
const frames: fc.Arbitrary<SnapshotFrame> = fc.oneof(
  fc.record({
    kind: fc.constant("offer" as const),
    ...{ digest, term: place, index: place, snapshotTerm: place, bytes: place },
    confState: voters.map((ids) => ({ voters: ids, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false })),
  }),
  fc.record({ kind: fc.constant("want" as const), digest, offset: place, until: place, rewind: fc.boolean() }),
  fc.record({ kind: fc.constant("chunk" as const), digest, offset: place, data: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
  fc.record({ kind: fc.constant("end" as const), digest, taken: fc.boolean() }),
);
const decode = (bytes: Uint8Array, expected = { cluster: 7, to: 2 }) => decodeSnapshotFrame(bytes, expected, parseConfState);
/** Views of other buffers, and Buffers, as plain bytes. */
const plain = (frame: SnapshotFrame): object =>
  Object.fromEntries(Object.entries(frame).map(([name, value]) => [name, value instanceof Uint8Array ? [...value] : value]));

describe("a frame of the snapshot lane", () => {
  it("comes back as it was sent", () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const decoded = decode(encodeSnapshotFrame(ENDS, frame));
        expect(decoded?.from).toBe(1);
        expect(plain(decoded!.frame)).toEqual(plain(frame));
      }),
    );
  });

  it("is refused when one bit is another, when it is cut, for another node, or of another cluster", () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 0, max: 7 }), (frame, where, bit) => {
        const bytes = encodeSnapshotFrame(ENDS, frame);
        expect(decode(bytes, { cluster: 8, to: 2 })).toBeUndefined();
        expect(decode(bytes, { cluster: 7, to: 3 })).toBeUndefined();
        expect(decode(bytes.slice(0, where % bytes.length))).toBeUndefined();
        // Two bytes behind the kind are for later versions; the checksum covers them too.
        bytes[where % bytes.length]! ^= 1 << bit;
        expect(decode(bytes)).toBeUndefined();
      }),
    );
  });

  it("survives any bytes at all", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decode(bytes) === undefined));
  });

  it("holds a chunk of the largest size in what a frame to a peer may have", () => {
    const data = new Uint8Array(CHUNK_BYTES_MAX).fill(1);
    const bytes = encodeSnapshotFrame(ENDS, { kind: "chunk", digest: new Uint8Array(32), offset: 0, data });
    expect(bytes.length).toBeLessThanOrEqual(256 * 1024);
    expect(decode(bytes)).toBeDefined();
  });
});
