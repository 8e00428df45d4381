/** Weights and the bound that a step size is held to: properties over random teams, and every answer of `resolveAlpha`. */
import type { NegotiationManifest } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { lipschitzBound, resolveAlpha, trustWeights, uniformWeights } from "../../src/core/transition/team-weights.ts";
import { fieldMatrix, randomSymmetricWeights, seeded, topEigenpair } from "./oracle.ts";

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const positive = fc.double({ min: 0.01, max: 5, noNaN: true });
const manifest = (part: Partial<NegotiationManifest>): NegotiationManifest => ({
  alpha: "auto",
  lambda: 1,
  beta: 0.2,
  weights: "uniform",
  stepPolicy: "reject",
  ...part,
});

test("weights are symmetric, not negative, zero on the diagonal, and no degree is above 1", () => {
  fc.assert(
    fc.property(fc.array(unit, { minLength: 1, maxLength: 8 }), (qualities) => {
      for (const weights of [trustWeights(qualities), uniformWeights(qualities.length)]) {
        for (const [i, row] of weights.entries()) {
          expect(row.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1 + 1e-12);
          expect(row[i]).toBe(0);
          for (const [j, weight] of row.entries()) {
            expect(weight).toBeGreaterThanOrEqual(0);
            expect(weight).toBe(weights[j]![i]);
          }
        }
      }
    }),
  );
});

test("trust: the better two are, the more they listen to each other; equal qualities are the uniform team", () => {
  const [first] = trustWeights([0.9, 0.8, 0.2]);
  expect(first![1]!).toBeGreaterThan(first![2]!);
  expect(first![1]! / first![2]!).toBeCloseTo(4, 12);
  for (const row of trustWeights([0.7, 0.7, 0.7])) for (const weight of row) expect([0, 0.5]).toContain(Number(weight.toFixed(12)));
  expect(trustWeights([0, 0, 0.9])).toEqual([
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ]);
  // What is no quality counts as none, and spreads nothing.
  expect(trustWeights([Number.NaN, 1, 5])[1]).toEqual([0, 0, 1]);
});

test("the bound is at least the true constant, and at most 2λ + β for the teams that we make", () => {
  fc.assert(
    fc.property(fc.array(unit, { minLength: 1, maxLength: 8 }), positive, positive, (qualities, lambda, beta) => {
      for (const weights of [trustWeights(qualities), uniformWeights(qualities.length)]) {
        const bound = lipschitzBound(weights, lambda, beta);
        expect(bound).toBeGreaterThanOrEqual(topEigenpair(fieldMatrix(weights, lambda, beta)).value - 1e-9);
        expect(bound).toBeLessThanOrEqual(2 * lambda + beta + 1e-9);
      }
    }),
  );
  const random = seeded(1);
  for (let run = 0; run < 200; run++) {
    const weights = randomSymmetricWeights(random, 2 + Math.floor(random() * 9));
    expect(lipschitzBound(weights, 1, 0.2)).toBeGreaterThanOrEqual(topEigenpair(fieldMatrix(weights, 1, 0.2)).value - 1e-9);
  }
});

test("the bound is 2λ + β for a uniform team of any size from two on, and β for one agent", () => {
  for (let n = 2; n <= 8; n++) expect(lipschitzBound(uniformWeights(n), 1.5, 0.25)).toBeCloseTo(3.25, 12);
  expect(lipschitzBound(uniformWeights(1), 1.5, 0.25)).toBe(0.25);
  expect(lipschitzBound(uniformWeights(0), 1.5, 0.25)).toBe(0.25);
});

test("auto is .45 / L̄", () => {
  expect(resolveAlpha(manifest({}))).toEqual({ ok: true, alpha: 0.45 / 2.2 });
});

test("a declared step is taken up to 1 / (2 L̄), refused above it, or lowered to just below it", () => {
  const alphaMax = 1 / 4.4;
  expect(resolveAlpha(manifest({ alpha: 0 }))).toEqual({ ok: true, alpha: 0 });
  expect(resolveAlpha(manifest({ alpha: alphaMax }))).toEqual({ ok: true, alpha: alphaMax });
  expect(resolveAlpha(manifest({ alpha: 0.2273 }))).toEqual({ ok: false, alphaMax });
  expect(resolveAlpha(manifest({ alpha: 0.2273, stepPolicy: "clamp" }))).toEqual({ ok: true, alpha: 0.99 * alphaMax });
});

test("what has no safe step is refused, whatever the policy", () => {
  for (const stepPolicy of ["reject", "clamp"] as const) {
    for (const part of [{ lambda: -1 }, { beta: -0.1 }, { lambda: Number.NaN }, { beta: Number.POSITIVE_INFINITY }]) {
      expect(resolveAlpha(manifest({ ...part, stepPolicy }))).toEqual({ ok: false, alphaMax: 0 });
    }
    for (const alpha of [-0.1, Number.NaN]) expect(resolveAlpha(manifest({ alpha, stepPolicy }))).toMatchObject({ ok: false });
  }
  expect(resolveAlpha(manifest({ lambda: 0, beta: 0 }))).toEqual({ ok: true, alpha: 0 });
});

test("whatever is resolved keeps α ≤ 1 / (2 L̄) for every team", () => {
  const alpha = fc.oneof(fc.constant("auto" as const), fc.double({ min: 0, max: 10, noNaN: true }));
  fc.assert(
    fc.property(alpha, positive, positive, fc.array(unit, { minLength: 1, maxLength: 8 }), (declared, lambda, beta, qualities) => {
      const resolved = resolveAlpha(manifest({ alpha: declared, lambda, beta, stepPolicy: "clamp" }));
      if (!resolved.ok) throw new Error("clamp refuses nothing here");
      for (const weights of [trustWeights(qualities), uniformWeights(qualities.length)]) {
        expect(resolved.alpha * 2 * lipschitzBound(weights, lambda, beta)).toBeLessThanOrEqual(1 + 1e-9);
      }
    }),
  );
});
