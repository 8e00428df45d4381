/**
 * Runs steps in a thread: begins them, watches their time, turns whatever they do into one outcome each.
 * Kept apart from the thread's port and from the leader: in come dispatches and aborts, out go events, exactly one `ended` a dispatch.
 *
 * S1 one shared tick watches all deadlines: no timer, AbortController or logger is made for a step that does not ask (performance.md, rule 8).
 * S2 a step that its signal does not stop is given SETTLE_GRACE_MS, then its outcome goes out without it; whatever it returns later is dropped.
 */
import { type Dispatch, TriadError } from "@triad/protocol";
import { type AgentTriple, TripleCache } from "../core/index.ts";
import type { AgentDefinition, TeamDefinition } from "../define.ts";
import { evidenceOf } from "./evidence.ts";
import type { Clock, StepOutcome } from "./ports.ts";
import { failureOf, type StepFailure, timeoutFailure } from "./step-failure.ts";
import { checkResult } from "./step-result.ts";
import { StepTurn, type TurnSurroundings } from "./turn.ts";

/** How finely timeouts are kept. */
const TICK_MS = 25;
/** For a step to unwind after its signal has fired. */
export const SETTLE_GRACE_MS = 250;
/** Of one thread's cached triples. */
const TRIPLES_BYTES_MAX = 16 * 1024 * 1024;

/** What the runner tells its thread. */
export interface RunnerEvents {
  started(fence: number): void;
  ended(fence: number, outcome: StepOutcome): void;
}

interface Running {
  readonly turn: StepTurn;
  readonly startedAtMs: number;
  readonly timeoutAtMs: number;
  /** Why the signal fired, and until when the step may still unwind. */
  ending: { readonly because: StepFailure | "aborted"; readonly giveUpAtMs: number } | undefined;
}

export class StepRunner {
  private readonly agents: ReadonlyMap<string, AgentDefinition>;
  private readonly clock: Clock;
  private readonly events: RunnerEvents;
  private readonly around: TurnSurroundings;
  private readonly triples = new TripleCache(TRIPLES_BYTES_MAX);
  private readonly running = new Map<number, Running>();
  private cancelTick: (() => void) | undefined;

  constructor(team: TeamDefinition, clock: Clock, around: TurnSurroundings, events: RunnerEvents) {
    this.agents = new Map(team.agents.map((agent) => [agent.name, agent]));
    this.clock = clock;
    this.around = around;
    this.events = events;
  }

  get inFlight(): number {
    return this.running.size;
  }

  get stateBytes(): number {
    return this.triples.bytes + this.around.memory.bytes;
  }

  run(dispatch: Dispatch): void {
    const { fence } = dispatch;
    const agent = this.agents.get(dispatch.agent);
    if (agent === undefined) {
      const failure = failureOf(new TriadError("TRIAD_AGENT_UNKNOWN", `this worker's team has no agent "${dispatch.agent}"`));
      this.events.ended(fence, { kind: "failed", ...failure, serviceMs: 0 });
      return;
    }
    const turn = new StepTurn(dispatch, agent, this.tripleOf(agent, dispatch), this.around);
    const startedAtMs = this.clock.nowMs();
    this.running.set(fence, { turn, startedAtMs, timeoutAtMs: startedAtMs + agent.timeoutMs, ending: undefined });
    this.armTick();
    this.events.started(fence);
    let returned: unknown;
    try {
      returned = agent.step(turn);
    } catch (error) {
      this.settle(fence, () => this.failed(fence, failureOf(error)));
      return;
    }
    Promise.resolve(returned).then(
      (result) => this.settle(fence, () => this.finished(dispatch, turn, result)),
      (error: unknown) => this.settle(fence, () => this.failed(fence, failureOf(error))),
    );
  }

  /** The leader has voided the step: its signal fires and nothing of it is committed. */
  abort(fence: number): void {
    const held = this.running.get(fence);
    if (held === undefined || held.ending !== undefined) return;
    this.end(
      held,
      "aborted",
      new TriadError("TRIAD_CANCELLED", "the step was ended by the cluster: cancelled, past its deadline or moved"),
    );
  }

  private end(held: Running, because: StepFailure | "aborted", reason: TriadError): void {
    held.ending = { because, giveUpAtMs: this.clock.nowMs() + SETTLE_GRACE_MS };
    held.turn.abort(reason);
  }

  /** The step has ended by itself; what it was ended for goes before what it returned. */
  private settle(fence: number, outcome: () => StepOutcome): void {
    const held = this.running.get(fence);
    if (held === undefined) return;
    this.close(fence, held.ending === undefined ? outcome() : this.forcedOutcome(held));
  }

  private close(fence: number, outcome: StepOutcome): void {
    this.running.delete(fence);
    this.events.ended(fence, outcome);
  }

  private forcedOutcome(held: Running): StepOutcome {
    const serviceMs = this.clock.nowMs() - held.startedAtMs;
    const because = held.ending?.because ?? "aborted";
    return because === "aborted" ? { kind: "aborted", serviceMs } : { kind: "failed", ...because, serviceMs };
  }

  private failed(fence: number, failure: StepFailure): StepOutcome {
    return { kind: "failed", ...failure, serviceMs: this.serviceMs(fence) };
  }

  private finished(dispatch: Dispatch, turn: StepTurn, result: unknown): StepOutcome {
    try {
      if (turn.broken !== undefined) throw turn.broken;
      const { output, facts, quality, next, bytes } = checkResult(result, dispatch.ensemble);
      const { tokensIn, tokensOut, costUsd } = turn.usage;
      return {
        kind: "finished",
        output,
        facts,
        evidence: evidenceOf(output, facts),
        usage: { tokensIn, tokensOut, costUsd },
        serviceMs: this.serviceMs(dispatch.fence),
        next,
        bytes,
        ...(quality === undefined ? {} : { quality }),
        ...(turn.view === undefined ? {} : { view: turn.view }),
      };
    } catch (error) {
      return this.failed(dispatch.fence, failureOf(error));
    }
  }

  private serviceMs(fence: number): number {
    return this.clock.nowMs() - (this.running.get(fence)?.startedAtMs ?? this.clock.nowMs());
  }

  private armTick(): void {
    this.cancelTick ??= this.clock.after(TICK_MS, () => this.tick());
  }

  private tick(): void {
    this.cancelTick = undefined;
    const nowMs = this.clock.nowMs();
    for (const [fence, held] of this.running) {
      if (held.ending !== undefined) {
        if (nowMs >= held.ending.giveUpAtMs) this.close(fence, this.forcedOutcome(held));
      } else if (nowMs >= held.timeoutAtMs) {
        const failure = timeoutFailure(Math.round(held.timeoutAtMs - held.startedAtMs));
        this.end(held, failure, new TriadError("TRIAD_STEP_TIMEOUT", failure.error.message));
      }
    }
    if (this.running.size > 0) this.armTick();
  }

  private tripleOf(agent: AgentDefinition, dispatch: Dispatch): AgentTriple {
    return this.triples.get(`${dispatch.agent}\n${dispatch.conversation}`, `${agent.prompt.version} ${dispatch.root}`, () => ({
      prompt: agent.template,
      promptVersion: agent.prompt.version,
      // A copy: the bytes are a view into the frame of a whole loop turn, which the cache must not keep alive.
      context: dispatch.context.slice(),
      capabilities: agent.capabilities,
    }));
  }
}
