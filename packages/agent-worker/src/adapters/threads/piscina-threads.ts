/**
 * The worker's threads: a piscina pool in which every thread runs one task for its whole life, fed over a port (thread-slot.ts), and a second
 * pool of one for steps that run alone. Piscina owns the threads: it starts the next where one has died or was ended.
 */
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Dispatch, errorFromBody, TriadError } from "@triad/protocol";
import { move, Piscina, transferableSymbol, valueSymbol } from "piscina";
import type { Verdict } from "../../core/index.ts";
import type { EffectRecorder, TeamManifest, ThreadEvents, Threads, TranscriptReader } from "../../services/ports.ts";
import { errorAsData, type FromThread, type ThreadError, type ThreadStart } from "./frames.ts";
import { ThreadSlot } from "./thread-slot.ts";

/** How often threads are pinged and looked at. */
const WATCH_MS = 250;
/** A watchdog that comes this late was itself stopped or starved, and has seen nothing. */
const ASLEEP_MS = 4 * WATCH_MS;
/** The extra thread goes when nothing has run on it for this long. */
const ALONE_IDLE_MS = 10_000;
/** Old space of one thread: a step that leaks ends its thread, not the worker. */
const HEAP_MB_DEFAULT = 1024;

export interface ThreadsOptions {
  readonly count: number;
  /** Path of the team file. */
  readonly team: string;
  readonly worker: string;
  readonly logLevel: string;
  readonly reader: TranscriptReader;
  readonly recorder: EffectRecorder;
  readonly events: ThreadEvents;
  nowMs(): number;
  /** Of one thread. */
  readonly heapMb?: number;
  /** A thread could not load the team that the others run; `ready` threads are left. */
  broken(error: ThreadError, ready: number): void;
}

export interface LoadedTeam {
  readonly manifest: TeamManifest;
  readonly digest: string;
}

export class PiscinaThreads implements Threads {
  readonly count: number;
  /** Resolves with the team as the first thread loaded it; rejects where it can't be loaded. */
  readonly team: Promise<LoadedTeam>;
  private readonly options: ThreadsOptions;
  private readonly pool: Piscina;
  private readonly alonePool: Piscina;
  private readonly slots: readonly ThreadSlot[];
  private readonly aloneSlot: ThreadSlot;
  private readonly aloneQueue: { readonly dispatch: Dispatch; readonly timeoutMs: number }[] = [];
  private readonly teamLoaded = Promise.withResolvers<LoadedTeam>();
  private readonly watchdog: NodeJS.Timeout;
  private digest: string | undefined;
  private aloneSinceMs = 0;
  private watchedAtMs: number;

