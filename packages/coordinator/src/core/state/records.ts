/**
 * The records of Φ as types. Every record is an immutable value in canonical form (null where something is absent), so that its bytes, its
 * hash and its stored form are one and the same on every coordinator.
 */
import type {
  AgentManifest,
  Body,
  EffectOutcome,
  EndStatus,
  Fact,
  FactsDelta,
  NegotiationManifest,
  Observation,
  OnDoubt,
  Requirements,
  RoutingDecision,
  SkillStatistics,
  Strategy,
  TaskError,
  TaskStatus,
  TranscriptEvent,
  Usage,
  ViewReport,
} from "@triad/protocol";

export interface MetaRecord {
  /** Commands applied so far; fences and tokens come from it, so it never falls. */
  readonly seq: number;
  /** Log time, milliseconds since the epoch; never falls. */
  readonly at: number;
  readonly running: number;
  readonly openBytes: number;
  readonly ended: Readonly<Record<EndStatus, number>>;
  /** Log time of the oldest due record of each kind; null where none is. Saves a look-up for each command. */
  readonly oldestTask: number | null;
  readonly oldestKey: number | null;
}

export interface ConfigRecord {
  readonly retentionMs: number;
  readonly keyTtlMs: number;
}

export interface TeamRecord {
  readonly name: string;
  readonly digest: string;
  readonly skills: readonly string[];
  readonly negotiation: NegotiationManifest;
  /** Resolved step size and the bound it was held against. */
  readonly alpha: number;
  readonly lipschitzBound: number;
  readonly idf: Uint8Array;
  /** Names in the order of declaration. */
  readonly agents: readonly string[];
}

export interface AgentRecord {
  readonly manifest: AgentManifest;
  readonly skills: Readonly<Record<string, SkillStatistics>>;
  readonly prototypes: readonly Uint8Array[];
  /** The agent's own evidence, averaged over conversations: float32[CONTEXT_DIM] big-endian; empty before its first step. */
  readonly profile: Uint8Array;
  /** Committed steps. */
  readonly steps: number;
}

export interface WorkerRecord {
  readonly id: string;
  readonly bootId: string;
  readonly token: number;
  readonly digest: string;
  readonly pid: number;
  readonly threads: number;
  readonly http: string;
  readonly state: "up" | "draining" | "down";
}

export interface KeyRecord {
  readonly task: string;
  readonly requestDigest: string;
  readonly at: number;
}

/** An agent's move in a step, until the step is committed. */
export interface Member {
  readonly member: number;
  /** The agent that has it or, while it waits, the one it is kept for; null: the router chooses. */
  readonly agent: string | null;
  /** parked: it waits for a person's word on an effect, and holds no worker. */
  readonly state: "waiting" | "assigned" | "parked" | "finished" | "failed";
  readonly attempt: number;
  /** Starts so far, over all attempts. */
  readonly start: number;
  /** Log time before which it is not assigned; 0: at once. */
  readonly retryAt: number;
  readonly alone: boolean;
  /** Fence of the assignment; 0 while it waits. */
  readonly fence: number;
  readonly worker: string;
  readonly workerToken: number;
  readonly assignedAt: number;
  readonly requires: Requirements;
  readonly routing: RoutingDecision | null;
  readonly voteWeight: number;
  /** Why it waits, for the reason of its next assignment. */
  readonly because: "new" | "retry" | "lost";
  readonly error: TaskError | null;
}

export interface OpenStep {
  readonly n: number;
  readonly requires: Requirements | null;
  readonly named: string | null;
  readonly members: readonly Member[];
}

export interface TaskRecord {
  readonly id: string;
  readonly conversation: string;
  /** Its number among the tasks of its conversation, from 1. */
  readonly place: number;
  readonly key: string | null;
  readonly requestDigest: string;
  readonly openedAt: number;
  readonly deadlineAt: number | null;
  readonly maxTransitions: number;
  readonly strategy: Strategy;
  readonly requires: Requirements | null;
  readonly phase: "queued" | "open" | "ended";
  readonly status: TaskStatus;
  readonly step: OpenStep | null;
  /** Committed steps, hand-offs among them, and events for clients so far. */
  readonly steps: number;
  readonly handoffs: number;
  readonly events: number;
  /** The agent that the router chose first: a turn that it handed on teaches whoever settled it. */
  readonly firstAgent: string | null;
  readonly endedAt: number | null;
  readonly output: Body | null;
  readonly error: TaskError | null;
  readonly agreement: number | null;
  readonly missing: readonly number[] | null;
  /** The last feedback requests, so that a repetition teaches once. */
  readonly feedback: readonly string[];
  /** The last requests that released a parked step, so that a repetition is a success. */
  readonly resolutions: readonly string[];
}

