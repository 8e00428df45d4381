/**
 * Evidence E of an agent: what its steps settled, as one vector that a convex average moves. The worker sends int8 bytes and a scale,
 * value = byte × scale / 127. Called by apply: no square root, so a vector beyond the unit ball is divided by its squared norm instead.
 *
 * Invariant: the result is finite and ‖E‖ ≤ 1 (up to the rounding of float32), whatever a worker sends.
 */
import { CONTEXT_DIM } from "@triad/protocol";

/** Share of a new step in the average: an agent's evidence speaks of about its last four steps in a conversation. */
export const EVIDENCE_SHARE = 0.25;
/** The same for an agent's profile, its evidence over all conversations: about its last twenty steps. */
export const PROFILE_SHARE = 0.05;

/**
 * E ← E + η (e − E); the first evidence is taken whole. Bytes of another length, or a scale that is none, leave E as it is (zeros
 * where there was none).
 */
export function foldEvidence(
  current: Float32Array | undefined,
  vector: Uint8Array,
  scale: number,
  share: number = EVIDENCE_SHARE,
): Float32Array {
  const usable = vector.length === CONTEXT_DIM && scale >= 0 && scale <= Number.MAX_VALUE;
  if (!usable) return current === undefined ? new Float32Array(CONTEXT_DIM) : current.slice();
  const settled = new Float64Array(CONTEXT_DIM);
  for (let k = 0; k < CONTEXT_DIM; k++) {
    const byte = vector[k]!;
    // Divided first: the largest scales would overflow.
    settled[k] = ((byte > 127 ? byte - 256 : byte) / 127) * scale;
  }
  shrinkIntoUnitBall(settled);
  if (current !== undefined) {
    for (let k = 0; k < CONTEXT_DIM; k++) {
      const before = current[k] ?? 0;
      settled[k] = before + share * (settled[k]! - before);
    }
  }
  return Float32Array.from(settled);
}

/** v / ‖v‖² where ‖v‖ > 1: shorter than v / ‖v‖, so inside the ball without a square root. An infinite norm leaves nothing. */
function shrinkIntoUnitBall(vector: Float64Array): void {
  let square = 0;
  for (const x of vector) square += x * x;
  if (square <= 1) return;
  for (let k = 0; k < vector.length; k++) vector[k] = square <= Number.MAX_VALUE ? vector[k]! / square : 0;
}
