/**
 * One place in the pool: the thread that stands there now, the steps it was sent, and what to do when it dies. The place outlives its threads.
 * Kept apart from piscina: it starts a thread by calling `launch`, and learns of its end by that promise.
 *
 * T1 a step that was sent is held until its `ended` arrives or its thread's death was judged: none is forgotten.
 * T2 the judgement comes after the dead thread's last words were read.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Dispatch } from "@triad/protocol";
import { isBlocked, judgeDeath, restartBackoff, type Verdict } from "../../core/index.ts";
import { FrameChannel, type FromThread, type ToThread } from "./frames.ts";

/** A loop that has not answered for this long is not merely busy with the step before. */
const PING_GRACE_MS = 500;
/** For a thread to come up and load the team; a module that never ends loading is a mistake that must be said. */
const LOAD_MS_MAX = 60_000;
/** Beyond a step's own timeout, which its thread would have kept if it could. */
const STEP_GRACE_MS = 1_000;

interface Held {
  readonly seq: number;
  readonly dispatch: Dispatch;
  readonly timeoutMs: number;
  /** When it was first seen begun. */
  begunAtMs: number | undefined;
}

type Phase =
  | { readonly kind: "down" }
  | {
      readonly kind: "starting" | "ready";
      readonly channel: FrameChannel<ToThread, FromThread>;
      readonly controller: AbortController;
      readonly begun: Int32Array;
      readonly sinceMs: number;
    }
  | { readonly kind: "closed" };

export interface SlotOwner {
  nowMs(): number;
  /** Runs a thread until it ends; rejects when it died. An abort of the signal ends it by force. */
  launch(port: MessagePort, begun: SharedArrayBuffer, signal: AbortSignal): Promise<void>;
  received(frame: Exclude<FromThread, { kind: "pong" }>): void;
  died(verdicts: readonly Verdict[], reason: string): void;
}

export class ThreadSlot {
  stateBytes = 0;
  private readonly alone: boolean;
  private readonly owner: SlotOwner;
  private readonly held = new Map<number, Held>();
  private phase: Phase = { kind: "down" };
  private lastSeq = 0;
  private pings = 0;
  private unansweredSinceMs: number | undefined;
  private deathsInRow = 0;
  private notBeforeMs = 0;
  private killedBecause: string | undefined;
  private restart: NodeJS.Timeout | undefined;
  private gone: Promise<void> = Promise.resolve();

  constructor(alone: boolean, owner: SlotOwner) {
    this.alone = alone;
    this.owner = owner;
  }

  get isReady(): boolean {
    return this.phase.kind === "ready";
  }

  /** Down, and not so soon after its last death that starting again would only burn the machine. */
  get mayStart(): boolean {
    return this.phase.kind === "down" && this.owner.nowMs() >= this.notBeforeMs;
  }

  get inFlight(): number {
    return this.held.size;
  }

  has(fence: number): boolean {
    return this.held.has(fence);
  }

  start(): void {
    if (this.phase.kind !== "down") return;
    const { port1, port2 } = new MessageChannel();
    const begun = new SharedArrayBuffer(4);
    const controller = new AbortController();
    const channel = new FrameChannel<ToThread, FromThread>(port1, (frame) => this.receive(frame));
    this.lastSeq = 0;
    this.unansweredSinceMs = undefined;
    this.killedBecause = undefined;
    this.phase = { kind: "starting", channel, controller, begun: new Int32Array(begun), sinceMs: this.owner.nowMs() };
    this.gone = this.owner.launch(port2, begun, controller.signal).then(
      () => this.ended("it stopped"),
      (error: unknown) => this.ended(error instanceof Error ? error.message : String(error)),
    );
  }

  /** The thread has loaded the team that this worker registered. */
  markReady(): void {
    if (this.phase.kind === "starting") this.phase = { ...this.phase, kind: "ready" };
  }

