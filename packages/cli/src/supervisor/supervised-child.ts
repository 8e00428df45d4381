/**
 * One process that is kept running until it is told to end. Knows nothing of its siblings (supervisor.ts) nor of what it runs.
 *
 * C1: at most one process of a child runs at a time: the next starts after the exit of the last was seen.
 * C2: after `stop()` none is started again, and the promise settles when the last has ended.
 * C3: a child that may finish and does is as good as stopped: it is not started again.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { identityOf, type ProcessIdentity, signal } from "../processes/process-identity.ts";
import { type BackOffTiming, deathsInARow, restartDelayMs } from "./back-off.ts";
import type { ChildSpec } from "./child-spec.ts";
import { openLog } from "./log-file.ts";
import type { ChildState } from "./state-file.ts";

type Phase =
  | { readonly kind: "running"; readonly process: ChildProcess; readonly identity: ProcessIdentity | undefined; readonly startedAt: number }
  | { readonly kind: "waiting"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "ended" };

export interface ChildSurroundings {
  /** The state is another one. */
  readonly changed: () => void;
  /** C3 */
  readonly finished: () => void;
  readonly log: (line: string) => void;
}

export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #timing: BackOffTiming;
  readonly #changed: () => void;
  readonly #log: (line: string) => void;
  readonly #finished: () => void;
  #phase: Phase = { kind: "ended" };
  #stopping = false;
  #starts = 0;
  #deaths = 0;
  #lastExit: string | undefined;
  readonly #ended = Promise.withResolvers<void>();

  constructor(spec: ChildSpec, timing: BackOffTiming, around: ChildSurroundings) {
    this.spec = spec;
    this.#timing = timing;
    this.#changed = around.changed;
    this.#log = around.log;
    this.#finished = around.finished;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  start(): void {
    if (this.#stopping || this.#phase.kind === "running") return;
    this.#starts++;
    const startedAt = performance.now();
    let process: ChildProcess;
    try {
      const log = openLog(this.spec.logFile);
      try {
        process = spawn(this.spec.command, this.spec.args(), { env: this.spec.env, stdio: ["ignore", log, log] });
      } finally {
        closeSync(log); // the child has its own
      }
    } catch (error) {
      this.#died(`could not start: ${String(error)}`, 0);
      return;
    }
    let settled = false;
    const once = (how: string): void => {
      if (settled) return;
      settled = true;
      this.#died(how, performance.now() - startedAt);
    };
    process.once("exit", (code, name) => {
      if (code === 0 && this.spec.mayFinish && !this.#stopping) this.#finish();
      else once(name === null ? `exit ${code}` : name);
    });
    process.once("error", (error) => {
      // Not every error ends a process (a signal that could not be sent does not): without a pid it never ran.
      if (process.pid === undefined) once(`could not start: ${error.message}`);
    });
    const identity = process.pid === undefined ? undefined : identityOf(process.pid);
    this.#phase = { kind: "running", process, identity, startedAt };
    this.#log(`${this.spec.name} started as ${process.pid ?? "nothing"}`);
    this.#changed();
  }

  #died(how: string, livedMs: number): void {
    this.#lastExit = how;
    if (this.#stopping) {
      this.#log(`${this.spec.name} ended (${how})`);
      this.#phase = { kind: "ended" };
      this.#ended.resolve();
      this.#changed();
      return;
    }
    this.#deaths = deathsInARow(this.#deaths, livedMs, this.#timing);
    const delayMs = restartDelayMs(this.#deaths, this.#timing);
    this.#log(`${this.spec.name} died (${how}) after ${Math.round(livedMs)} ms; it starts again in ${delayMs} ms`);
    this.#phase = { kind: "waiting", timer: setTimeout(() => this.#again(), delayMs) };
    this.#changed();
  }

  /** C3 */
  #finish(): void {
    this.#stopping = true;
    this.#died("exit 0", 0);
    this.#finished();
  }

  #again(): void {
    this.#phase = { kind: "ended" };
    this.start();
  }

  /** C2. SIGTERM, SIGCONT in case it was stopped, SIGKILL when its time is over. */
  stop(): Promise<void> {
    if (this.#stopping) return this.#ended.promise;
    this.#stopping = true;
    if (this.#phase.kind !== "running") {
      if (this.#phase.kind === "waiting") clearTimeout(this.#phase.timer);
      this.#phase = { kind: "ended" };
      this.#ended.resolve();
    } else {
      const { process } = this.#phase;
      process.kill("SIGTERM");
      process.kill("SIGCONT");
      const timer = setTimeout(() => {
        this.#log(`${this.spec.name} did not end in ${this.spec.stopMs} ms: killed`);
        process.kill("SIGKILL");
      }, this.spec.stopMs);
      void this.#ended.promise.then(() => clearTimeout(timer));
    }
    this.#changed();
    return this.#ended.promise;
  }

  /** Ends it at once: for when there is no time left to ask. */
  kill(): void {
    if (this.#phase.kind === "running" && this.#phase.identity !== undefined) signal(this.#phase.identity, "SIGKILL");
  }

  get state(): ChildState {
    const identity = this.#phase.kind === "running" ? this.#phase.identity : undefined;
    return {
      name: this.spec.name,
      kind: this.spec.kind,
      ...(identity === undefined ? {} : { process: identity }),
      stopping: this.#stopping,
      starts: this.#starts,
      deaths: this.#deaths,
      ...(this.#lastExit === undefined ? {} : { lastExit: this.#lastExit }),
      logFile: this.spec.logFile,
    };
  }
}
