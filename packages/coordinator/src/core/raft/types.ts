/**
 * The vocabulary of the Raft core: etcd's messages and states, as plain data.
 * Kept apart from the algorithm so that storage, driver, transport and simulator share it without importing the state machine.
 *
 * Ids, terms and indexes are integers in [0, 2^53 − 1]; 0 means "none". Arrays handed over are never mutated afterwards by either side.
 */

/** No node: no vote given, no leader known. */
export const NONE = 0;
/** Pseudo targets of the local storage threads; a driver delivers these reliably and in order, never over the network. */
export const LOCAL_APPEND_THREAD: number = Number.MAX_SAFE_INTEGER;
export const LOCAL_APPLY_THREAD: number = Number.MAX_SAFE_INTEGER - 1;

export type MessageType =
  | "MsgHup"
  | "MsgBeat"
  | "MsgProp"
  | "MsgApp"
  | "MsgAppResp"
  | "MsgVote"
  | "MsgVoteResp"
  | "MsgSnap"
  | "MsgHeartbeat"
  | "MsgHeartbeatResp"
  | "MsgUnreachable"
  | "MsgSnapStatus"
  | "MsgCheckQuorum"
  | "MsgTransferLeader"
  | "MsgTimeoutNow"
  | "MsgReadIndex"
  | "MsgReadIndexResp"
  | "MsgPreVote"
  | "MsgPreVoteResp"
  | "MsgStorageAppend"
  | "MsgStorageAppendResp"
  | "MsgStorageApply"
  | "MsgStorageApplyResp"
  | "MsgForgetLeader";

export type EntryType = "EntryNormal" | "EntryConfChange" | "EntryConfChangeV2";

export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  /** Opaque to Raft; empty for the entry a new leader appends. */
  readonly data: Uint8Array;
}

/** What must be on disk before any message that rests on it leaves (Raft paper, figure 2, "persistent state"). */
export interface HardState {
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

export type Role = "StateFollower" | "StatePreCandidate" | "StateCandidate" | "StateLeader";

/** Volatile: useful for logging and routing of proposals, never persisted. */
export interface SoftState {
  readonly lead: number;
  readonly role: Role;
}

export interface ConfState {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly data: Uint8Array;
}

export interface Message {
  readonly type: MessageType;
  readonly to: number;
  readonly from: number;
  readonly term: number;
  /** MsgApp: term of the entry before `entries`; votes: term of the candidate's last entry; rejections: term at `rejectHint`. */
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly vote: number;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly context?: Uint8Array;
  readonly snapshot?: Snapshot;
  /** Only on local storage messages: what to deliver once the write (or apply) is done. */
  readonly responses?: readonly Message[];
}

export interface ReadState {
  readonly index: number;
  readonly requestContext: Uint8Array;
}

/**
 * What the core reads of stable storage, synchronously. Entries not yet handed to storage live in the core's unstable log.
 * `term` and `entries` throw {@link RaftStorageError} `compacted` below `firstIndex() − 1`, `unavailable` above `lastIndex()`.
 */
export interface RaftStorage {
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /** Entries [low, high), cut so that their data is at most `maxBytes`, but at least one. */
  entries(low: number, high: number, maxBytes: number): readonly Entry[];
  term(index: number): number;
  firstIndex(): number;
  lastIndex(): number;
  snapshot(): Snapshot;
}

export class RaftStorageError extends Error {
  readonly reason: "compacted" | "unavailable" | "snapshotTemporarilyUnavailable";
  constructor(reason: "compacted" | "unavailable" | "snapshotTemporarilyUnavailable") {
    super(`raft storage: ${reason}`);
    this.name = "RaftStorageError";
    this.reason = reason;
  }
}

/**
 * One turn's outputs of the core. Without async storage writes the caller's duties are, in order: write `hardState`, `entries` and
 * `snapshot` durably; send `messages` (a leader's MsgApp may leave in parallel with its own write, thesis 10.2.1); apply
 * `committedEntries`; call advance(). With async storage writes everything is in `messages`, also what goes to the local threads.
 */
export interface Ready {
  readonly softState?: SoftState;
  readonly hardState?: HardState;
  readonly readStates: readonly ReadState[];
  readonly entries: readonly Entry[];
  readonly snapshot?: Snapshot;
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  /** True when `hardState` or `entries` must be flushed before `messages` leave. */
  readonly mustSync: boolean;
}
