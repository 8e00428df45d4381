/**
 * Weights of the routing utility (theory.md 4) and their defaults. All log units are natural.
 * `incumbentBonus` and `lastTurnWeight` were chosen on 999 real dialogues (MultiWOZ 2.1 validation, 5,377 turns of one domain, each wrong
 * turn corrected and taught before the next): .907 of all turns and .808 of the turns that begin or change a domain are routed right.
 */

export interface RouterSettings {
  /** w_K: weight of ln(1 + cost / (p · costReferenceUsd)). */
  readonly costWeight: number;
  /** w_A: weight of the affinity where the request names skills, log units per unit of cosine. */
  readonly affinityWeight: number;
  /** The same where the text alone decides: strong enough that only a queue of many service times outweighs a clear text. */
  readonly textAffinityWeight: number;
  /** Weight of the turn before, relative to that of the text. */
  readonly lastTurnWeight: number;
  /** w_Q: weight of ln p, beside the ln p in the expected time to success. */
  readonly qualityWeight: number;
  /** The incumbent is left for a lead of this much plus one standard error, where the request names skills. */
  readonly hysteresis: number;
  /** h: what the incumbent is given where the text decides, in units of cosine. */
  readonly incumbentBonus: number;
  /** Scores this close to the best count as equal: the least loaded is picked. */
  readonly nearTie: number;
  /** Price that counts as high: a free agent's advantage over it is w_K · ln 2. */
  readonly costReferenceUsd: number;
  /** What a change of agents costs before the next one starts. */
  readonly handoffMs: number;
  /** Service times below this count as this: who is quicker by what nobody notices must not outweigh who is better. */
  readonly serviceMsFloor: number;
  /** Service time where nobody has been measured. */
  readonly serviceMsPrior: number;
  /** m0: weight of the pool's mean, in steps, in an agent's time and price. Without it routing is worse than by load alone (theory.md 4). */
  readonly poolWeight: number;
  /** Committed steps below which an agent is new. */
  readonly newBelowSamples: number;
  /** Share of requests that a new agent gets although it is not the best. */
  readonly exploreShare: number;
}

export const ROUTER_DEFAULTS: RouterSettings = {
  costWeight: 0.2,
  affinityWeight: 0.3,
  textAffinityWeight: 10,
  lastTurnWeight: 0.1,
  qualityWeight: 0.5,
  hysteresis: 0.1,
  incumbentBonus: 0.06,
  // ln 1.1: within ten per cent.
  nearTie: 0.0953101798043249,
  costReferenceUsd: 0.001,
  handoffMs: 1,
  serviceMsFloor: 10,
  serviceMsPrior: 1_000,
  poolWeight: 30,
  newBelowSamples: 5,
  exploreShare: 0.05,
};
