/** A clock that a test moves: callbacks run in the order of their times, and nothing else passes. */
import type { Clock } from "../../src/services/ports.ts";

export class ManualClock implements Clock {
  private now = 0;
  private due: { readonly atMs: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  random(): number {
    return 0.5;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { atMs: this.now + ms, run };
    this.due.push(entry);
    return () => {
      this.due = this.due.filter((other) => other !== entry);
    };
  }

  /** Moves on, letting promises settle between callbacks. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.now + ms;
    for (;;) {
      await settle();
      const next = this.due.filter((entry) => entry.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.due = this.due.filter((entry) => entry !== next);
      this.now = Math.max(this.now, next.atMs);
      next.run();
    }
    this.now = untilMs;
    await settle();
  }
}

/** Everything that promises can do without time passing. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
