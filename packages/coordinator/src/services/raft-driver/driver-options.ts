/** What a Raft driver is made of, what it answers, and the bounds of what it has under way. */
import type { Role } from "../../core/raft/types.ts";
import type { DroppedFrames } from "./inbox.ts";
import type { Clock, DurableLog, RaftBus, RaftDriverCallbacks, SnapshotCarrier } from "./ports.ts";

/** Bounds of what is under way. */
export interface RaftDriverLimits {
  /** Entries of one append; leaves room in a frame of 256 KiB for a second message and for the headers of small entries. */
  readonly messageBytesMax: number;
  /** Handed to `onCommitted` in one call. */
  readonly committedBytesMax: number;
  /** What a leader has appended and not applied; then proposals are refused as busy. */
  readonly uncommittedBytesMax: number;
  /** On the way to one follower at once; a slow one must not fill its socket and ours. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

export const LIMITS_DEFAULT: RaftDriverLimits = {
  messageBytesMax: 128 * 1024,
  committedBytesMax: 1024 * 1024,
  uncommittedBytesMax: 32 * 1024 * 1024,
  inflightMessagesMax: 256,
  inflightBytesMax: 4 * 1024 * 1024,
};

export interface RaftDriverOptions {
  readonly id: number;
  /** Every coordinator of the cluster; `id` may be among them. */
  readonly peers: readonly number[];
  readonly cluster: string;
  readonly log: DurableLog;
  readonly bus: RaftBus;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly rng: () => number;
  readonly tickMs?: number;
  /** An election starts after this many ticks without a leader, and at most twice as many, at random. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly callbacks: RaftDriverCallbacks;
  /** Index that the state machine has applied; entries above it are handed out. */
  readonly applied: number;
  readonly limits?: Partial<RaftDriverLimits>;
  /** Without it the log must never be cut. */
  readonly snapshots?: SnapshotCarrier;
}

export type ProposeOutcome =
  | { readonly ok: true; readonly index: number; readonly term: number }
  | { readonly ok: false; readonly reason: "notLeader" | "busy"; readonly leader: number };

export interface RaftDriverStatus {
  readonly id: number;
  /** 0 = none known. */
  readonly leader: number;
  readonly role: Role;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly waitingReads: number;
  readonly droppedFrames: DroppedFrames;
}
