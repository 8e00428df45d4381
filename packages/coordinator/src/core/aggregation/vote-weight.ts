/**
 * The weight of a vote: clipped log odds of an agent's judged quality, the optimum for independent voters (theory.md 5).
 * Kept apart from the count of votes, because apply has no logarithm: the leader computes weights and puts them into the entry.
 */

/** Weights are integers in the log: odds of e^(1/1024) are told apart. */
export const VOTE_WEIGHT_SCALE = 1024;
/** Log odds above this count as this: p = .953. A voter that was never wrong yet must not silence all others. */
export const LOG_ODDS_MAX = 3;

/** round(1024 · clip(ln(p / (1 − p)), 0, 3)): 0 for a coin or worse, 3072 at most. */
export function voteWeight(quality: number): number {
  if (!(quality > 0.5)) return 0;
  const logOdds = quality < 1 ? Math.log(quality / (1 - quality)) : LOG_ODDS_MAX;
  return Math.round(VOTE_WEIGHT_SCALE * Math.min(LOG_ODDS_MAX, logOdds));
}
