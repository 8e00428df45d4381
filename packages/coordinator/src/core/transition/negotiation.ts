/**
 * The negotiated transition of a committed step (state.md 9): the finisher, then the receiver, take R rounds of the consensus iteration
 * over the team's context vectors. apply computes it, and the leader on a copy before it routes, so nobody can forge a step.
 * Called by apply: + − × ÷ and comparisons only; members, contexts and evidence are never changed.
 *
 * Invariants:
 * N1 At α ≤ 1 / (2 L̄) a round is a convex average of contexts and evidence, so ‖C‖ ≤ 1 is kept; what leaves CONTEXT_NORM_SQUARE_MAX
 *    or the finite numbers is refused as a whole, because a cosine hides divergence.
 * N2 Only the finisher and the receiver move, one after the other: each applies its own newest C (theory.md 2.6).
 * N3 The order of members does not matter up to the rounding of sums.
 */
import { CONTEXT_DIM } from "@triad/protocol";
import { lipschitzBound, trustWeights, uniformWeights } from "./team-weights.ts";
import { soloRounds, type TransitionField, type Vector } from "./transition-step.ts";

/** Rounds of the iteration that one committed step pays for: at `auto` most of the way to the neighbours, for about 20 µs. */
export const ROUNDS = 4;
/** ‖C‖² above this is no legal step's result: 1, and room for float32 rounding. */
export const CONTEXT_NORM_SQUARE_MAX = 1.001;

/** A member of a conversation's team. A context of length 0 is a newcomer's: it starts at its own evidence, and that at zeros where unknown. */
export interface TeamMember {
  readonly agent: string;
  readonly context: Float32Array;
  readonly evidence: Float32Array;
  /** For trust weights, in [0, 1]. */
  readonly quality: number;
}

export interface NegotiationSettings {
  /** Resolved by `resolveAlpha`. */
  readonly alpha: number;
  readonly lambda: number;
  readonly beta: number;
  readonly weights: "uniform" | "trust";
  readonly stepPolicy: "reject" | "clamp";
}

export interface NegotiationOutcome {
  /** Only those that the transition changed; empty where it was refused. */
  readonly contexts: ReadonlyMap<string, Float32Array>;
  /** Of the whole team, after the transition; in [0, 1]. */
  readonly agreement: number;
  readonly rejected: null | "nonFinite" | "normTooLarge";
  readonly alpha: number;
  /** L̄ of this very team, at most 2λ + β. */
  readonly lipschitzBound: number;
}

/** R rounds for the finisher alone, then R for the receiver (where there is another one). Names that are no members take no rounds. */
export function negotiate(
  members: readonly TeamMember[],
  finisher: string,
  receiver: string | undefined,
  settings: NegotiationSettings,
): NegotiationOutcome {
  const weights = settings.weights === "trust" ? trustWeights(members.map((member) => member.quality)) : uniformWeights(members.length);
  const dimension = dimensionOf(members);
  const field: TransitionField = {
    weights,
    evidence: members.map((member) => padded(member.evidence, dimension)),
    lambda: settings.lambda,
    beta: settings.beta,
  };
  const before: readonly Vector[] = members.map((member, i) =>
    member.context.length === 0 ? field.evidence[i]! : padded(member.context, dimension),
  );
  let state = before;
  const changed = new Map<string, Float32Array>();
  let rejected: NegotiationOutcome["rejected"] = null;
  for (const mover of receiver === undefined || receiver === finisher ? [finisher] : [finisher, receiver]) {
    const index = members.findIndex((member) => member.agent === mover);
    if (index < 0) continue;
    const stored = new Float32Array(soloRounds(state, index, ROUNDS, settings.alpha, field));
    rejected = faultOf(stored);
    if (rejected !== null) break;
    changed.set(mover, stored);
    // The receiver listens to what is committed, not to digits that float32 has not.
    state = state.with(index, stored);
  }
  if (rejected !== null) changed.clear();
  return {
    contexts: changed,
    agreement: agreementOf(rejected === null ? state : before),
    rejected,
    alpha: settings.alpha,
    lipschitzBound: lipschitzBound(weights, settings.lambda, settings.beta),
  };
}

/**
 * How far a team pulls one way: 1 − Σ‖C_i − C̄‖² / Σ‖C_i‖², in [0, 1]. It equals n ‖C̄‖² / Σ‖C_i‖², which loses no digits.
 * 1 where there is one context or nothing to compare.
 */
export function agreementOf(contexts: readonly Vector[]): number {
  const n = contexts.length;
  const dimension = contexts[0]?.length ?? 0;
  if (n <= 1) return 1;
  let squares = 0;
  const sum = new Float64Array(dimension);
  for (const context of contexts) {
    for (let k = 0; k < dimension; k++) {
      const x = context[k] ?? 0;
      sum[k]! += x;
      squares += x * x;
    }
  }
  let sumSquare = 0;
  for (const x of sum) sumSquare += x * x;
  if (squares === 0) return 1;
  const agreement = sumSquare / (n * squares);
  // Not a number (contexts that were never finite) compares as false and reads as no agreement.
  return agreement > 0 ? Math.min(agreement, 1) : 0;
}

function faultOf(context: Float32Array): NegotiationOutcome["rejected"] {
  let square = 0;
  for (const x of context) square += x * x;
  if (!(square <= Number.MAX_VALUE)) return "nonFinite";
  return square > CONTEXT_NORM_SQUARE_MAX ? "normTooLarge" : null;
}

/** The length that the team's vectors have; CONTEXT_DIM where every one of them is unknown. */
function dimensionOf(members: readonly TeamMember[]): number {
  let dimension = 0;
  for (const { context, evidence } of members) {
    if (context.length > dimension) dimension = context.length;
    if (evidence.length > dimension) dimension = evidence.length;
  }
  return dimension === 0 ? CONTEXT_DIM : dimension;
}

/** The vector itself; zeros behind it where it is shorter than the team's. */
function padded(vector: Float32Array, dimension: number): Float32Array {
  if (vector.length === dimension) return vector;
  const result = new Float32Array(dimension);
  result.set(vector);
  return result;
}
