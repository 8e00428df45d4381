/** Evidence stays finite and inside the unit ball whatever a worker sends, and moves as a convex average where it is honest. */
import { CONTEXT_DIM, embedText, quantiseScaled } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EVIDENCE_SHARE, foldEvidence, PROFILE_SHARE } from "../../src/core/transition/evidence.ts";
import { squaredNorm } from "./oracle.ts";

const bytes = fc.uint8Array({ minLength: CONTEXT_DIM, maxLength: CONTEXT_DIM });
const scale = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double(), fc.constantFrom(0, 1e308, Number.MAX_VALUE, Number.NaN));

test("‖E‖ ≤ 1 and finite after any sequence of what workers may send; nothing that was passed is changed", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(bytes, scale), { minLength: 1, maxLength: 6 }), (sent) => {
      let evidence: Float32Array | undefined;
      for (const [vector, itsScale] of sent) {
        const [sentBefore, evidenceBefore] = [vector.slice(), evidence?.slice()];
        const next = foldEvidence(evidence, vector, itsScale);
        expect(vector).toEqual(sentBefore);
        expect(evidence).toEqual(evidenceBefore);
        expect(next.every(Number.isFinite)).toBe(true);
        expect(squaredNorm(next)).toBeLessThanOrEqual(1 + 1e-6);
        evidence = next;
      }
    }),
  );
});

test("the first evidence is what the step settled, to the precision of a byte", () => {
  const vector = embedText("a cheap room in the centre for two nights", CONTEXT_DIM);
  const sent = quantiseScaled(vector);
  const folded = foldEvidence(undefined, sent.vector, sent.scale);
  let dot = 0;
  for (const [k, x] of folded.entries()) dot += x * vector[k]!;
  expect(dot / Math.sqrt(squaredNorm(folded))).toBeGreaterThan(0.999);
});

test("later evidence is averaged: E + η (e − E)", () => {
  const before = new Float32Array(CONTEXT_DIM).fill(0.01);
  const vector = new Uint8Array(CONTEXT_DIM);
  vector[0] = 127;
  vector[1] = 256 - 127;
  const after = foldEvidence(before, vector, 0.5);
  expect(after[0]).toBeCloseTo(0.01 + EVIDENCE_SHARE * (0.5 - 0.01), 6);
  expect(after[1]).toBeCloseTo(0.01 + EVIDENCE_SHARE * (-0.5 - 0.01), 6);
  expect(after[2]).toBeCloseTo(0.01 * (1 - EVIDENCE_SHARE), 6);
  expect(foldEvidence(before, vector, 0.5, PROFILE_SHARE)[0]).toBeCloseTo(0.01 + 0.05 * (0.5 - 0.01), 6);
});

test("bytes of another length and a scale that is none teach nothing", () => {
  const before = Float32Array.from({ length: CONTEXT_DIM }, (_, k) => (k === 3 ? 0.5 : 0));
  const full = new Uint8Array(CONTEXT_DIM).fill(100);
  for (const [vector, itsScale] of [
    [full.subarray(1), 0.5],
    [full, Number.NaN],
    [full, -1],
    [full, Number.POSITIVE_INFINITY],
  ] as const) {
    expect(foldEvidence(before, vector, itsScale)).toEqual(before);
    expect(foldEvidence(undefined, vector, itsScale)).toEqual(new Float32Array(CONTEXT_DIM));
  }
});
