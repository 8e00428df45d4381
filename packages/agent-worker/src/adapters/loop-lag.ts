/** How late the loop of this thread runs: the delay of a timer against what was asked, worst of the last beat. */
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 20;

export interface LoopLag {
  /** Worst lag since the last question, milliseconds. */
  takeMs(): number;
  /** The last answer of takeMs. */
  readonly lastMs: number;
  stop(): void;
}

export function watchLoopLag(): LoopLag {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let lastMs = 0;
  return {
    takeMs: () => {
      lastMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
      delay.reset();
      return lastMs;
    },
    get lastMs() {
      return lastMs;
    },
    stop: () => void delay.disable(),
  };
}
