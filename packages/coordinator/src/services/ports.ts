/**
 * What the services need of the world, as small ports: the composition root hands in NATS, clocks and metrics; tests hand in memory.
 * The clock is the Raft driver's (raft-driver/ports.ts).
 */
import type {
  Command,
  CommandResult,
  CoordinatorStatus,
  DecisionsPublished,
  DiscoverReply,
  Heartbeat,
  InboxMessage,
  LiveEvent,
  ProposeReply,
  ReadReply,
  ReadTranscript,
} from "@triad/protocol";

export type { Clock } from "./raft-driver/ports.ts";

/** SHA-256 as lower-case hex. */
export type Sha256 = (bytes: Uint8Array) => string;

/** A proposal answered by another coordinator, or why it was not. */
export type ForwardOutcome =
  | { readonly kind: "results"; readonly results: readonly CommandResult[] }
  | { readonly kind: "notLeader"; readonly leader: string }
  /** Nobody answered in time: what became of it is unknown, so only a repetition with the same ids is safe. */
  | { readonly kind: "silent" }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** Messages between processes; all of them may be lost. While `connected` is false nothing is sent. */
export interface Messenger {
  readonly connected: boolean;
  toWorker(worker: string, message: InboxMessage): void;
  forward(coordinator: string, commands: readonly Command[], timeoutMs: number): Promise<ForwardOutcome>;
  publishDecisions(decisions: DecisionsPublished): void;
  publishCommit(index: number, term: number, commands: number): void;
  publishStatus(status: CoordinatorStatus): void;
  /** Live events of one task; the returned function ends the subscription. */
  onLiveEvents(task: string, handler: (event: LiveEvent) => void): () => void;
}

/** What the services tell the metrics. Every method is cheap and never throws. */
export interface ServiceMetrics {
  routed(agent: string, reason: string): void;
  routeSeconds(seconds: number): void;
  attempt(agent: string, outcome: string, serviceMs: number): void;
  handoff(): void;
  /** What became of an effect: intended, done, failed, doubt, asked, resolved. */
  effect(outcome: string): void;
  taskEnded(status: string): void;
  tasksRunning(count: number): void;
  applied(index: number): void;
  fencedWrite(): void;
  negotiated(agreement: number, rejected: string | null): void;
  team(agents: readonly string[], alpha: number, lipschitzBound: number): void;
}

/** What a coordinator answers and hears. */
export interface MessageHandlers {
  propose(from: string, commands: readonly Command[]): Promise<ProposeReply>;
  read(request: ReadTranscript): Promise<ReadReply>;
  discover(): DiscoverReply;
  heartbeat(message: Heartbeat): void;
  status(message: CoordinatorStatus): void;
}
