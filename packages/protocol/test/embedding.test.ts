/** The default embedder: unit length, the same vector for ever (a golden file), and nearer for texts that say the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cosineInt8,
  embedText,
  floatsFromBytes,
  floatsToBytes,
  int8At,
  inverseDocumentFrequency,
  normaliseText,
  quantiseRouting,
  quantiseScaled,
} from "../src/embedding.ts";
import { CONTEXT_DIM, ROUTING_DIM } from "../src/triple.ts";
import { text } from "./arbitraries.ts";
import golden from "./golden/embedding.json" with { type: "json" };

const norm = (vector: Float32Array): number => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
const cosine = (a: string, b: string): number =>
  cosineInt8(quantiseRouting(embedText(a, ROUTING_DIM)), quantiseRouting(embedText(b, ROUTING_DIM)));

describe("embedText", () => {
  it("has length 1, or is all zeros for a text without letters or digits", () => {
    fc.assert(
      fc.property(text(200), fc.constantFrom(CONTEXT_DIM, ROUTING_DIM), (of, dim) => {
        const vector = embedText(of, dim);
        expect(vector.length).toBe(dim);
        expect(vector.every(Number.isFinite)).toBe(true);
        const length = norm(vector);
        // Features of opposite sign in one bucket may cancel to nothing in a text of few features.
        if (normaliseText(of) === "") expect(length).toBe(0);
        else if (length !== 0) expect(length).toBeCloseTo(1, 5);
      }),
    );
    expect(norm(embedText("a cheap hotel in the centre", ROUTING_DIM))).toBeCloseTo(1, 5);
  });

  it.each(golden)("of $text is what it was", ({ text: of, int8 }) => {
    expect(Buffer.from(quantiseRouting(embedText(of, 64))).toString("hex")).toBe(int8);
  });

  it("does not depend on case, punctuation or white space", () => {
    expect(embedText("  A cheap, HOTEL!\n", 256)).toEqual(embedText("a cheap hotel", 256));
  });

  it("is nearer for texts that say the same", () => {
    const pairs: readonly [string, string, string][] = [
      ["I need a cheap hotel in the centre", "a cheap hotel near the centre please", "what time does the train to London leave"],
      ["book a table for two at an Italian restaurant", "an italian restaurant with a free table", "call the police, my bag was stolen"],
      ["a taxi from the station", "I want a taxi to the station", "which museums are open on Sunday"],
      ["hotels with parking", "a hotel that has parking", "a train on Monday"],
    ];
    for (const [one, near, far] of pairs) expect(cosine(one, near), one).toBeGreaterThan(cosine(one, far) + 0.1);
    expect(cosine("hotel", "hotel")).toBeCloseTo(1, 5);
  });

  it("weighs rare features above common ones", () => {
    const corpus = ["please book the hotel", "please book the train", "please book the taxi"];
    const idf = inverseDocumentFrequency(corpus, ROUTING_DIM);
    expect(Math.min(...idf)).toBeCloseTo(1, 5);
    const plain = (a: string, b: string): number =>
      embedText(a, ROUTING_DIM).reduce((sum, x, i) => sum + x * embedText(b, ROUTING_DIM)[i]!, 0);
    const weighted = (a: string, b: string): number => {
      const other = embedText(b, ROUTING_DIM, idf);
      return embedText(a, ROUTING_DIM, idf).reduce((sum, x, i) => sum + x * other[i]!, 0);
    };
    expect(weighted(corpus[0]!, corpus[1]!)).toBeLessThan(plain(corpus[0]!, corpus[1]!));
  });
});

describe("quantised vectors", () => {
  const vector = fc.float32Array({ minLength: 8, maxLength: 64, noNaN: true, min: -1, max: 1 });

  it("come back within half a quantum", () => {
    fc.assert(
      fc.property(vector, (of) => {
        const { vector: bytes, scale } = quantiseScaled(of);
        of.forEach((x, i) => {
          expect(Math.abs((int8At(bytes, i) * scale) / 127 - x)).toBeLessThanOrEqual(scale / 127 / 2 + 1e-6);
        });
      }),
    );
  });

  it("of routing are cut at ±127 and keep their sign", () => {
    fc.assert(
      fc.property(vector, (of) => {
        const bytes = quantiseRouting(of);
        of.forEach((x, i) => {
          const signed = int8At(bytes, i);
          expect(Math.abs(signed)).toBeLessThanOrEqual(127);
          expect(Math.abs(signed - Math.max(-127, Math.min(127, x * 256)))).toBeLessThanOrEqual(0.5 + 1e-4);
        });
      }),
    );
  });

  it("have a cosine in [−1, 1], 1 with themselves, 0 with nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.uint8Array({ minLength: 16, maxLength: 16 }), (a, b) => {
        expect(Math.abs(cosineInt8(a, b))).toBeLessThanOrEqual(1 + 1e-9);
        expect(cosineInt8(a, b)).toBe(cosineInt8(b, a));
        if (a.some((byte) => byte !== 0)) expect(cosineInt8(a, a)).toBeCloseTo(1, 9);
        expect(cosineInt8(a, new Uint8Array(16))).toBe(0);
      }),
    );
  });

  it("as float32 bytes come back bit by bit, also from the middle of a buffer", () => {
    fc.assert(
      fc.property(vector, (of) => {
        const bytes = floatsToBytes(of);
        const shifted = new Uint8Array(bytes.length + 3);
        shifted.set(bytes, 3);
        expect(floatsFromBytes(shifted.subarray(3))).toEqual(of);
      }),
    );
  });
});
