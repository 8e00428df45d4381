/**
 * The actors of a worker: takes dispatches, runs each actor serially on its thread, and hands every outcome to the leader's link.
 *
 * P1 a fence is taken once: a second dispatch of it is dropped while it is held, and for ENDED_FENCES_MS after it ended.
 * P2 a step is held until the leader has answered for it, so that a heartbeat names it for as long as it may still be committed.
 * P3 an actor keeps its thread while that thread is up: what it cached of the conversation is there.
 */
import { type CommandResult, type Dispatch, limits, type ViewReport } from "@triad/protocol";
import { type ActorInput, type ActorOutput, type ActorState, IDLE_ACTOR, stepActor } from "../core/index.ts";
import type {
  Clock,
  EffectCommand,
  EffectRecorder,
  ModelCall,
  StepOutcome,
  StepSink,
  ThreadEvents,
  Threads,
  WorkerMetrics,
} from "./ports.ts";
import { commandOfDeath, commandOfOutcome } from "./step-command.ts";

/** Actors whose thread is remembered after they went idle. */
const AFFINITY_MAX = 16_384;

/** Phases of a held step: waiting (in a mailbox or for a thread) → running → settling (its command is on the way). */
interface HeldStep {
  readonly dispatch: Dispatch;
  phase: "waiting" | "running" | "settling";
  /** While running: its thread. */
  thread: number | "alone" | undefined;
  /** Voided by the leader: nothing of it is sent any more. */
  aborted: boolean;
  /** Number of its next live event. */
  nextLive: number;
}

interface Actor {
  state: ActorState;
  thread: number | undefined;
}

export interface AgentPoolOptions {
  readonly worker: string;
  readonly threads: Threads;
  readonly sink: StepSink;
  readonly metrics: WorkerMetrics;
  readonly clock: Clock;
  timeoutMsOf(agent: string): number;
}

export class AgentPool implements ThreadEvents, EffectRecorder {
  private readonly options: AgentPoolOptions;
  private readonly steps = new Map<number, HeldStep>();
  private readonly actors = new Map<string, Actor>();
  private readonly affinity = new Map<string, number>();
  private readonly load: number[];
  /** Actors that wait until some thread is ready. */
  private waitingForThread: string[] = [];
  /** Fence → when it may be forgotten; in the order of their ends. */
  private readonly endedUntilMs = new Map<number, number>();
  private running = 0;
  private mailed = 0;

  constructor(options: AgentPoolOptions) {
    this.options = options;
    this.load = new Array<number>(options.threads.count).fill(0);
  }

  /** Fences that it runs, or has finished and not seen answered (P2). */
  get fences(): readonly number[] {
    return [...this.steps.keys()];
  }

  get inFlight(): number {
    return this.running;
  }

  /** Nothing is held: what it was given has been answered for. */
  get isIdle(): boolean {
    return this.steps.size === 0;
  }

  get agentsActive(): number {
    return this.actors.size;
  }

  deliver(dispatch: Dispatch): void {
    const { fence } = dispatch;
    this.forgetEnded();
    if (this.steps.has(fence) || this.endedUntilMs.has(fence)) return; // P1
    this.steps.set(fence, { dispatch, phase: "waiting", thread: undefined, aborted: false, nextLive: 0 });
    this.feed(actorOf(dispatch), { type: "deliver", fence });
  }

  /** The leader has voided these steps. */
  abort(fences: readonly number[]): void {
    for (const fence of fences) {
      const step = this.steps.get(fence);
      // A step that is settling is answered `fenced` or `ended` by the leader itself, once it has been proposed.
      if (step?.phase === "settling") this.options.sink.abandon(fence);
      else if (step !== undefined) this.abortStep(fence, step);
    }
  }

  /** Ends everything that has not finished; the count of what was ended. */
  abortAll(): number {
    let count = 0;
    for (const [fence, step] of this.steps) {
      if (step.phase === "settling") this.options.sink.abandon(fence);
      if (step.phase === "settling" || step.aborted) continue;
      count++;
      this.abortStep(fence, step);
    }
    return count;
  }

  /** The leader has answered for the step, whatever it said. */
  settled(fence: number): void {
    if (this.steps.delete(fence)) this.remember(fence);
  }

