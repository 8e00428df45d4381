/**
 * Who listens to whom in a negotiating team, how strongly, and the Lipschitz bound that follows (theory.md 2.1, 2.2; state.md 9).
 * Called by apply: + − × ÷ and comparisons only.
 *
 * Invariants: weights are symmetric, ≥ 0, zero on the diagonal, and no member's weights add up to more than 1. Therefore
 * L̄ ≤ 2λ + β for every team, and a step size that fits this bound fits every conversation that the team will ever have.
 */
import type { NegotiationManifest } from "@triad/protocol";

/** Row i, column j: weight of member j for member i. */
export type TeamWeights = readonly (readonly number[])[];

/** Share of the bound 1 / (2 L̄) that `auto` takes, times one half: theory.md 2.2 keeps a tenth of a margin. */
const AUTO_STEP = 0.45;
/** A step that is lowered to the bound stays this much inside it. */
const CLAMP_SHARE = 0.99;

/** Every other member alike: 1 / (n − 1). A single member has no edges. */
export function uniformWeights(n: number): TeamWeights {
  const weight = n > 1 ? 1 / (n - 1) : 0;
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 0 : weight)));
}

/** Who is good counts more: q_i q_j, divided by the largest sum of a member so that all degrees stay ≤ 1. */
export function trustWeights(qualities: readonly number[]): TeamWeights {
  const q = qualities.map((quality) => (quality > 0 ? Math.min(quality, 1) : 0));
  const products = q.map((a, i) => q.map((b, j) => (i === j ? 0 : a * b)));
  let largest = 0;
  for (const degree of degrees(products)) if (degree > largest) largest = degree;
  return largest === 0 ? products : products.map((row) => row.map((product) => product / largest));
}

function degrees(weights: TeamWeights): readonly number[] {
  return weights.map((row) => {
    let sum = 0;
    for (const weight of row) sum += weight;
    return sum;
  });
}

/** L̄ = λ · max over edges (d_i + d_j) + β, at least the Lipschitz constant of the field. Without edges: β. */
export function lipschitzBound(weights: TeamWeights, lambda: number, beta: number): number {
  const degree = degrees(weights);
  let largest = 0;
  for (let i = 0; i < weights.length; i++) {
    for (let j = 0; j < weights.length; j++) {
      const sum = (degree[i] ?? 0) + (degree[j] ?? 0);
      if ((weights[i]?.[j] ?? 0) > 0 && sum > largest) largest = sum;
    }
  }
  return lambda * largest + beta;
}

/**
 * The step size of a team, from what it declares. `auto`: 0.45 / L̄. Declared: refused above 1 / (2 L̄), or lowered to just below it where
 * the team says `clamp`. λ and β below zero, and a step below zero, have no safe size.
 */
export function resolveAlpha(manifest: NegotiationManifest): { ok: true; alpha: number } | { ok: false; alphaMax: number } {
  const { alpha, lambda, beta, stepPolicy } = manifest;
  const bound = 2 * lambda + beta;
  if (!(lambda >= 0 && beta >= 0 && bound <= Number.MAX_VALUE)) return { ok: false, alphaMax: 0 };
  // Neither neighbours nor evidence pull: nothing ever moves, and no step is too large.
  if (bound === 0) return { ok: true, alpha: 0 };
  if (alpha === "auto") return { ok: true, alpha: AUTO_STEP / bound };
  const alphaMax = 1 / (2 * bound);
  if (alpha >= 0 && alpha <= alphaMax) return { ok: true, alpha };
  return stepPolicy === "clamp" && alpha > alphaMax ? { ok: true, alpha: CLAMP_SHARE * alphaMax } : { ok: false, alphaMax };
}
