import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry, Message } from "../../src/core/raft/types.ts";
import { clusterHash, decodeFrame, encodeFrame, FRAME_HEADER_BYTES, type FrameRejection } from "../../src/services/raft-driver/frame.ts";

const header = { cluster: clusterHash("c"), from: 2, to: 1, bootEpoch: 7 };
const expected = { cluster: header.cluster, from: 2, to: 1 };

const position = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const term = fc.integer({ min: 1, max: 2 ** 40 });

const appendMessage: fc.Arbitrary<Message> = fc
  .record({
    term,
    previousIndex: fc.integer({ min: 0, max: 2 ** 50 }),
    data: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
    commit: position,
  })
  .map(({ term, previousIndex, data, commit }) => {
    const entries = data.map((bytes, at): Entry => ({ term, index: previousIndex + 1 + at, type: "EntryNormal", data: bytes }));
    const fields = { logTerm: 1, index: previousIndex, entries, commit, vote: 0, reject: false, rejectHint: 0 };
    return { type: "MsgApp", from: 2, to: 1, term, ...fields };
  });
const answer: fc.Arbitrary<Message> = fc
  .record({
    term,
    index: position,
    reject: fc.boolean(),
    rejectHint: position,
    context: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
  })
  .map(({ term, index, reject, rejectHint, context }) => {
    const fields = { logTerm: 0, index, entries: [], commit: 0, vote: 0, reject, rejectHint };
    const message: Message = { type: "MsgHeartbeatResp", from: 2, to: 1, term, ...fields };
    return context === undefined ? message : { ...message, context };
  });
const messages = fc.array(fc.oneof(appendMessage, answer), { maxLength: 5 });

function refusal(frame: Uint8Array, where: typeof expected = expected): FrameRejection | "accepted" {
  const decoded = decodeFrame(frame, where);
  return decoded.ok ? "accepted" : decoded.reason;
}

describe("a frame", () => {
  it("comes back as it was sent", () => {
    fc.assert(
      fc.property(messages, (sent) => {
        expect(decodeFrame(encodeFrame(header, sent), expected)).toEqual({ ok: true, bootEpoch: 7, messages: sent });
      }),
    );
  });

  it("is refused with one byte changed, wherever it is", () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, at, mask) => {
        const frame = encodeFrame(header, sent);
        const place = at % frame.length;
        frame[place] = frame[place]! ^ mask;
        expect(refusal(frame)).not.toBe("accepted");
      }),
      { numRuns: 2000 },
    );
  });

  it("is refused cut short at any place, or with bytes behind its end", () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 }), (sent, cut, behind) => {
        const frame = encodeFrame(header, sent);
        expect(refusal(frame.subarray(0, cut % frame.length))).not.toBe("accepted");
        expect(refusal(Buffer.concat([frame, behind]))).not.toBe("accepted");
      }),
    );
  });

  it("of random bytes never throws and is never accepted", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(refusal(bytes)).not.toBe("accepted");
      }),
      { numRuns: 2000 },
    );
  });

  it("with a right checksum over wrong content is a typed rejection, whatever the content", () => {
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 3 }), fc.nat(), fc.integer({ min: 0, max: 255 }), (sent, at, value) => {
        const frame = encodeFrame(header, sent);
        const place = FRAME_HEADER_BYTES + (at % (frame.length - FRAME_HEADER_BYTES));
        frame[place] = value;
        resealed(frame);
        expect(["accepted", "malformed"]).toContain(refusal(frame));
      }),
      { numRuns: 2000 },
    );
  });

  it("says why it is refused", () => {
    const frame = encodeFrame(header, []);
    expect(refusal(frame, { ...expected, cluster: clusterHash("other") })).toBe("cluster");
    expect(refusal(frame, { ...expected, to: 3 })).toBe("receiver");
    expect(refusal(frame, { ...expected, from: 3 })).toBe("sender");
    expect(refusal(new Uint8Array(2 ** 21))).toBe("tooLarge");
    expect(refusal(new Uint8Array(10))).toBe("tooShort");
  });

  it("may not claim absurd lengths, terms, or entries that do not follow each other", () => {
    const entry = (index: number, term: number): Entry => ({ index, term, type: "EntryNormal", data: new Uint8Array(3) });
    const append = (fields: Partial<Message>): Message => {
      const base = { logTerm: 1, index: 4, entries: [entry(5, 2)], commit: 0, vote: 0, reject: false, rejectHint: 0 };
      return { type: "MsgApp", from: 2, to: 1, term: 2, ...base, ...fields };
    };
    expect(refusal(encodeFrame(header, [append({})]))).toBe("accepted");
    expect(refusal(encodeFrame(header, [append({ term: 1191202101440508 })]))).toBe("malformed");
    expect(refusal(encodeFrame(header, [append({ entries: [entry(6, 2)] })]))).toBe("malformed");
    expect(refusal(encodeFrame(header, [append({ entries: [entry(5, 2), entry(6, 1)] })]))).toBe("malformed");
    expect(refusal(encodeFrame(header, [append({ entries: [entry(5, 3)] })]))).toBe("malformed");
    const frame = encodeFrame(header, [append({})]);
    new DataView(frame.buffer).setUint32(FRAME_HEADER_BYTES + 4, 0xffff_ffff, true);
    resealed(frame);
    expect(refusal(frame)).toBe("malformed");
  });
});

/** Puts the checksum right again, as an attacker would. */
function resealed(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  view.setUint32(36, crc32(frame.subarray(40), crc32(frame.subarray(0, 36))), true);
}
