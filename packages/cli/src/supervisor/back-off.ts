/** When a process that died is started again. Pure. */

export interface BackOffTiming {
  readonly minMs: number;
  readonly maxMs: number;
  /** A process that lived this long died of something new: it starts from the shortest wait again. */
  readonly resetAfterMs: number;
}

/** state.md 11: fast enough that a killed leader is back within an election, slow enough that a broken file does not burn a core. */
export const BACK_OFF_DEFAULT: BackOffTiming = { minMs: 100, maxMs: 5_000, resetAfterMs: 10_000 };

/** Deaths in a row, counting the one that has just happened after `livedMs`. */
export function deathsInARow(before: number, livedMs: number, timing: BackOffTiming): number {
  return livedMs >= timing.resetAfterMs ? 1 : before + 1;
}

/** 100 ms, doubled with each further death in a row. */
export function restartDelayMs(deaths: number, timing: BackOffTiming): number {
  return Math.min(timing.maxMs, timing.minMs * 2 ** Math.min(Math.max(0, deaths - 1), 30));
}
