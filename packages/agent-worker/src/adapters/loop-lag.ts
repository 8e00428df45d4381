/**
 * How late the loop of this thread runs, for two readers that must not take it from each other: the heartbeat (worst of the last beat) and the
 * scrape of /metrics, which comes so seldom that the last beat alone would hide nearly every block.
 *
 * By a timer of its own and not perf_hooks' histogram: resetting that forgets when it ticked last, and with it a block that ends just then.
 */
import { performance } from "node:perf_hooks";

const PERIOD_MS = 20;

export interface LoopLag {
  /** Worst lag since the last beat, milliseconds. */
  takeMs(): number;
  /** Worst lag since the last scrape, milliseconds. */
  takeForScrapeMs(): number;
  stop(): void;
}

export function watchLoopLag(): LoopLag {
  let tickedAtMs = performance.now();
  let sinceBeatMs = 0;
  let sinceScrapeMs = 0;
  /** Also between ticks: whoever asks first after a block must hear of it. */
  const note = (): void => {
    const lateMs = performance.now() - tickedAtMs - PERIOD_MS;
    sinceBeatMs = Math.max(sinceBeatMs, lateMs);
    sinceScrapeMs = Math.max(sinceScrapeMs, lateMs);
  };
  const timer = setInterval(() => {
    note();
    tickedAtMs = performance.now();
  }, PERIOD_MS).unref();
  return {
    takeMs: () => {
      note();
      const worstMs = sinceBeatMs;
      sinceBeatMs = 0;
      return worstMs;
    },
    takeForScrapeMs: () => {
      note();
      const worstMs = sinceScrapeMs;
      sinceScrapeMs = 0;
      return worstMs;
    },
    stop: () => clearInterval(timer),
  };
}
