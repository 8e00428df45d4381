/** What the supervisor knows of a process that it keeps running: how to start it, and how long it may take to end. Nothing of Triad. */

/** Kinds end in the order in which they stand here; see STOP_ORDER. */
export type ChildKind = "worker" | "coordinator" | "nats";

/** Workers drain through the coordinators, coordinators speak over nats: so this order, and no other, loses nothing. */
export const STOP_ORDER: readonly ChildKind[] = ["worker", "coordinator", "nats"];

export interface ChildSpec {
  /** Unique: `c1`, `w2`, `nats`. */
  readonly name: string;
  readonly kind: ChildKind;
  readonly command: string;
  /** Asked at every start, because flags may change over a child's life (`--bootstrap`). */
  readonly args: () => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether exit code 0, unasked, means that it has done its work (a worker that was drained): then it is not started again. */
  readonly mayFinish: boolean;
  /** stdout and stderr are appended to it. */
  readonly logFile: string;
  /** SIGTERM, then this long, then SIGKILL. */
  readonly stopMs: number;
}

/** A worker drains for up to 10 s (state.md 11); the rest is for its last messages and a busy machine. */
export const STOP_MS: Readonly<Record<ChildKind, number>> = { worker: 13_000, coordinator: 6_000, nats: 4_000 };
