/**
 * Commands: the only things that stand in the log (state.md 3). A command says what is to become true; apply decides whether it still fits.
 * `assign` is the leader's part: whoever else proposes sends it empty and the leader fills it in.
 */
import type { Body } from "./body.ts";
import type { FactsDelta } from "./json.ts";
import type {
  EffectOutcome,
  EffectVerdict,
  FailureCause,
  NextMove,
  Observation,
  OnDoubt,
  Pick,
  Requirements,
  Strategy,
  TaskError,
  Usage,
  ViewReport,
} from "./task.ts";
import type { TeamManifest } from "./triple.ts";

export interface RegisterTeam {
  readonly type: "RegisterTeam";
  readonly manifest: TeamManifest;
  /** SHA-256, hex, of the canonical manifest. */
  readonly digest: string;
}

export interface RegisterWorker {
  readonly type: "RegisterWorker";
  readonly worker: string;
  readonly bootId: string;
  readonly digest: string;
  readonly pid: number;
  readonly threads: number;
  readonly http: string;
}

export interface DrainWorker {
  readonly type: "DrainWorker";
  readonly worker: string;
}

export interface WorkerLost {
  readonly type: "WorkerLost";
  readonly worker: string;
  readonly token: number;
  readonly reason: "silent" | "left";
}

export interface OpenTask {
  readonly type: "OpenTask";
  readonly task: string;
  readonly conversation: string;
  readonly key?: string;
  readonly requestDigest: string;
  readonly input: string;
  readonly observations: readonly Observation[];
  /** int8[ROUTING_DIM] of the input, for routing and for teaching prototypes; absent where the team has no examples. */
  readonly embedding?: Uint8Array;
  readonly requires?: Requirements;
  readonly strategy: Strategy;
  readonly facts: FactsDelta;
  /** Log time, milliseconds since the epoch. */
  readonly deadlineAt?: number;
  readonly maxTransitions: number;
  readonly assign: readonly Pick[];
}

export interface StepFinished {
  readonly type: "StepFinished";
  readonly task: string;
  readonly step: number;
  readonly member: number;
  readonly fence: number;
  /** A reference where it is too large for the log: then its chunks are durable on a majority before this is proposed. */
  readonly output: Body;
  readonly facts: FactsDelta;
  /** int8[CONTEXT_DIM]: the embedding of what the step settled, value × scale / 127. */
  readonly evidence?: { readonly vector: Uint8Array; readonly scale: number };
  readonly quality?: number;
  readonly usage: Usage;
  /** From the start in the thread to its end. */
  readonly serviceMs: number;
  readonly view?: ViewReport;
  readonly next: NextMove;
  readonly assign: readonly Pick[];
}

export interface StepFailed {
  readonly type: "StepFailed";
  readonly task: string;
  readonly step: number;
  readonly member: number;
  readonly fence: number;
  readonly cause: FailureCause;
  readonly terminal: boolean;
  readonly error: TaskError;
  /** Log time before which the next attempt does not start; the leader sets it. */
  readonly retryAt: number;
  readonly assign: readonly Pick[];
}

export interface StepLost {
  readonly type: "StepLost";
  readonly task: string;
  readonly step: number;
  readonly member: number;
  readonly fence: number;
  /** The thread died with several steps in flight: the next start runs alone. */
  readonly alone: boolean;
  readonly assign: readonly Pick[];
}

/** A step is about to call something outside: committed before the call, so that no crash can hide that it may have happened. */
export interface EffectIntended {
  readonly type: "EffectIntended";
  readonly task: string;
  readonly step: number;
  readonly member: number;
  readonly fence: number;
  /** Place within the step, from 1, in the order of the calls. */
  readonly n: number;
  readonly name: string;
  /** SHA-256, hex, of the canonical input. */
  readonly inputDigest: string;
  readonly onDoubt: OnDoubt;
  /** A question to a person: nothing is called, the step waits for the answer at once. */
  readonly question?: string;
}

/** How the call ended: from now on it is not made again. */
export interface EffectDone {
  readonly type: "EffectDone";
  readonly task: string;
  readonly step: number;
  readonly member: number;
  readonly fence: number;
  readonly n: number;
  readonly outcome: EffectOutcome;
}

/** A person's word on an effect in doubt that its step waits for. */
export interface EffectResolved {
  readonly type: "EffectResolved";
  readonly task: string;
  readonly n: number;
  /** Needed only where several members of an ensemble wait at the same place. */
  readonly member?: number;
  readonly verdict: EffectVerdict;
  /** Names this word, so that a repetition of it is a success. */
  readonly request: string;
  readonly assign: readonly Pick[];
}

export interface Assign {
  readonly type: "Assign";
  readonly assign: readonly Pick[];
}

export interface EndTask {
  readonly type: "EndTask";
  readonly task: string;
  readonly status: "cancelled" | "expired" | "failed";
  readonly error?: TaskError;
  readonly assign: readonly Pick[];
}

export interface Feedback {
  readonly type: "Feedback";
  readonly task: string;
  readonly step?: number;
  /** In [0, 1]. */
  readonly quality: number;
  readonly request: string;
}

export interface SetConfig {
  readonly type: "SetConfig";
  readonly retentionMs?: number;
  readonly keyTtlMs?: number;
}

/** Moves log time on and removes what is due. */
export interface Tick {
  readonly type: "Tick";
}

export type Command =
  | RegisterTeam
  | RegisterWorker
  | DrainWorker
  | WorkerLost
  | OpenTask
  | StepFinished
  | StepFailed
  | StepLost
  | EffectIntended
  | EffectDone
  | EffectResolved
  | Assign
  | EndTask
  | Feedback
  | SetConfig
  | Tick;

export type CommandType = Command["type"];

/**
 * What apply made of a command; every reply is built from this, never from the proposal.
 * ok: it took effect · duplicate: it had taken effect before (success) · conflict: the key or id belongs to another body ·
 * fenced: somebody else owns the step now · ended: the task had ended · refused: it does not fit, `code` says why.
 */
export interface CommandResult {
  readonly outcome: "ok" | "duplicate" | "conflict" | "fenced" | "ended" | "refused";
  readonly code?: string;
  readonly message?: string;
  readonly details?: unknown;
  readonly task?: string;
  readonly conversation?: string;
  readonly status?: string;
  /** RegisterWorker: the token of this registration. */
  readonly token?: number;
  /** EffectIntended: how often a repetition has given the effect a new key, or that the step waits for a person and nothing may be called. */
  readonly effect?: { readonly round: number; readonly parked: boolean };
  /** Index of the entry that the result rests on. */
  readonly index?: number;
}
