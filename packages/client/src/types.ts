/**
 * What a coordinator answers over HTTP, as types (the contract's table of routes). Kept apart from how it is asked for (transport.ts).
 * Fields may be added by later versions; none is taken away.
 */
import type { ErrorBody, Fact, Json, Observation, Requirements, RoutingDecision, Strategy, TaskStatus } from "@triad/protocol/words";

/** What `submit` takes; without `idempotencyKey` one is minted, so that repeats make no second task. */
export interface SubmitRequest {
  readonly input: string;
  readonly conversation?: string;
  /** Skill → weight ≥ 0. */
  readonly requires?: Requirements;
  readonly strategy?: StrategyRequest;
  readonly deadlineMs?: number;
  readonly maxTransitions?: number;
  readonly budgetUsd?: number;
  readonly facts?: Readonly<Record<string, Json>>;
  /** What was said in the conversation outside Triad since its last task; enters the transcript before the input. */
  readonly observations?: readonly Observation[];
  readonly idempotencyKey?: string;
}

/** An ensemble may leave its numbers to the defaults of the cluster. */
export type StrategyRequest =
  | { readonly kind: "single" }
  | (Pick<Extract<Strategy, { kind: "ensemble" }>, "kind"> & Partial<Omit<Extract<Strategy, { kind: "ensemble" }>, "kind">>);

export interface AcceptedTask {
  readonly task: string;
  readonly conversation: string;
  readonly status: string;
  /** Index of the log entry that holds the task, on disk on a majority. */
  readonly commitIndex: number;
}

export interface MemberView {
  readonly agent: string;
  readonly worker: string;
  readonly output: string;
  readonly weight: number;
  readonly outcome: string;
}

/** One committed step. */
export interface StepView {
  readonly n: number;
  readonly agent: string;
  readonly worker: string;
  /** From 1; a step that lost its worker starts again with the same attempt. */
  readonly attempt: number;
  readonly outcome: string;
  readonly output: string;
  /** Of an output above 128 KiB: SHA-256 and length of the whole. `output` is shorter only where the answer would have grown too large. */
  readonly body?: { readonly ref: string; readonly bytes: number };
  readonly facts: Readonly<Record<string, Json>>;
  readonly routing: RoutingDecision;
  readonly startedAt: number | string;
  readonly finishedAt: number | string;
  readonly members?: readonly MemberView[];
}

export type EffectWord = ({ readonly done: unknown } | { readonly repeat: true }) & {
  /** Which member of an ensemble, where several wait at the same place. */
  readonly member?: number;
};

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
  /** How far the team's contexts agree, in [0, 1]. */
  readonly agreement?: number;
  readonly error?: Pick<ErrorBody, "message" | "details"> & { readonly code: string };
  /** While the status is `waiting`: effects in doubt, and questions, that a person is to answer. */
  readonly waitingFor?: readonly WaitingView[];
  /** An ensemble that ended at its deadline with a quorum. */
  readonly partial?: { readonly missing: Json };
}

export type TaskEventName =
  | "accepted"
  | "routed"
  | "started"
  | "delta"
  | "step"
  | "waiting"
  | "completed"
  | "failed"
  | "cancelled"
  | "expired";

/** A server-sent event of a task. Committed ones carry an `id`; `started` and `delta` are live only and carry none. */
export interface TaskEvent {
  readonly event: TaskEventName | (string & {});
  readonly id?: string;
  readonly data: Json;
}

export interface ConversationView {
  readonly conversation: string;
  /** Id of the last event of the hash chain: it fixes the whole history. */
  readonly root: string;
  readonly events: readonly ConversationEvent[];
  readonly facts: Readonly<Record<string, Json | Fact>>;
  readonly tasks: readonly (string | { readonly task: string })[];
  /** Only where `verify` was asked for: whether the chain, computed again, ends in `root`. */
  readonly verified?: boolean;
}

export interface ConversationEvent {
  readonly seq: number;
  readonly id: string;
  readonly prev: string;
  readonly type: string;
  readonly at: number | string;
  readonly task: string;
  readonly step: number;
  readonly by: string;
  readonly text: string;
  /** Of an output above 128 KiB: the event's id is over this and the beginning of the text. */
  readonly body?: { readonly ref: string; readonly bytes: number; readonly chunks: readonly string[] };
  readonly facts: Readonly<Record<string, Json>>;
}

export interface SkillView {
  readonly quality: number;
  readonly done: number;
  readonly samples: number;
  readonly latencyMs: number;
  readonly costUsd: number;
}

export interface TripleView {
  readonly prompt: { readonly template: string; readonly version: number };
  readonly context: { readonly dim: number; readonly norm: number; readonly steps: number };
  readonly capabilities: Readonly<Record<string, SkillView>>;
}

export interface AgentView {
  /** Its name. */
  readonly id: string;
  readonly workers: readonly string[];
  /** Active conversations. */
  readonly actors: number;
  readonly status: string;
  readonly triple: TripleView;
}

export interface ExplainRequest {
  readonly input: string;
  readonly requires?: Requirements;
}

export interface CandidateView {
  readonly agent: string;
  readonly score: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** A dry-run routing decision; whatever else the coordinator says of it is kept. */
export interface ExplainView {
  readonly candidates: readonly CandidateView[];
  readonly [name: string]: unknown;
}

export interface CoordinatorView {
  readonly id: string;
  /** null until the coordinator that answers has heard of this one. */
  readonly pid: number | null;
  readonly role: string;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly http: string;
  readonly stateHash: string;
}

export interface WorkerView {
  readonly id: string;
  readonly pid: number;
  readonly state: "up" | "draining" | "down";
  readonly threads: number;
  readonly agents: readonly string[] | number;
  readonly inFlight: number;
  /** Where it serves /metrics and /healthz; empty where it serves none. */
  readonly http?: string;
}

export interface ClusterView {
  readonly cluster: string;
  readonly leader: string | null;
  readonly term: number;
  readonly coordinators: readonly CoordinatorView[];
  readonly workers: readonly WorkerView[];
  readonly tasks: { readonly running: number; readonly completed: number; readonly failed: number };
}
