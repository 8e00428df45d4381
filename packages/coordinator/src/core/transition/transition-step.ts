/**
 * The paper's state transition for a team: the field F and the step C ← C − α F(C) for the members that move (theory.md 2.1).
 *   F_i(C) = λ Σ_j w_ij (C_i − C_j) + β (C_i − E_i) = (λ d_i + β) C_i − (λ Σ_j w_ij C_j + β E_i)
 * Called by apply: + − × ÷ only, in a fixed order, in double precision. Knows nothing of agents' names, of limits, or of who is to move.
 */
import type { TeamWeights } from "./team-weights.ts";

/** Stored vectors are float32; the arithmetic is in doubles whatever it is given. */
export type Vector = Float32Array | Float64Array;

export interface TransitionField {
  readonly weights: TeamWeights;
  readonly evidence: readonly Vector[];
  readonly lambda: number;
  readonly beta: number;
}

/** F_i at a state, for one member. */
export function fieldOf(member: number, contexts: readonly Vector[], field: TransitionField): Float64Array {
  const stiffness = stiffnessOf(member, field);
  const result = pullOf(member, contexts, field);
  const own = contexts[member]!;
  for (let k = 0; k < result.length; k++) result[k] = stiffness * own[k]! - result[k]!;
  return result;
}

/** The state after one round in which the members in `movers` step at once; all others are shared with the input. */
export function transitionStep(
  contexts: readonly Vector[],
  movers: readonly number[],
  alpha: number,
  field: TransitionField,
): readonly Vector[] {
  const next = contexts.slice();
  for (const member of movers) next[member] = soloRounds(contexts, member, 1, alpha, field);
  return next;
}

/** Where a member stands after some rounds in which it alone moves: what pulls it stays where it is, and is added up once. */
export function soloRounds(
  contexts: readonly Vector[],
  member: number,
  rounds: number,
  alpha: number,
  field: TransitionField,
): Float64Array {
  const stiffness = stiffnessOf(member, field);
  const pull = pullOf(member, contexts, field);
  const own = new Float64Array(contexts[member]!);
  for (let round = 0; round < rounds; round++) {
    for (let k = 0; k < own.length; k++) own[k] = own[k]! - alpha * (stiffness * own[k]! - pull[k]!);
  }
  return own;
}

/** λ d_i + β: how strongly a member is pulled in all. */
function stiffnessOf(member: number, field: TransitionField): number {
  let degree = 0;
  for (const weight of field.weights[member] ?? []) degree += weight;
  return field.lambda * degree + field.beta;
}

/** λ Σ_j w_ij C_j + β E_i: where to, times how strongly. A member has no weight for itself. */
function pullOf(member: number, contexts: readonly Vector[], field: TransitionField): Float64Array {
  const evidence = field.evidence[member]!;
  const pull = new Float64Array(evidence.length);
  for (let k = 0; k < pull.length; k++) pull[k] = field.beta * evidence[k]!;
  const row = field.weights[member] ?? [];
  for (let j = 0; j < contexts.length; j++) {
    const strength = field.lambda * (row[j] ?? 0);
    // Also keeps a neighbour that is not finite away from whoever does not listen to it: 0 × ∞ is no number.
    if (strength === 0) continue;
    const other = contexts[j]!;
    for (let k = 0; k < pull.length; k++) pull[k]! += strength * other[k]!;
  }
  return pull;
}
