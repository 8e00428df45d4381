/**
 * The beat of the core. A process that stood still must not make up for lost time: it would elect itself although the leader's
 * messages lie unread in its socket (raft.md, pitfall 44).
 *
 * (T1) Late or not, one beat is due at most. (T2) A beat that comes more than a period late is passed over once, so that what arrived
 * meanwhile is read first; a loop that is always late still beats, every second time.
 */
import type { Clock } from "./ports.ts";

export class Ticker {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #onBeat: () => void;
  #expectedMs = 0;
  #passedOver = false;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, periodMs: number, onBeat: () => void) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#onBeat = onBeat;
  }

  start(): void {
    this.#schedule(this.#clock.monotonicMs() + this.#periodMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(atMs: number): void {
    this.#expectedMs = atMs;
    this.#cancel = this.#clock.schedule(Math.max(0, atMs - this.#clock.monotonicMs()), () => this.#fire());
  }

  #fire(): void {
    const nowMs = this.#clock.monotonicMs();
    const late = nowMs - this.#expectedMs > this.#periodMs;
    this.#schedule((late ? nowMs : this.#expectedMs) + this.#periodMs);
    if (late && !this.#passedOver) {
      this.#passedOver = true;
      return;
    }
    this.#passedOver = false;
    this.#onBeat();
  }
}