  ready(_thread: number): void {
    const waiting = this.waitingForThread;
    this.waitingForThread = [];
    for (const key of waiting) this.tryThread(key);
  }

  started(fence: number): void {
    this.live(fence, "started", "");
  }

  delta(fence: number, text: string): void {
    for (let at = 0; at < text.length; ) {
      let end = Math.min(text.length, at + DELTA_CHARACTERS_MAX);
      // A pair of surrogates is one character: cut before it, never within.
      if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
      this.live(fence, "delta", text.slice(at, end));
      at = end;
    }
  }

  modelCalled(call: ModelCall): void {
    this.options.metrics.modelCalled(call);
  }

  /** An effect of a running step. One that the log does not take from it ends the step here: others own it, or it waits for a person. */
  async record(command: EffectCommand, bytes: number): Promise<CommandResult> {
    const { fence } = command;
    const step = this.steps.get(fence);
    if (step === undefined || step.phase !== "running" || step.aborted) return { outcome: "fenced" };
    const result = await this.options.sink.record(command, bytes);
    if (result.outcome === "fenced" || result.outcome === "ended" || result.effect?.parked === true) this.abort([fence]);
    return result;
  }

  ended(fence: number, outcome: StepOutcome): void {
    const step = this.steps.get(fence);
    if (step === undefined || step.phase !== "running") return;
    this.options.metrics.stepEnded(
      step.dispatch.agent,
      labelOf(step.aborted ? { kind: "aborted", serviceMs: 0 } : outcome),
      outcome.serviceMs / 1000,
    );
    if (outcome.kind === "finished" && outcome.view !== undefined) this.seen(outcome.view);
    this.finish(fence, step, step.aborted ? undefined : commandOfOutcome(step.dispatch, outcome));
  }

  died(
    _thread: number,
    verdicts: readonly { readonly fence: number; readonly outcome: "killed" | "lost" | "again" }[],
    reason: string,
  ): void {
    for (const { fence, outcome } of verdicts) {
      const step = this.steps.get(fence);
      if (step === undefined || step.phase !== "running") continue;
      if (outcome === "again" && !step.aborted) {
        this.leaveThread(step);
        step.phase = "waiting";
        this.startStep(actorOf(step.dispatch), fence);
        continue;
      }
      this.options.metrics.stepEnded(step.dispatch.agent, step.aborted ? "aborted" : outcome, 0);
      this.finish(fence, step, step.aborted ? undefined : commandOfDeath(step.dispatch, outcome, reason));
    }
  }

  private seen(view: ViewReport): void {
    const facts = view.factsShown + view.factsLeftOut;
    if (facts > 0) this.options.metrics.viewRecall(view.factsShown / facts);
  }

  private abortStep(fence: number, step: HeldStep): void {
    if (step.phase === "running") {
      step.aborted = true;
      this.options.threads.abort(fence);
      return;
    }
    step.aborted = true;
    this.feed(actorOf(step.dispatch), { type: "abort", fence });
  }

  private finish(fence: number, step: HeldStep, command: ReturnType<typeof commandOfOutcome>): void {
    const key = actorOf(step.dispatch);
    this.leaveThread(step);
    if (command === undefined) {
      this.steps.delete(fence);
      this.remember(fence);
    } else {
      step.phase = "settling";
      this.options.sink.settle(command.command, command.bytes);
    }
    this.feed(key, { type: "settled", fence });
  }

  private feed(key: string, input: ActorInput): void {
    const actor = this.actors.get(key) ?? { state: IDLE_ACTOR, thread: undefined };
    const before = mailboxOf(actor.state);
    const { state, outputs } = stepActor(actor.state, input);
    actor.state = state;
    this.actors.set(key, actor);
    this.mailed += mailboxOf(state) - before;
    this.options.metrics.mailboxDepth(this.mailed);
    for (const output of outputs) this.perform(key, output);
  }

  private perform(key: string, output: ActorOutput): void {
    switch (output.type) {
      case "activate":
        this.tryThread(key);
        return;
      case "run":
        this.startStep(key, output.fence);
        return;
      case "refuse":
        // Not held: the next heartbeat does not name it, and the leader sends it again.
        this.steps.delete(output.fence);
        return;
      case "signal":
        this.options.threads.abort(output.fence);
        return;
      case "drop":
        this.steps.delete(output.fence);
        this.remember(output.fence);
        return;
      case "passivate":
        if (this.actors.get(key)?.state.phase === "idle") this.actors.delete(key);
    }
  }

