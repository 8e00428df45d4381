/**
 * How late the event loop runs, from libuv's own histogram. What it records includes the sampling period, so that an idle process reads
 * 10 ms; the period is taken off, so that zero means zero.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 10;
const NANOSECONDS = 1e-9;

export class EventLoopLag {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delays.enable();
  }

  /**
   * The longest since the last call, seconds. Not a percentile: between two scrapes one long block is what elections and lost heartbeats
   * come from, and the 99th percentile of a few hundred samples can miss it. (Percentiles are among prom-client's own metrics.)
   */
  takeLongestSeconds(): number {
    const seconds = this.#delays.count > 0 ? this.#delays.max * NANOSECONDS - RESOLUTION_MS / 1000 : 0;
    this.#delays.reset();
    return Math.max(0, seconds);
  }

  stop(): void {
    this.#delays.disable();
  }
}