  constructor(options: ThreadsOptions) {
    this.options = options;
    this.count = options.count;
    this.team = this.teamLoaded.promise;
    const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const shared = {
      filename: fileURLToPath(new URL(`../../thread.${suffix}`, import.meta.url)),
      // A thread is never without its one task, so piscina's waiting by Atomics would only block its loop.
      atomics: "disabled" as const,
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: options.heapMb ?? HEAP_MB_DEFAULT },
    };
    this.pool = new Piscina({ ...shared, minThreads: options.count, maxThreads: options.count });
    this.alonePool = new Piscina({ ...shared, minThreads: 0, maxThreads: 1, idleTimeout: 0 });
    this.slots = Array.from({ length: options.count }, (_, index) => this.slotOf(index, this.pool));
    this.aloneSlot = this.slotOf(undefined, this.alonePool);
    for (const slot of this.slots) slot.start();
    this.watchedAtMs = options.nowMs();
    this.watchdog = setInterval(() => this.watch(), WATCH_MS);
  }

  get stateBytes(): number {
    return this.slots.reduce((sum, slot) => sum + slot.stateBytes, this.aloneSlot.stateBytes);
  }

  isReady(thread: number): boolean {
    return this.slots[thread]?.isReady ?? false;
  }

  run(thread: number, dispatch: Dispatch, timeoutMs: number): void {
    this.slots[thread]?.run(dispatch, timeoutMs);
  }

  runAlone(dispatch: Dispatch, timeoutMs: number): void {
    this.aloneQueue.push({ dispatch, timeoutMs });
    this.nextAlone();
  }

  abort(fence: number): void {
    const queued = this.aloneQueue.findIndex((step) => step.dispatch.fence === fence);
    if (queued >= 0) {
      this.aloneQueue.splice(queued, 1);
      this.options.events.ended(fence, { kind: "aborted", serviceMs: 0 });
      return;
    }
    for (const slot of [...this.slots, this.aloneSlot]) if (slot.has(fence)) slot.send({ kind: "abort", fence });
  }

  async close(): Promise<void> {
    clearInterval(this.watchdog);
    this.aloneQueue.length = 0;
    await Promise.all([...this.slots, this.aloneSlot].map((slot) => slot.close()));
    await Promise.all([this.pool.destroy(), this.alonePool.destroy()]);
  }

  private slotOf(index: number | undefined, pool: Piscina): ThreadSlot {
    const slot: ThreadSlot = new ThreadSlot(index === undefined, {
      nowMs: () => this.options.nowMs(),
      launch: (port, begun, signal) => {
        const { worker, logLevel } = this.options;
        const teamUrl = pathToFileURL(resolve(this.options.team)).href;
        const start: ThreadStart = { port, teamUrl, begun, logLevel, worker };
        // A movable task, because the type of `transferList` is wrong under current Node types.
        const task = move(new MovableStart(start));
        return pool.run(task, { signal }) as Promise<void>;
      },
      received: (frame) => this.received(index, slot, frame),
      died: (verdicts, reason) => this.died(index, verdicts, reason),
    });
    return slot;
  }

  private received(index: number | undefined, slot: ThreadSlot, frame: Exclude<FromThread, { kind: "pong" }>): void {
    const { events } = this.options;
    switch (frame.kind) {
      case "ready":
        this.loaded(index, slot, frame);
        return;
      case "broken":
        this.brokenBy(slot, frame.error);
        return;
      case "started":
        events.started(frame.fence);
        return;
      case "delta":
        events.delta(frame.fence, frame.text);
        return;
      case "modelCalled":
        events.modelCalled(frame.call);
        return;
      case "ended":
        events.ended(frame.fence, frame.outcome);
        if (index === undefined) this.nextAlone();
        return;
      case "record":
        void this.recordFor(slot, frame);
        return;
      case "readEvents":
      case "readBody":
        void this.readFor(slot, frame);
    }
  }

  private loaded(index: number | undefined, slot: ThreadSlot, frame: LoadedTeam): void {
    this.digest ??= frame.digest;
    if (frame.digest !== this.digest) {
      const error = {
        code: "TRIAD_TEAM_VERSION",
        message: "the team file has changed since this worker started; start it anew to use the new one",
      };
      this.brokenBy(slot, error);
      return;
    }
    slot.markReady();
    this.teamLoaded.resolve({ manifest: frame.manifest, digest: frame.digest });
    if (index === undefined) this.nextAlone();
    else this.options.events.ready(index);
  }

  private brokenBy(slot: ThreadSlot, error: ThreadError): void {
    slot.kill(error.message);
    if (this.digest === undefined) this.teamLoaded.reject(errorFromBody(error));
    else this.options.broken(error, this.slots.filter((other) => other.isReady).length);
  }

  private died(index: number | undefined, verdicts: readonly Verdict[], reason: string): void {
    if (this.digest === undefined) {
      const message = `the team file ${this.options.team} cannot be loaded: its thread ended while it was loading: ${reason}`;
      this.teamLoaded.reject(new TriadError("TRIAD_TEAM_INVALID", message));
    }
    this.options.events.died(index ?? -1, verdicts, reason);
    if (index === undefined) this.nextAlone();
  }

  private nextAlone(): void {
    if (this.aloneSlot.inFlight > 0) return;
    if (this.aloneQueue.length === 0) {
      this.aloneSinceMs = this.options.nowMs();
      return;
    }
    if (this.aloneSlot.mayStart) this.aloneSlot.start();
    if (!this.aloneSlot.isReady) return;
    const next = this.aloneQueue.shift();
    if (next !== undefined) this.aloneSlot.run(next.dispatch, next.timeoutMs);
  }

  private watch(): void {
    const nowMs = this.options.nowMs();
    const asleep = nowMs - this.watchedAtMs > ASLEEP_MS;
    this.watchedAtMs = nowMs;
    if (asleep) for (const slot of [...this.slots, this.aloneSlot]) slot.excuse();
    if (this.aloneQueue.length > 0) this.nextAlone();
    for (const slot of [...this.slots, this.aloneSlot]) slot.watch();
    const idle = this.aloneSlot.isReady && this.aloneSlot.inFlight === 0 && this.aloneQueue.length === 0;
    if (idle && nowMs - this.aloneSinceMs > ALONE_IDLE_MS) this.aloneSlot.rest();
  }

  private async recordFor(slot: ThreadSlot, { command, bytes }: Extract<FromThread, { kind: "record" }>): Promise<void> {
    const { type, fence, n } = command;
    slot.send({ kind: "recorded", type, fence, n, result: await this.options.recorder.record(command, bytes) });
  }

  private async readFor(slot: ThreadSlot, frame: Extract<FromThread, { kind: "readEvents" | "readBody" }>): Promise<void> {
    const { reader } = this.options;
    const { request } = frame;
    try {
      if (frame.kind === "readBody") slot.send({ kind: "body", request, text: await reader.readBody(frame.body) });
      else slot.send({ kind: "events", request, events: await reader.read(frame.conversation, frame.from, frame.to) });
    } catch (error) {
      slot.send({ kind: "notRead", request, error: errorAsData(error) });
    }
  }
}

/** A thread's start with its port to be moved, in the form that piscina asks for. */
class MovableStart {
  private readonly start: ThreadStart;

  constructor(start: ThreadStart) {
    this.start = start;
  }

  get [transferableSymbol](): object {
    return [this.start.port];
  }

  get [valueSymbol](): object {
    return this.start;
  }
}
