/**
 * How late the loop of this thread runs, for two readers that must not take it from each other: the heartbeat (worst of the last beat) and the
 * scrape of /metrics, which comes so seldom that the last beat alone would hide nearly every block.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 20;

export interface LoopLag {
  /** Worst lag since the last beat, milliseconds. */
  takeMs(): number;
  /** Worst lag since the last scrape, milliseconds. */
  takeForScrapeMs(): number;
  stop(): void;
}

export function watchLoopLag(): LoopLag {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let sinceBeatMs = 0;
  let sinceScrapeMs = 0;
  const collect = (): void => {
    const worstMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
    delay.reset();
    sinceBeatMs = Math.max(sinceBeatMs, worstMs);
    sinceScrapeMs = Math.max(sinceScrapeMs, worstMs);
  };
  return {
    takeMs: () => {
      collect();
      const worstMs = sinceBeatMs;
      sinceBeatMs = 0;
      return worstMs;
    },
    takeForScrapeMs: () => {
      collect();
      const worstMs = sinceScrapeMs;
      sinceScrapeMs = 0;
      return worstMs;
    },
    stop: () => void delay.disable(),
  };
}
