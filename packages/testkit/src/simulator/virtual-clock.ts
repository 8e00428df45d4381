/** One process's clock over the event queue. Its rate may differ from true time, and its wall clock may jump. */
import type { EventQueue, VirtualProcess } from "./event-queue.ts";

/** What `soon` costs: more than nothing, so that what arrives at the same moment is there before it runs. */
const SOON_MS = 0.01;

export class VirtualClock {
  readonly #queue: EventQueue;
  readonly #process: VirtualProcess;
  readonly #rate: number;
  wallOffsetMs: number;
  /** Timers set and neither fired nor cancelled. */
  pendingTimers = 0;

  constructor(queue: EventQueue, process: VirtualProcess, rate: number = 1, wallOffsetMs: number = 0) {
    this.#queue = queue;
    this.#process = process;
    this.#rate = rate;
    this.wallOffsetMs = wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#queue.nowMs * this.#rate;
  }

  wallMs(): number {
    return this.#queue.nowMs + this.wallOffsetMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    this.pendingTimers++;
    let open = true;
    const close = (): boolean => {
      if (!open) return false;
      open = false;
      this.pendingTimers--;
      return true;
    };
    const cancel = this.#queue.schedule(
      delayMs / this.#rate,
      () => {
        if (close()) run();
      },
      this.#process,
    );
    return () => {
      close();
      cancel();
    };
  }

  soon(run: () => void): void {
    this.#queue.schedule(SOON_MS, run, this.#process);
  }
}
