/**
 * The utility of a candidate, in parts that add up to its score (theory.md 4):
 *   U = −ln EAT − w_K ln(1 + cost / (p K0)) + w_A cos + w_Q ln p + incumbent,   EAT = (W + S + h) / p
 * with p = done · quality, the geometric mean over the required skills (one skill that is never settled sinks the agent).
 * Kept apart from the choice among scores. Not called by apply: logarithms and roots are allowed; no clock, no randomness.
 *
 * Two cases. `skills`: the request names skills, all candidates can do the same job, so time and price are compared as they are.
 * `text`: it names none, and candidates do different jobs; that one of them is quick or cheap is no reason to give it another one's job,
 * so only its queue counts, as a multiple of its own service time.
 */
import type { ScoreParts, SkillStatistics } from "@triad/protocol";
import type { RoutingCandidate } from "./candidate.ts";
import type { RouterSettings } from "./router-settings.ts";
import { MEMORY_STEPS, type SkillShare, skillShares } from "./statistics.ts";

/** Success is never taken to be less likely than this: a logarithm must stay finite, and an agent must be able to come back. */
const SUCCESS_MIN = 0.001;

export type RoutingCase = "skills" | "text";

/** A candidate with all that the choice looks at. */
export interface Scored {
  readonly candidate: RoutingCandidate;
  /** Place in the order in which candidates were given: the last tie-break. */
  readonly order: number;
  readonly score: number;
  readonly parts: ScoreParts;
  /** Share of its capacity in use. */
  readonly utilisation: number;
  /** Committed steps at the required skill that it knows least. */
  readonly samples: number;
}

/** Means over all candidates, towards which those of an agent with few steps are drawn. */
export interface Pool {
  readonly serviceMs: number;
  readonly costUsd: number;
}

/** What a candidate is judged by: the required skills, or all that it has. */
export function sharesOf(candidate: RoutingCandidate, required: readonly SkillShare[]): readonly SkillShare[] {
  if (required.length > 0) return required;
  return skillShares(Object.fromEntries(Object.keys(candidate.skills).map((skill) => [skill, 1])));
}

/** Geometric mean of a statistic over shares; 1 without skills, for then nothing is known against the agent. */
export function geometricMean(
  candidate: RoutingCandidate,
  shares: readonly SkillShare[],
  value: (statistics: SkillStatistics) => number,
): number {
  let logarithm = 0;
  for (const { skill, share } of shares) {
    const statistics = candidate.skills[skill];
    if (statistics !== undefined) logarithm += share * Math.log(Math.max(SUCCESS_MIN, value(statistics)));
  }
  return Math.exp(logarithm);
}

/** Sample-weighted means of time and price over the candidates; the prior where nobody was measured. */
export function poolOf(candidates: readonly RoutingCandidate[], required: readonly SkillShare[], settings: RouterSettings): Pool {
  let weight = 0;
  let serviceMs = 0;
  let costUsd = 0;
  for (const candidate of candidates) {
    for (const { skill } of sharesOf(candidate, required)) {
      const statistics = candidate.skills[skill];
      const steps = Math.min(statistics?.samples ?? 0, MEMORY_STEPS);
      weight += steps;
      serviceMs += steps * (statistics?.latencyMs ?? 0);
      costUsd += steps * (statistics?.costUsd ?? 0);
    }
  }
  return weight === 0 ? { serviceMs: settings.serviceMsPrior, costUsd: 0 } : { serviceMs: serviceMs / weight, costUsd: costUsd / weight };
}

/** Scores one candidate. `incumbentBonus` is in units of cosine and counts where the text decides. */
export function scoreCandidate(
  candidate: RoutingCandidate,
  order: number,
  required: readonly SkillShare[],
  incumbent: { readonly agent: string | undefined; readonly bonus: number },
  pool: Pool,
  settings: RouterSettings,
): Scored {
  const shares = sharesOf(candidate, required);
  const routingCase: RoutingCase = required.length > 0 ? "skills" : "text";
  const success = geometricMean(candidate, shares, (s) => s.done * s.quality);
  const serviceMs = Math.max(
    settings.serviceMsFloor,
    shrunk(candidate, shares, pool.serviceMs, (s) => s.latencyMs, settings),
  );
  const costUsd = shrunk(candidate, shares, pool.costUsd, (s) => s.costUsd, settings);
  const incumbentHere = candidate.agent === incumbent.agent;
  const affinity = candidate.affinity + settings.lastTurnWeight * candidate.lastTurnAffinity;
  const queue = queueLength(candidate);

  const parts: ScoreParts =
    routingCase === "skills"
      ? {
          time: -Math.log(((queue + 1) * serviceMs + (incumbentHere ? 0 : settings.handoffMs)) / settings.serviceMsPrior / success),
          cost: -settings.costWeight * Math.log1p(costUsd / (success * settings.costReferenceUsd)),
          affinity: settings.affinityWeight * affinity,
          quality: settings.qualityWeight * Math.log(success),
          incumbent: incumbentHere ? settings.hysteresis + standardError(candidate, shares) : 0,
        }
      : {
          // As a difference, so that an idle agent's part is 0 and not −0.
          time: 0 - Math.log1p(queue),
          cost: 0,
          affinity: settings.textAffinityWeight * affinity,
          quality: settings.qualityWeight * Math.log(success),
          incumbent: incumbentHere ? settings.textAffinityWeight * incumbent.bonus : 0,
        };
  return {
    candidate,
    order,
    score: parts.time + parts.cost + parts.affinity + parts.quality + parts.incumbent,
    parts,
    utilisation: candidate.inFlight / Math.max(1, candidate.capacity),
    samples: shares.reduce((least, { skill }) => Math.min(least, candidate.skills[skill]?.samples ?? 0), Number.POSITIVE_INFINITY),
  };
}

/** W / S: steps ahead of a new one, per place. An agent without a place waits behind all that it has, as if for one. */
function queueLength({ inFlight, capacity }: RoutingCandidate): number {
  return inFlight < capacity ? 0 : (inFlight - capacity + 1) / Math.max(1, capacity);
}

/** Mean of a statistic over skills, each drawn towards the pool's mean with the weight of `poolWeight` steps. */
function shrunk(
  candidate: RoutingCandidate,
  shares: readonly SkillShare[],
  poolMean: number,
  value: (statistics: SkillStatistics) => number,
  settings: RouterSettings,
): number {
  if (shares.length === 0) return poolMean;
  let mean = 0;
  for (const { skill, share } of shares) {
    const statistics = candidate.skills[skill];
    const steps = Math.min(statistics?.samples ?? 0, MEMORY_STEPS);
    const own = steps === 0 ? 0 : steps * value(statistics!);
    mean += (share * (own + settings.poolWeight * poolMean)) / (steps + settings.poolWeight);
  }
  return mean;
}

/** Standard error of ln p, to first order: √ Σ share² ((1 − quality) / (quality n) + (1 − done) / (done n)). */
function standardError(candidate: RoutingCandidate, shares: readonly SkillShare[]): number {
  let variance = 0;
  for (const { skill, share } of shares) {
    const statistics = candidate.skills[skill];
    if (statistics === undefined) continue;
    const quality = Math.max(SUCCESS_MIN, statistics.quality);
    const done = Math.max(SUCCESS_MIN, statistics.done);
    const of = (mean: number, weight: number): number => (1 - mean) / (mean * Math.max(1, weight));
    variance += share * share * (of(quality, statistics.qualityWeight) + of(done, statistics.doneWeight));
  }
  return Math.sqrt(variance);
}
