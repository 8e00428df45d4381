/**
 * What the worker's services need of the world, as small interfaces. Adapters implement them, tests fake them; nothing here names NATS, a thread
 * or a provider.
 */
import type {
  Command,
  CommandResult,
  Dispatch,
  EffectDone,
  EffectIntended,
  FactsDelta,
  FailureCause,
  LiveEvent,
  Message,
  NextMove,
  StoredBody,
  TaskError,
  TeamManifest,
  TranscriptEvent,
  Usage,
  ViewReport,
} from "@triad/protocol";

/** Time as an argument: real in a process, driven by hand in a test. `nowMs` never goes back. */
export interface Clock {
  nowMs(): number;
  /** Calls back once; the returned function cancels. */
  after(ms: number, run: () => void): () => void;
  /** In [0, 1), for jitter. */
  random(): number;
}

/** What a coordinator answers, or why nobody did. */
export type Answer = { readonly kind: "reply"; readonly message: Message } | { readonly kind: "silent" | "noResponder" | "disconnected" };

/** The bus between processes: messages in, messages out, all of which may be lost. */
export interface Bus {
  readonly connected: boolean;
  /** Dropped while disconnected: what matters is repeated by whoever sent it. */
  publish(subject: string, message: Message): void;
  request(subject: string, message: Message, timeoutMs: number): Promise<Answer>;
  /** Asks everyone on a subject; what has come in after `waitMs`. */
  gather(subject: string, message: Message, waitMs: number): Promise<readonly Message[]>;
  /** Valid messages only; the returned function ends the subscription. */
  subscribe(subject: string, receive: (message: Message) => void): () => void;
}

/** Proposes a command until a coordinator answers it from the state; the promise stays open for as long as that takes. */
export interface Proposer {
  /** @param bytes estimate of the command's size on the wire. */
  propose(command: Command, bytes: number): Promise<CommandResult>;
}

export type EffectCommand = EffectIntended | EffectDone;

/** Writes a step's effects into the log. Answered from the state, however long it takes; `fenced` where the step is no longer this worker's. */
export interface EffectRecorder {
  /** @param bytes estimate of the command's size on the wire. */
  record(command: EffectCommand, bytes: number): Promise<CommandResult>;
}

/** Older pages of a transcript, from a coordinator. @throws TriadError where none could be had in time. */
export interface TranscriptReader {
  read(conversation: string, from: number, to: number): Promise<readonly TranscriptEvent[]>;
  /** The whole of an output that is too large for the transcript. */
  readBody(body: StoredBody): Promise<string>;
}

/** How a step ended in its thread. */
export type StepOutcome =
  | {
      readonly kind: "finished";
      readonly output: string;
      readonly facts: FactsDelta;
      readonly evidence?: { readonly vector: Uint8Array; readonly scale: number };
      readonly quality?: number;
      readonly usage: Usage;
      readonly serviceMs: number;
      readonly view?: ViewReport;
      readonly next: NextMove;
      /** Of output and facts, for batching. */
      readonly bytes: number;
    }
  | {
      readonly kind: "failed";
      readonly cause: FailureCause;
      readonly terminal: boolean;
      readonly error: TaskError;
      readonly serviceMs: number;
    }
  /** The leader had ended it; there is nothing to commit. */
  | { readonly kind: "aborted"; readonly serviceMs: number };

/** One call of a model, for the figures. */
export interface ModelCall {
  readonly model: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
  readonly seconds: number;
  readonly ok: boolean;
}

/** What the threads tell the service. */
export interface ThreadEvents {
  ready(thread: number): void;
  started(fence: number): void;
  delta(fence: number, text: string): void;
  modelCalled(call: ModelCall): void;
  ended(fence: number, outcome: StepOutcome): void;
  /** The thread is gone with these steps: killed = its own death, lost = a neighbour's, again = not begun. */
  died(thread: number, steps: readonly { readonly fence: number; readonly outcome: "killed" | "lost" | "again" }[], reason: string): void;
}

/** Threads that hold the team. A number names a slot; its thread may be replaced. */
export interface Threads {
  readonly count: number;
  isReady(thread: number): boolean;
  run(thread: number, dispatch: Dispatch, timeoutMs: number): void;
  /** On the extra thread, one at a time. */
  runAlone(dispatch: Dispatch, timeoutMs: number): void;
  /** Fires the step's signal; an alone step that has not begun is taken back. */
  abort(fence: number): void;
  readonly stateBytes: number;
  close(): Promise<void>;
}

/** What the pool of actors does with the results of its steps. */
export interface StepSink extends EffectRecorder {
  /** To be repeated until it is answered. */
  settle(command: Command, bytes: number): void;
  /** The step is no longer this worker's: what has not been proposed yet need not be. */
  abandon(fence: number): void;
  live(event: LiveEvent): void;
}

/** Figures (interface.md 6); every label has few values. */
export interface WorkerMetrics {
  stepEnded(agent: string, outcome: string, seconds: number): void;
  mailboxDepth(depth: number): void;
  inFlight(count: number): void;
  fencedWrites(count: number): void;
  modelCalled(call: ModelCall): void;
  viewRecall(share: number): void;
  frameDropped(): void;
}

export type { TeamManifest };
