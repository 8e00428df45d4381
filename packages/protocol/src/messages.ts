/**
 * Messages between processes: they may be lost, doubled and late; the leader drives again whatever matters (state.md 5).
 * What must survive a crash is a command (commands.ts), never one of these.
 */
import type { Command, CommandResult } from "./commands.ts";
import type { Facts, JournalEntry, Requirements } from "./task.ts";
import type { TranscriptEvent } from "./transcript.ts";

/** A batch of commands for the leader, in order. */
export interface ProposeRequest {
  readonly kind: "propose";
  readonly from: string;
  readonly commands: readonly Command[];
}

/** One result a command, in the order of the request; or who leads, as far as the answering coordinator knows ("" = nobody). */
export type ProposeReply =
  | { readonly kind: "proposed"; readonly results: readonly CommandResult[] }
  | { readonly kind: "notLeader"; readonly leader: string }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** A step for a worker. Numbered per (term, worker), so that a heartbeat's echo tells what arrived. */
export interface Dispatch {
  readonly no: number;
  readonly fence: number;
  readonly task: string;
  readonly step: number;
  readonly member: number;
  readonly attempt: number;
  readonly start: number;
  readonly alone: boolean;
  readonly conversation: string;
  readonly agent: string;
  readonly input: string;
  readonly requires: Requirements;
  readonly facts: Facts;
  /** The last events of the transcript, oldest first, up to a bound in bytes; older ones by ReadTranscript. */
  readonly events: readonly TranscriptEvent[];
  readonly eventsTotal: number;
  readonly root: string;
  /** C of the agent in this conversation, float32[CONTEXT_DIM] big-endian; empty for a newcomer. */
  readonly context: Uint8Array;
  readonly deadlineAt?: number;
  readonly ensemble: boolean;
  /** Effects of earlier starts of this step whose outcome is known; absent where there are none. */
  readonly effects?: readonly JournalEntry[];
}

export type InboxMessage =
  | { readonly kind: "dispatch"; readonly term: number; readonly leader: string; readonly items: readonly Dispatch[] }
  | { readonly kind: "abort"; readonly term: number; readonly leader: string; readonly fences: readonly number[] }
  | { readonly kind: "reregister"; readonly term: number; readonly leader: string; readonly token: number }
  | { readonly kind: "replaced"; readonly term: number; readonly leader: string; readonly bootId: string }
  | { readonly kind: "drain"; readonly term: number; readonly leader: string };

export interface Heartbeat {
  readonly kind: "heartbeat";
  readonly worker: string;
  readonly bootId: string;
  /** 0 before the first registration. */
  readonly token: number;
  /** The highest dispatch number received, and in which term. */
  readonly echoTerm: number;
  readonly echoNo: number;
  /** Fences that it runs, or has finished and not seen acknowledged. */
  readonly fences: readonly number[];
  readonly threads: number;
  readonly inFlight: number;
  readonly lagMs: number;
}

export interface CoordinatorStatus {
  readonly kind: "status";
  readonly id: string;
  readonly node: string;
  readonly bootId: string;
  readonly pid: number;
  readonly http: string;
  readonly term: number;
  readonly role: "leader" | "follower" | "candidate";
  /** Id of the leader it knows; "" = nobody. */
  readonly leader: string;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** State hash at `appliedIndex`. */
  readonly stateHash: string;
  /** State hash at the last applied multiple of STATE_HASH_EVERY, for comparison. */
  readonly checkIndex: number;
  readonly checkHash: string;
}

export interface DiscoverRequest {
  readonly kind: "discover";
}

export interface DiscoverReply {
  readonly kind: "discovered";
  readonly cluster: string;
  readonly id: string;
  readonly leader: string;
  readonly term: number;
  readonly http: string;
}

export interface ReadTranscript {
  readonly kind: "readTranscript";
  readonly conversation: string;
  /** First event wanted, by seq. */
  readonly from: number;
  /** Last event wanted, by seq; the reply stops earlier at its page bound. */
  readonly to: number;
}

/** A chunk for safe keeping. */
export interface ChunkPut {
  readonly kind: "chunkPut";
  /** SHA-256 of the bytes; whoever stores them checks it. */
  readonly hash: string;
  readonly bytes: Uint8Array;
}

export interface ChunkGet {
  readonly kind: "chunkGet";
  readonly hash: string;
  /** anywhere: one that the answering coordinator lacks is asked of the others. */
  readonly scope: "here" | "anywhere";
}

/**
 * stored: it is durable here, at one of `voters` coordinators; a majority of those must say so before the log may refer to it. It is kept for
 * `graceMs` without a reference.
 */
export type ChunkReply =
  | { readonly kind: "chunkStored"; readonly hash: string; readonly voters: number; readonly graceMs: number }
  | { readonly kind: "chunk"; readonly hash: string; readonly bytes: Uint8Array }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export type ReadReply =
  | { readonly kind: "transcript"; readonly events: readonly TranscriptEvent[] }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** Live only, never replayed: a step has begun, or the agent emitted text. `n` rises from 0 within a start. */
export interface LiveEvent {
  readonly kind: "live";
  readonly task: string;
  readonly fence: number;
  readonly step: number;
  readonly member: number;
  readonly attempt: number;
  readonly start: number;
  readonly n: number;
  readonly event: "started" | "delta";
  readonly agent: string;
  readonly worker: string;
  readonly text: string;
}

/** Published after commit, for anyone to listen to. */
export interface DecisionsPublished {
  readonly kind: "decisions";
  readonly index: number;
  readonly term: number;
  readonly decisions: readonly {
    readonly task: string;
    readonly step: number;
    readonly member: number;
    readonly agent: string;
    readonly worker: string;
    readonly fence: number;
    readonly score: number;
    readonly runnerUp: string | null;
    readonly reason: string;
  }[];
}

export interface CommitPublished {
  readonly kind: "commit";
  readonly index: number;
  readonly term: number;
  readonly commands: number;
}

export type Message =
  | ProposeRequest
  | ProposeReply
  | InboxMessage
  | Heartbeat
  | CoordinatorStatus
  | DiscoverRequest
  | DiscoverReply
  | ReadTranscript
  | ReadReply
  | ChunkPut
  | ChunkGet
  | ChunkReply
  | LiveEvent
  | DecisionsPublished
  | CommitPublished;

export type MessageKind = Message["kind"];