  /** Gives the actor a thread, now or when one is ready. */
  private tryThread(key: string): void {
    const actor = this.actors.get(key);
    if (actor === undefined || actor.state.phase === "idle") return;
    const thread = this.threadFor(key);
    if (thread === undefined) {
      this.waitingForThread.push(key);
      return;
    }
    actor.thread = thread;
    if (actor.state.phase === "starting") this.feed(key, { type: "activated" });
    else this.startStep(key, actor.state.fence);
  }

  private startStep(key: string, fence: number): void {
    const step = this.steps.get(fence);
    const actor = this.actors.get(key);
    if (step === undefined || actor === undefined || step.phase !== "waiting") return;
    if (step.aborted) {
      this.finish(fence, step, undefined);
      return;
    }
    const timeoutMs = this.options.timeoutMsOf(step.dispatch.agent);
    if (step.dispatch.alone) {
      this.enterThread(step, "alone");
      this.options.threads.runAlone(step.dispatch, timeoutMs);
      return;
    }
    if (actor.thread === undefined || !this.options.threads.isReady(actor.thread)) {
      this.tryThread(key);
      return;
    }
    this.enterThread(step, actor.thread);
    this.options.threads.run(actor.thread, step.dispatch, timeoutMs);
  }

  /** P3, else the ready thread with the least in flight. */
  private threadFor(key: string): number | undefined {
    const { threads } = this.options;
    const kept = this.affinity.get(key);
    if (kept !== undefined && threads.isReady(kept)) return kept;
    let best: number | undefined;
    for (let thread = 0; thread < threads.count; thread++) {
      if (!threads.isReady(thread)) continue;
      if (best === undefined || (this.load[thread] ?? 0) < (this.load[best] ?? 0)) best = thread;
    }
    if (best === undefined) return undefined;
    this.affinity.delete(key);
    this.affinity.set(key, best);
    const [oldest] = this.affinity.keys();
    if (this.affinity.size > AFFINITY_MAX && oldest !== undefined) this.affinity.delete(oldest);
    return best;
  }

  private enterThread(step: HeldStep, thread: number | "alone"): void {
    step.phase = "running";
    step.thread = thread;
    if (thread !== "alone") this.load[thread] = (this.load[thread] ?? 0) + 1;
    this.running++;
    this.options.metrics.inFlight(this.running);
  }

  private leaveThread(step: HeldStep): void {
    const { thread } = step;
    if (thread === undefined) return;
    step.thread = undefined;
    if (thread !== "alone") this.load[thread] = (this.load[thread] ?? 0) - 1;
    this.running--;
    this.options.metrics.inFlight(this.running);
  }

  private live(fence: number, event: "started" | "delta", text: string): void {
    const step = this.steps.get(fence);
    if (step === undefined || step.phase !== "running" || step.aborted) return;
    const { task, step: number, member, attempt, start, agent } = step.dispatch;
    const n = step.nextLive++;
    this.options.sink.live({
      kind: "live",
      task,
      fence,
      step: number,
      member,
      attempt,
      start,
      n,
      event,
      agent,
      worker: this.options.worker,
      text,
    });
  }

  private remember(fence: number): void {
    this.endedUntilMs.delete(fence);
    this.endedUntilMs.set(fence, this.options.clock.nowMs() + limits.ENDED_FENCES_MS);
  }

  private forgetEnded(): void {
    const nowMs = this.options.clock.nowMs();
    for (const [fence, untilMs] of this.endedUntilMs) {
      if (untilMs > nowMs) return;
      this.endedUntilMs.delete(fence);
    }
  }
}

/** UTF-8 needs at most three bytes for one UTF-16 unit. */
const DELTA_CHARACTERS_MAX = Math.floor(limits.DELTA_BYTES_MAX / 3);

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** No name holds a line break, so no two actors share a key. */
function actorOf(dispatch: Dispatch): string {
  return `${dispatch.agent}\n${dispatch.conversation}`;
}

function mailboxOf(state: ActorState): number {
  return state.phase === "idle" ? 0 : state.mailbox.length;
}

function labelOf(outcome: StepOutcome): string {
  return outcome.kind === "failed" ? outcome.cause : outcome.kind;
}
