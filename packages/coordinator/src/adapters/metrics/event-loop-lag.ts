/**
 * How late the event loop runs, by a timer that should tick every 10 ms. Not by perf_hooks' histogram: resetting that forgets when it ticked
 * last, and with it a block that begins or ends just then.
 */
import { performance } from "node:perf_hooks";

const PERIOD_MS = 10;

export class EventLoopLag {
  readonly #timer: NodeJS.Timeout;
  #tickedAtMs = performance.now();
  #longestMs = 0;

  constructor() {
    this.#timer = setInterval(() => {
      this.#note();
      this.#tickedAtMs = performance.now();
    }, PERIOD_MS).unref();
  }

  /**
   * The longest since the last call, seconds. Not a percentile: between two scrapes one long block is what elections and lost heartbeats
   * come from, and the 99th percentile of a few hundred samples can miss it. (Percentiles are among prom-client's own metrics.)
   */
  takeLongestSeconds(): number {
    this.#note();
    const seconds = this.#longestMs / 1000;
    this.#longestMs = 0;
    return seconds;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Also between ticks: whoever asks first after a block must hear of it. */
  #note(): void {
    this.#longestMs = Math.max(this.#longestMs, performance.now() - this.#tickedAtMs - PERIOD_MS);
  }
}
