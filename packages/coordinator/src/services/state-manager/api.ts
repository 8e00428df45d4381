/**
 * What HTTP (and any later front door) may ask of a coordinator, as types: the answers of interface.md 3. The front door parses and renders;
 * everything behind this line is linearizable unless it says otherwise. Every refusal is a TriadError.
 */
import type {
  EffectVerdict,
  Fact,
  Json,
  Observation,
  Requirements,
  RoutingDecision,
  Strategy,
  TaskError,
  TaskStatus,
  TranscriptEvent,
} from "@triad/protocol";

export interface SubmitRequest {
  readonly input: string;
  readonly conversation?: string;
  readonly requires?: Requirements;
  readonly strategy?: Strategy;
  readonly deadlineMs?: number;
  readonly maxTransitions?: number;
  readonly facts?: Readonly<Record<string, Json>>;
  readonly observations?: readonly Observation[];
  readonly idempotencyKey?: string;
}

export interface Accepted {
  readonly task: string;
  readonly conversation: string;
  readonly status: "accepted";
  readonly commitIndex: number;
}

export interface MemberView {
  readonly agent: string;
  readonly worker: string;
  readonly output: string | null;
  readonly weight: number;
  readonly outcome: string;
}

export interface StepView {
  readonly n: number;
  readonly agent: string;
  readonly worker: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly output: string;
  /** Where the output is stored apart: what the whole is. `output` is the whole, or its beginning where an answer would grow too large. */
  readonly body?: { readonly ref: string; readonly bytes: number };
  readonly facts: Readonly<Record<string, Json>>;
  readonly routing: RoutingDecision;
  readonly agreement: number;
  /** ISO 8601, log time. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly members?: readonly MemberView[];
}

/** An effect in doubt, or a question, that a step waits on until a person answers: `POST /v1/tasks/:id/effects/:n`. */
export interface WaitingView {
  readonly n: number;
  readonly name: string;
  readonly step: number;
  readonly member: number;
  readonly agent: string;
  readonly question?: string;
}

export interface TaskView {
  readonly task: string;
  readonly conversation: string;
  readonly status: TaskStatus;
  readonly output?: string;
  readonly facts: Readonly<Record<string, Json>>;
  readonly steps: readonly StepView[];
  readonly agreement?: number;
  readonly partial?: { readonly missing: readonly number[] };
  readonly error?: TaskError;
  /** While the status is `waiting`. */
  readonly waitingFor?: readonly WaitingView[];
  readonly openedAt: string;
  readonly endedAt?: string;
}

export interface ConversationView {
  readonly conversation: string;
  readonly root: string;
  readonly events: readonly TranscriptEvent[];
  readonly facts: Readonly<Record<string, Json>>;
  /** The same facts with version, task, step and agent that set them. */
  readonly provenance: Readonly<Record<string, Omit<Fact, "value">>>;
  readonly tasks: readonly { readonly task: string; readonly status: TaskStatus }[];
  readonly verified?: boolean;
}

export interface AgentView {
  readonly id: string;
  readonly workers: readonly string[];
  /** Conversations in which it has a step running. */
  readonly actors: number;
  readonly status: "up" | "down";
  readonly triple: {
    readonly prompt: { readonly template: string; readonly version: number };
    readonly context: { readonly dim: number; readonly norm: number; readonly steps: number };
    readonly capabilities: Readonly<
      Record<
        string,
        {
          readonly quality: number;
          readonly done: number;
          readonly samples: number;
          readonly latencyMs: number;
          readonly costUsd: number;
        }
      >
    >;
  };
}

export interface ExplainView {
  readonly agent: string;
  readonly score: number;
  readonly runnerUp: string | null;
  readonly reason: string;
  readonly requires: Requirements | null;
  readonly candidates: RoutingDecision["candidates"];
}

export interface ClusterView {
  readonly cluster: string;
  readonly leader: string | null;
  readonly term: number;
  readonly coordinators: readonly {
    readonly id: string;
    /** null until this coordinator has heard of that one: a 0 would be read as "every process of my group" by kill(2). */
    readonly pid: number | null;
    readonly role: "leader" | "follower" | "candidate" | "down";
    readonly term: number;
    readonly commitIndex: number;
    readonly appliedIndex: number;
    readonly http: string;
    readonly stateHash: string;
  }[];
  readonly workers: readonly {
    readonly id: string;
    readonly pid: number;
    readonly state: "up" | "draining" | "down";
    readonly threads: number;
    readonly agents: number;
    readonly inFlight: number;
    /** Where it serves /metrics and /healthz; empty where it serves none. */
    readonly http: string;
  }[];
  readonly tasks: { readonly running: number; readonly completed: number; readonly failed: number };
}

/** `id` only on committed events; it is the number that Last-Event-ID names. `started` and `delta` are live and carry none. */
export interface TaskStreamEvent {
  readonly id?: number;
  readonly event: "accepted" | "routed" | "started" | "delta" | "step" | "waiting" | "completed" | "failed" | "cancelled" | "expired";
  readonly data: Json;
}

export interface CoordinatorApi {
  submit(request: SubmitRequest): Promise<Accepted>;
  task(id: string): Promise<TaskView>;
  /** As task(), but held until the task has ended, `waitMs` have passed or `signal` fires. */
  taskWhenEnded(id: string, waitMs: number, signal: AbortSignal): Promise<TaskView>;
  /** Committed events after `afterId` (0: all) and live ones as they come; ends after the task's last event or when `signal` fires. Throws TRIAD_TASK_NOT_FOUND before the first event. */
  taskEvents(id: string, afterId: number, signal: AbortSignal): Promise<AsyncIterable<TaskStreamEvent>>;
  cancel(id: string): Promise<TaskView>;
  /** `request` names this call, so that a repetition teaches once. */
  feedback(id: string, feedback: { readonly quality: number; readonly step?: number }, request: string): Promise<void>;
  /** A person's word on an effect that the task waits for; `request` names it, so that a repetition is a success. */
  resolveEffect(
    id: string,
    effect: { readonly n: number; readonly member?: number },
    verdict: EffectVerdict,
    request: string,
  ): Promise<TaskView>;
  conversation(id: string, options: { readonly verify: boolean }): Promise<ConversationView>;
  agents(): Promise<readonly AgentView[]>;
  agent(id: string): Promise<AgentView>;
  explain(request: { readonly input: string; readonly requires?: Requirements; readonly conversation?: string }): Promise<ExplainView>;
  /** From what this coordinator heard last, without the leader; never fails. */
  cluster(): ClusterView;
  drainWorker(id: string): Promise<{ readonly id: string; readonly state: string }>;
  /** Has a leader and has applied what it had committed. */
  ready(): boolean;
}
