/**
 * Virtual time and the one queue of everything that is going to happen. A simulation is this queue run to its end on one thread: the
 * same seed gives the same order, since ties in time are broken by the order of scheduling.
 */

/** A process whose events the queue runs: nothing runs while it is paused (SIGSTOP), nothing ever again once it is dead (kill -9). */
export class VirtualProcess {
  #dead = false;
  #pausedUntilMs = 0;

  get dead(): boolean {
    return this.#dead;
  }

  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  kill(): void {
    this.#dead = true;
  }

  pauseUntil(timeMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, timeMs);
  }
}

interface Scheduled {
  timeMs: number;
  readonly order: number;
  readonly process: VirtualProcess | undefined;
  run: (() => void) | undefined;
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
}

export class EventQueue {
  readonly #heap: Scheduled[] = [];
  #nowMs = 0;
  #order = 0;
  #steps = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events run so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Events waiting that were not cancelled and belong to no dead process. */
  get waiting(): number {
    return this.#heap.filter((event) => event.run !== undefined && event.process?.dead !== true).length;
  }

  /** Runs `run` after the delay, unless cancelled by the function returned or prevented by the process's death. */
  schedule(delayMs: number, run: () => void, process?: VirtualProcess): () => void {
    this.#order++;
    const event: Scheduled = { timeMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, process, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Runs the next event, if there is one at or before `untilMs`. */
  step(untilMs: number = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.timeMs > untilMs) return false;
      this.#pop();
      if (event.run === undefined || event.process?.dead === true) continue;
      this.#nowMs = Math.max(this.#nowMs, event.timeMs);
      if (event.process !== undefined && event.process.pausedUntilMs > this.#nowMs) {
        // Keeps its place in the order: what was due during the pause happens at its end, first come first.
        event.timeMs = event.process.pausedUntilMs;
        this.#push(event);
        continue;
      }
      this.#steps++;
      event.run();
      return true;
    }
  }

  /** Runs all events up to a time, and leaves the clock there. `after` is called after each. */
  runUntil(untilMs: number, after: () => void = () => undefined): void {
    while (this.step(untilMs)) after();
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