  run(dispatch: Dispatch, timeoutMs: number): void {
    if (this.phase.kind !== "ready" && this.phase.kind !== "starting") throw new Error("a step was sent to a thread that is down");
    const seq = ++this.lastSeq;
    this.held.set(dispatch.fence, { seq, dispatch, timeoutMs, begunAtMs: undefined });
    this.phase.channel.send({ kind: "run", seq, dispatch });
  }

  send(frame: ToThread): void {
    if (this.phase.kind === "ready" || this.phase.kind === "starting") this.phase.channel.send(frame);
  }

  /** Called at every beat of the watchdog: pings, and ends the thread if it is blocked. */
  watch(): void {
    if (this.phase.kind !== "ready" && this.phase.kind !== "starting") return;
    const nowMs = this.owner.nowMs();
    if (this.phase.kind === "starting" && nowMs - this.phase.sinceMs > LOAD_MS_MAX) {
      this.kill(`the team did not load within ${LOAD_MS_MAX / 1_000} s`);
      return;
    }
    const overdueAtMs: number[] = [];
    for (const step of this.held.values()) {
      if (step.begunAtMs === undefined && this.hasBegun(step)) step.begunAtMs = nowMs;
      if (step.begunAtMs !== undefined) overdueAtMs.push(step.begunAtMs + step.timeoutMs);
    }
    if (isBlocked({ unansweredSinceMs: this.unansweredSinceMs, overdueAtMs }, nowMs, PING_GRACE_MS, STEP_GRACE_MS)) {
      this.kill("blocked beyond its timeout");
      return;
    }
    if (this.unansweredSinceMs !== undefined) return;
    this.unansweredSinceMs = nowMs;
    this.phase.channel.send({ kind: "ping", n: ++this.pings });
  }

  /** The worker itself has been asleep: an answer that is missing is nobody's fault, and is asked for again. */
  excuse(): void {
    this.unansweredSinceMs = undefined;
  }

  kill(reason: string): void {
    if (this.phase.kind !== "ready" && this.phase.kind !== "starting") return;
    this.killedBecause = reason;
    this.phase.controller.abort();
  }

  /** Ends the thread for good, waiting for nothing that it runs. */
  async close(): Promise<void> {
    clearTimeout(this.restart);
    const phase = this.phase;
    this.phase = { kind: "closed" };
    if (phase.kind === "ready" || phase.kind === "starting") {
      phase.channel.close();
      phase.controller.abort();
    }
    await this.gone;
  }

  /** Lets an idle thread end by itself; the slot may be started again. */
  rest(): void {
    this.send({ kind: "stop" });
  }

  private receive(frame: FromThread): void {
    switch (frame.kind) {
      case "pong":
        this.unansweredSinceMs = undefined;
        this.stateBytes = frame.stateBytes;
        return;
      case "started": {
        const step = this.held.get(frame.fence);
        if (step !== undefined) step.begunAtMs ??= this.owner.nowMs();
        break;
      }
      case "ended":
        this.held.delete(frame.fence);
        break;
    }
    this.owner.received(frame);
  }

  private hasBegun(step: Held): boolean {
    return (this.phase.kind === "ready" || this.phase.kind === "starting") && Atomics.load(this.phase.begun, 0) >= step.seq;
  }

  private ended(reason: string): void {
    const phase = this.phase;
    if (phase.kind !== "ready" && phase.kind !== "starting") return;
    phase.channel.drain(); // T2
    phase.channel.close();
    const verdicts = judgeDeath(
      [...this.held].map(([fence, step]) => ({ fence, begun: step.begunAtMs !== undefined || this.hasBegun(step) })),
      this.alone,
    );
    this.held.clear();
    this.stateBytes = 0;
    this.phase = { kind: "down" };
    const { waitMs, deathsInRow } = restartBackoff(this.deathsInRow, this.owner.nowMs() - phase.sinceMs);
    this.deathsInRow = deathsInRow;
    this.notBeforeMs = this.owner.nowMs() + waitMs;
    if (!this.alone) this.restart = setTimeout(() => this.start(), waitMs);
    this.owner.died(verdicts, this.killedBecause ?? reason);
  }
}