/** What the request brought: kept apart from the task, which changes with every step. */
export interface InputRecord {
  readonly input: string;
  readonly observations: readonly Observation[];
  readonly facts: FactsDelta;
  readonly embedding: Uint8Array | null;
  readonly bytes: number;
}

/** What one member brought to a step that is not decided yet. */
export interface PartialRecord {
  readonly output: Body;
  readonly facts: FactsDelta;
  readonly evidence: { readonly vector: Uint8Array; readonly scale: number } | null;
  readonly quality: number | null;
  readonly usage: Usage;
  readonly serviceMs: number;
  readonly view: ViewReport | null;
}

/** What a step called outside, or is about to call; kept until its step is committed or its task has ended. */
export interface EffectRecord {
  /** Place within the step, from 1, in the order of the calls. */
  readonly n: number;
  readonly name: string;
  readonly inputDigest: string;
  readonly onDoubt: OnDoubt;
  /** What a person is asked, where nothing is to be called at all. */
  readonly question: string | null;
  /** Calls under a key of their own so far, but the first. */
  readonly round: number;
  /** The start and the attempt that spoke last. */
  readonly fence: number;
  readonly attempt: number;
  /** asked: a person is to say what happened · released: a person said that it is to be called again. */
  readonly state: "intended" | "done" | "failed" | "asked" | "released";
  readonly outcome: EffectOutcome | null;
}

/** Sums over the effects of one member of a step; there is one where there is any effect. */
export interface JournalRecord {
  readonly count: number;
  /** Of all outcomes. */
  readonly bytes: number;
}

export interface StepMember {
  readonly member: number;
  readonly agent: string;
  readonly worker: string;
  readonly fence: number;
  readonly weight: number;
  readonly outcome: "won" | "agreed" | "differed" | "failed" | "voided";
  readonly output: Body | null;
}

/** A committed step, written once. */
export interface StepRecord {
  readonly n: number;
  readonly agent: string;
  readonly worker: string;
  readonly attempt: number;
  readonly start: number;
  /** The fences whose results stand in it: the same fence again is a duplicate, not a refusal. */
  readonly fences: readonly number[];
  readonly outcome: "handoff" | "finish";
  readonly output: Body;
  readonly facts: FactsDelta;
  readonly requires: Requirements;
  readonly routing: RoutingDecision;
  readonly agreement: number;
  readonly usage: Usage;
  readonly view: ViewReport | null;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly members: readonly StepMember[] | null;
}

export interface TaskEventRecord {
  readonly n: number;
  readonly event: "accepted" | "routed" | "step" | "waiting" | EndStatus;
  readonly at: number;
  readonly step: number;
  readonly member: number;
  readonly agent: string;
  readonly worker: string;
  readonly attempt: number;
  readonly fence: number;
  readonly text: string;
}

export interface ConversationRecord {
  readonly id: string;
  readonly root: string;
  /** Events of the transcript so far. */
  readonly events: number;
  /** The task that runs; null where none does. */
  readonly busy: string | null;
  readonly queue: readonly string[];
  /** Tasks ever opened in it, and those that retention has not removed. */
  readonly opened: number;
  readonly tasks: number;
  readonly factBytes: number;
  readonly factNames: number;
  /** Agents with a committed step, the latest last. */
  readonly team: readonly string[];
  readonly lastAgent: string | null;
  readonly lastWorker: string | null;
  /** Embedding of the last task's input: what routing calls the last turn. */
  readonly lastTurn: Uint8Array | null;
}

export interface ContextRecord {
  /** C, float32[CONTEXT_DIM] big-endian. */
  readonly context: Uint8Array;
  /** E, what the agent settled in this conversation, averaged. */
  readonly evidence: Uint8Array;
}

/** A chunk that records refer to. Without such a record nothing does, and each coordinator may remove its copy after a while. */
export interface ChunkRecord {
  /** Records that refer to it, each once however often its text holds the chunk. */
  readonly uses: number;
}

export interface OpenRecord {
  readonly openedAt: number;
}

export interface ConversationTaskRecord {
  readonly task: string;
}

export interface DueRecord {
  readonly at: number;
  readonly id: string;
}

export type StateRecord =
  | MetaRecord
  | ConfigRecord
  | TeamRecord
  | AgentRecord
  | WorkerRecord
  | KeyRecord
  | TaskRecord
  | InputRecord
  | PartialRecord
  | EffectRecord
  | JournalRecord
  | StepRecord
  | TaskEventRecord
  | ConversationRecord
  | ContextRecord
  | Fact
  | TranscriptEvent
  | ChunkRecord
  | OpenRecord
  | ConversationTaskRecord
  | DueRecord;

export const INITIAL_META: MetaRecord = {
  seq: 0,
  at: 0,
  running: 0,
  openBytes: 0,
  ended: { completed: 0, failed: 0, cancelled: 0, expired: 0 },
  oldestTask: null,
  oldestKey: null,
};
