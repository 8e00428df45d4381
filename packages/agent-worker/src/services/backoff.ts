/** Waits between repetitions: 50 ms, doubled to 1 s, with jitter, so that a cluster that comes back is not met by everyone at once. */
import type { Clock } from "./ports.ts";

const BACKOFF_MS = 50;
const BACKOFF_MS_MAX = 1_000;

export function backoffMs(round: number, random: number): number {
  const whole = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** Math.min(round, 10));
  return whole * (0.5 + random / 2);
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
