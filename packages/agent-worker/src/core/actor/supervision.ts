/**
 * Decisions of the supervisor of a worker's threads, pure: which thread is blocked, and what becomes of the steps that a dead thread held
 * (state.md 7). A step's own death costs it an attempt; a neighbour's death does not.
 */

export interface HeldStep {
  readonly fence: number;
  /** False: the thread was sent the step and had not begun it. */
  readonly begun: boolean;
}

/** killed: its own death, an attempt is used · lost: it starts again alone · again: it never began and goes to another thread as it is. */
export type Verdict = { readonly fence: number; readonly outcome: "killed" | "lost" | "again" };

/** @param alone the thread was the extra one, for a step that runs by itself. */
export function judgeDeath(held: readonly HeldStep[], alone: boolean): readonly Verdict[] {
  const begun = held.filter((step) => step.begun);
  // With nothing begun the thread died of itself: blaming a step would cost somebody an attempt for nothing.
  const own = alone || begun.length === 1 ? "killed" : "lost";
  return held.map((step) => ({ fence: step.fence, outcome: step.begun ? own : "again" }));
}

export interface ThreadSight {
  /** When the oldest unanswered ping was sent; undefined: every ping was answered. */
  readonly unansweredSinceMs: number | undefined;
  /** When each begun step is over its time, on the same clock. */
  readonly overdueAtMs: readonly number[];
}

/** A thread whose loop answers is never ended, however long a step takes: its own timer ends that step. */
export function isBlocked(sight: ThreadSight, nowMs: number, pingGraceMs: number, stepGraceMs: number): boolean {
  if (sight.unansweredSinceMs === undefined || nowMs - sight.unansweredSinceMs < pingGraceMs) return false;
  return sight.overdueAtMs.some((overdueAtMs) => nowMs >= overdueAtMs + stepGraceMs);
}

const RESTART_BACKOFF_MS = 100;
const RESTART_BACKOFF_MS_MAX = 5_000;
/** A thread that lived this long was no failed start. */
const RESTART_RESET_MS = 10_000;

/** Wait before the next thread of a slot, and the count of deaths in a row that goes with it. */
export function restartBackoff(deathsInRow: number, aliveMs: number): { readonly waitMs: number; readonly deathsInRow: number } {
  const deaths = aliveMs >= RESTART_RESET_MS ? 1 : deathsInRow + 1;
  // The first restart is at once: a step that ended its process must not slow down the steps behind it.
  if (deaths <= 2) return { waitMs: 0, deathsInRow: deaths };
  let waitMs = RESTART_BACKOFF_MS;
  for (let i = 3; i < deaths && waitMs < RESTART_BACKOFF_MS_MAX; i++) waitMs *= 2;
  return { waitMs: Math.min(waitMs, RESTART_BACKOFF_MS_MAX), deathsInRow: deaths };
}
