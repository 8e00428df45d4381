/** Requests that wait for a task to end: woken by the entry that ends it, by their own time limit, or when their client has gone. */
import type { AppliedNotice } from "../consensus-engine/consensus-engine.ts";
import type { Clock } from "../ports.ts";

export class TaskWaiters {
  private readonly clock: Clock;
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock, onApplied: (listener: (notice: AppliedNotice) => void) => void) {
    this.clock = clock;
    onApplied((notice) => {
      if (notice.restored) {
        // Whether their task ended is in the state now; they look again.
        for (const wakes of [...this.waiting.values()]) for (const wake of [...wakes]) wake();
        return;
      }
      for (const effect of notice.effects) {
        if (effect.kind !== "taskEnded") continue;
        for (const wake of this.waiting.get(effect.task) ?? []) wake();
      }
    });
  }

  /** Resolves when the task ends, after `waitMs`, or when `signal` fires; whichever is first. */
  ended(task: string, waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const set = this.waiting.get(task) ?? new Set();
      this.waiting.set(task, set);
      const wake = (): void => {
        cancel();
        signal.removeEventListener("abort", wake);
        set.delete(wake);
        if (set.size === 0) this.waiting.delete(task);
        resolve();
      };
      const cancel = this.clock.schedule(waitMs, wake);
      set.add(wake);
      signal.addEventListener("abort", wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}
