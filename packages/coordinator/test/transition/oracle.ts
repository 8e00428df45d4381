/** What the transition's tests compare with: the energy J, the closed-form fixed point and largest eigenvalues, each written a second way. */
import type { TeamWeights } from "../../src/core/transition/team-weights.ts";
import type { Vector } from "../../src/core/transition/transition-step.ts";

export type State = readonly Vector[];

/** A generator of numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A vector of the unit ball: a random direction with a random length. */
export function ballVector(random: () => number, dimension: number): Float64Array {
  const vector = Float64Array.from({ length: dimension }, () => random() * 2 - 1);
  const scale = random() / Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0) || 1);
  return vector.map((x) => x * scale);
}

export function randomState(random: () => number, n: number, dimension: number): State {
  return Array.from({ length: n }, () => ballVector(random, dimension));
}

/** A random connected graph with symmetric weights in (0, 1]. */
export function randomSymmetricWeights(random: () => number, n: number): TeamWeights {
  const weights = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const weight = j === i - 1 || random() < 0.5 ? 0.05 + 0.95 * random() : 0;
      weights[i]![j] = weight;
      weights[j]![i] = weight;
    }
  }
  return weights;
}

/** J(C) = (λ/2) Σ_{i<j} w_ij ‖C_i − C_j‖² + (β/2) Σ ‖C_i − E_i‖². */
export function energy(contexts: State, evidence: State, weights: TeamWeights, lambda: number, beta: number): number {
  let total = 0;
  for (let i = 0; i < contexts.length; i++) {
    for (let j = 0; j < i; j++) total += (lambda / 2) * weights[i]![j]! * squaredDistance(contexts[i]!, contexts[j]!);
    total += (beta / 2) * squaredDistance(contexts[i]!, evidence[i]!);
  }
  return total;
}

export function squaredDistance(a: Vector, b: Vector): number {
  let sum = 0;
  for (const [k, x] of a.entries()) sum += (x - b[k]!) ** 2;
  return sum;
}

export function squaredNorm(a: Vector): number {
  let sum = 0;
  for (const x of a) sum += x * x;
  return sum;
}

/** C* of a complete team with equal weights: (λ' mean(E) + β E_i) / (λ' + β), λ' = λ n / (n − 1). */
export function uniformFixedPoint(evidence: State, lambda: number, beta: number): State {
  const n = evidence.length;
  const pull = n > 1 ? (lambda * n) / (n - 1) : 0;
  const mean = evidence[0]!.map((_, k) => evidence.reduce((sum, vector) => sum + vector[k]!, 0) / n);
  return evidence.map((own) => own.map((x, k) => (pull * mean[k]! + beta * x) / (pull + beta)));
}

/** The matrix of the field: λ (D − W) + β I. */
export function fieldMatrix(weights: TeamWeights, lambda: number, beta: number): number[][] {
  return weights.map((row, i) => row.map((weight, j) => (i === j ? lambda * row.reduce((a, b) => a + b, 0) + beta : -lambda * weight)));
}

/** Eigenvalues and eigenvectors of a small symmetric matrix by Jacobi rotations; largest eigenvalue and its unit vector. */
export function topEigenpair(matrix: readonly (readonly number[])[]): { value: number; vector: number[] } {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v: number[][] = a.map((_, i) => a.map((__, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p]![q]!) < 1e-15) continue;
        const angle = Math.atan2(2 * a[p]![q]!, a[q]![q]! - a[p]![p]!) / 2;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (let k = 0; k < n; k++) [a[k]![p], a[k]![q]] = [c * a[k]![p]! - s * a[k]![q]!, s * a[k]![p]! + c * a[k]![q]!];
        for (let k = 0; k < n; k++) [a[p]![k], a[q]![k]] = [c * a[p]![k]! - s * a[q]![k]!, s * a[p]![k]! + c * a[q]![k]!];
        for (let k = 0; k < n; k++) [v[k]![p], v[k]![q]] = [c * v[k]![p]! - s * v[k]![q]!, s * v[k]![p]! + c * v[k]![q]!];
      }
    }
  }
  let top = 0;
  for (let i = 1; i < n; i++) if (a[i]![i]! > a[top]![top]!) top = i;
  return { value: a[top]![top]!, vector: v.map((row) => row[top]!) };
}
