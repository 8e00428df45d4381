/** Stored texts: cut and joined again they are the same, and nothing else is taken for them. */
import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyHead, chunkCount, joinBody, splitBody } from "../src/body.ts";
import { bodyRefSchema } from "../src/body-schemas.ts";
import { BODY_HEAD_LENGTH, CHUNK_BYTES_MAX } from "../src/limits.ts";

const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Texts around the seams of chunks: a seed repeated to any length up to three chunks. */
const largeText = fc
  .tuple(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 3 * CHUNK_BYTES_MAX }))
  .map(([seed, length]) =>
    seed
      .repeat(Math.ceil(length / seed.length))
      .slice(0, length)
      .toWellFormed(),
  );

describe("a stored text", () => {
  it("is the same after it was cut and joined; its reference fits its schema and depends on nothing else", () => {
    fc.assert(
      fc.property(largeText, (text) => {
        const { body, chunks } = splitBody(text, utf8(text), sha256);
        expect(body.chunks.length).toBe(chunkCount(body.bytes));
        for (const [name, bytes] of chunks) expect([bytes.length <= CHUNK_BYTES_MAX, sha256(bytes)]).toEqual([true, name]);
        const whole = joinBody(body, chunks, sha256);
        expect(whole !== undefined && new TextDecoder().decode(whole) === text).toBe(true);
        expect(bodyRefSchema.parse(body)).toEqual(body);
        expect(splitBody(text, utf8(text), sha256).body).toEqual(body);
      }),
      { numRuns: 60 },
    );
  });

  it("is not given where a chunk is missing, another, or of another length", () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}`).join("\n");
    const { body, chunks } = splitBody(text, utf8(text), sha256);
    const names = [...chunks.keys()];
    expect(names.length).toBeGreaterThan(2);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.constantFrom("missing", "flipped", "longer", "shorter", "empty"), (name, damage) => {
        const bad = new Map(chunks);
        const bytes = chunks.get(name) ?? new Uint8Array(0);
        if (damage === "missing") bad.delete(name);
        else if (damage === "flipped")
          bad.set(
            name,
            bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)),
          );
        else if (damage === "longer") bad.set(name, new Uint8Array(Buffer.concat([bytes, Uint8Array.of(1)])));
        else bad.set(name, damage === "empty" ? new Uint8Array(0) : bytes.subarray(1));
        expect(joinBody(body, bad, sha256)).toBeUndefined();
      }),
    );
    expect(joinBody({ ...body, chunks: body.chunks.toReversed() }, chunks, sha256)).toBeUndefined();
    expect(joinBody({ ...body, bytes: body.bytes + 1 }, chunks, sha256)).toBeUndefined();
  });

  it("stores a chunk that occurs many times once", () => {
    const text = "y".repeat(5 * CHUNK_BYTES_MAX);
    const { body, chunks } = splitBody(text, utf8(text), sha256);
    expect([body.chunks.length, chunks.size]).toEqual([5, 1]);
    expect(joinBody(body, chunks, sha256)?.length).toBe(text.length);
  });

  it("begins with its head, which never ends within a character", () => {
    expect(bodyHead("short")).toBe("short");
    const pairs = "𝄞".repeat(BODY_HEAD_LENGTH);
    expect(bodyHead(pairs).length).toBe(BODY_HEAD_LENGTH);
    const shifted = bodyHead(`a${pairs}`);
    expect([shifted.length, shifted.isWellFormed()]).toEqual([BODY_HEAD_LENGTH - 1, true]);
  });

  it("is refused where its reference does not add up", () => {
    const text = "z".repeat(CHUNK_BYTES_MAX + 1);
    const { body } = splitBody(text, utf8(text), sha256);
    for (const wrong of [
      { bytes: CHUNK_BYTES_MAX },
      { bytes: 0 },
      { chunks: [] },
      { ref: "x" },
      { chunks: ["x", "y"] },
      { head: "h".repeat(9_999) },
    ]) {
      expect(bodyRefSchema.safeParse({ ...body, ...wrong }).success, JSON.stringify(wrong).slice(0, 80)).toBe(false);
    }
  });
});
