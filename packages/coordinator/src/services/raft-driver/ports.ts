/**
 * What the Raft driver needs of the world: a clock, a bus, a durable log. Kept apart from the driver so that the composition root
 * and the simulator can each supply their own, and so that adapters depend on this file and never on the driver.
 */
import type { Entry, HardState, Message, RaftStorage, Role, Snapshot } from "../../core/raft/types.ts";

/** Time as the driver sees it. The simulator's clock stands still between events. */
export interface Clock {
  /** Never goes backwards; for durations only. */
  monotonicMs(): number;
  /** May jump; for what people read. */
  wallMs(): number;
  /** Calls `run` once after the delay. Returns a cancel function, safe to call at any time. */
  schedule(delayMs: number, run: () => void): () => void;
  /** Calls `run` once after the I/O that is ready now has been read (setImmediate), so that what arrived together is one batch. */
  soon(run: () => void): void;
}

/** Lossy, unordered, at-most-or-more-than-once transport between coordinators. Raft tolerates all of that. */
export interface RaftBus {
  /** Best effort. The frame is the callee's from now on. */
  send(to: number, frame: Uint8Array): void;
  onFrame(handler: (from: number, frame: Uint8Array) => void): void;
  /** While false the driver drops what it would send: a client that buffers would flush stale votes and appends in a burst. */
  readonly connected: boolean;
}

/** What one append asks to be made durable, atomically: after a crash either all of it is in the log or nothing. */
export interface LogBatch {
  /** The log begins anew after it; `entries` follow it. What the log held before is gone with the same write. */
  readonly snapshot?: Snapshot;
  readonly hardState?: HardState;
  /** Consecutive indexes; the first may be at most `lastIndex() + 1`, and what stood from there on is replaced. */
  readonly entries: readonly Entry[];
}

/** Stable storage of one Raft group. */
export interface DurableLog extends RaftStorage {
  /** Does not fall from one opening of the log to the next; tells the messages of an earlier process apart. */
  readonly bootEpoch: number;
  /**
   * Takes the batch over at once (later reads see it) and calls `done(null)` when it and all before it are durable, in the order of the
   * calls; at once where nothing has to be flushed for that. A hard state that differs only in its commit index needs no flush of its
   * own: nobody rests on it, and Raft finds it again. It is written with the next batch.
   * After a failed write or flush the log is poisoned: every waiting and later `done` gets the error, none ever gets null again.
   */
  append(batch: LogBatch, done: (error: Error | null) => void): void;
  /** Raises the commit index that `initialState()` reports to what the state machine is known to have applied. */
  noteApplied(index: number): void;
}

/** Brings states from one coordinator to another, and puts one in place. The core decides whether, and when. */
export interface SnapshotCarrier {
  /** A peer lacks what the log holds no more. How the transfer ended must be told by `RaftDriver.reportSnapshot`, always. */
  send(message: Message): void;
  /** The state of this snapshot is on disk, ready to be put in place. Throws where it is not. Called before the log begins anew. */
  stage(snapshot: Snapshot): void;
  /** The log begins after the snapshot, durably: resolves when the state machine goes on from there. */
  install(snapshot: Snapshot): Promise<void>;
}

/** What a leader knows of a peer. */
export interface PeerProgress {
  readonly id: number;
  /** Highest index known to be durable there. */
  readonly match: number;
  /** Since its last message; Infinity where there was none. */
  readonly silentMs: number;
}

export interface SoftStateReport {
  /** 0 = none known. */
  readonly leader: number;
  readonly role: Role;
  readonly term: number;
}

export interface RaftDriverCallbacks {
  /** In log order, every entry above `applied` once in the life of the process, and only when durable here and on a majority. */
  onCommitted(entries: readonly Entry[]): void;
  onSoftState(state: SoftStateReport): void;
  /** The log failed or an invariant of the core broke. The driver has stopped; the process must end. */
  onFatal(error: Error): void;
  onCommitLatency?(seconds: number): void;
  onFsync?(seconds: number): void;
  /** A frame was refused unread or unparsed; nothing of it reached the core. */
  onFrameDropped?(): void;
}

export type ReadIndexFailure = "noLeader" | "leaderChanged" | "timeout" | "busy" | "stopped";

/** Why a read barrier could not be given. All reasons but `stopped` are worth a retry. */
export class ReadIndexError extends Error {
  readonly reason: ReadIndexFailure;
  constructor(reason: ReadIndexFailure) {
    super(`read index: ${reason}`);
    this.name = "ReadIndexError";
    this.reason = reason;
  }
}
