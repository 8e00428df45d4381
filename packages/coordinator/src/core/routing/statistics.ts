/**
 * Rows of the capability matrix M: how an agent did at a skill, as discounted means (theory.md 2.0, state.md 8).
 * Called by apply: + − × ÷ and comparisons only. Kept apart from routing, which turns rows into scores.
 *
 * Invariants:
 * M1 `done` moves only by an attempt that was committed, threw or timed out; losses, cancels and deadlines teach nothing.
 * M2 `quality` moves only by a judgement.
 * M3 0 ≤ quality, done ≤ 1; weights stay in (0, max(PRIOR_WEIGHT, 1 / (1 − γ))].
 * M4 `latencyMs`, `costUsd` and `samples` are of committed steps; all three are 0 before the first.
 */
import type { Requirements, SkillStatistics } from "@triad/protocol";

/** Weight of what a team declares, in judged steps. */
export const PRIOR_WEIGHT = 8;

/**
 * γ^(j/16) for γ = 0.995 (a memory of about 200 outcomes) and shares of j sixteenths. Literals, because Math.pow may differ between
 * engines. A change of the table changes every coordinator's state: all of them at once, or none.
 */
const DISCOUNT_BY_SIXTEENTHS: readonly number[] = [
  1, 0.999686765204294, 0.9993736285246252, 0.9990605899302603, 0.9987476493904754, 0.9984348068745568, 0.9981220623517997,
  0.9978094157915092, 0.9974968671630001, 0.997184416435597, 0.9968720635786334, 0.9965598085614534, 0.9962476513534098, 0.9959355919238655,
  0.9956236302421928, 0.9953117662777738, 0.995,
];

/** Committed steps that the means of time and cost remember: 1 / (1 − γ). */
export const MEMORY_STEPS = 200;

/** A skill's share in a task; all shares of a task add up to 1. */
export interface SkillShare {
  readonly skill: string;
  readonly share: number;
}

/** What a committed step took. */
export interface StepMeasure {
  readonly serviceMs: number;
  readonly costUsd: number;
}

/** The row before anything was seen: quality as declared, and taken to commit what it is given. */
export function initialStatistics(declared: number): SkillStatistics {
  return {
    quality: unit(declared),
    qualityWeight: PRIOR_WEIGHT,
    done: 1,
    doneWeight: PRIOR_WEIGHT,
    latencyMs: 0,
    costUsd: 0,
    samples: 0,
  };
}

/** Requirements as shares, in ascending order of skill names; weights that are not positive are left out. */
export function skillShares(requires: Requirements | undefined): readonly SkillShare[] {
  const wanted = Object.entries(requires ?? {})
    .filter(([, weight]) => weight > 0 && weight <= Number.MAX_VALUE)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  let total = 0;
  for (const [, weight] of wanted) total += weight;
  return wanted.map(([skill, weight]) => ({ skill, share: weight / total }));
}

/** A step that was committed. `share` in (0, 1] is the skill's part of the task. */
export function observeCommitted(stats: SkillStatistics, share: number, measure: StepMeasure): SkillStatistics {
  const done = discountedMean(stats.done, stats.doneWeight, share, 1);
  const samples = stats.samples + 1;
  // A step's time and price are the whole step's whatever the share: a share here would draw the first means towards zero.
  const memory = Math.min(samples, MEMORY_STEPS);
  return {
    ...stats,
    done: done.mean,
    doneWeight: done.weight,
    latencyMs: stats.latencyMs + (measured(measure.serviceMs, stats.latencyMs) - stats.latencyMs) / memory,
    costUsd: stats.costUsd + (measured(measure.costUsd, stats.costUsd) - stats.costUsd) / memory,
    samples,
  };
}

/** An attempt that threw or timed out. */
export function observeFailed(stats: SkillStatistics, share: number): SkillStatistics {
  const done = discountedMean(stats.done, stats.doneWeight, share, 0);
  return { ...stats, done: done.mean, doneWeight: done.weight };
}

/** A judgement of a committed step: by the agent's `finish`, the team's judge or feedback. */
export function observeQuality(stats: SkillStatistics, share: number, quality: number): SkillStatistics {
  const judged = discountedMean(stats.quality, stats.qualityWeight, share, unit(quality));
  return { ...stats, quality: judged.mean, qualityWeight: judged.weight };
}

/** n ← γ^r n + r;  mean ← mean + (r / n)(y − mean), with r in sixteenths, at least one. */
function discountedMean(mean: number, weight: number, share: number, outcome: number): { mean: number; weight: number } {
  const sixteenths = share >= 1 ? 16 : share > 0.0625 ? Math.floor(share * 16 + 0.5) : 1;
  const r = sixteenths / 16;
  const after = (DISCOUNT_BY_SIXTEENTHS[sixteenths] ?? 1) * weight + r;
  return { mean: unit(mean + (r / after) * (outcome - mean)), weight: after };
}

/** Not a number counts as 0: nothing that was sent may spread NaN through the state. */
function unit(value: number): number {
  return value > 0 ? Math.min(value, 1) : 0;
}

/** A measurement that is none leaves the mean where it is. */
function measured(value: number, otherwise: number): number {
  return value >= 0 && value <= Number.MAX_VALUE ? value : otherwise;
}
