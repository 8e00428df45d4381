/**
 * The knobs of one Raft node, their defaults, and which combinations make no sense.
 * Kept apart from the state machine, which only sees the resolved form.
 *
 * Sizes of 0 in etcd mean "no limit"; here that is Number.POSITIVE_INFINITY, said out loud.
 */
import { isLocalTarget } from "./message.ts";
import type { RaftLogger } from "./raft-logger.ts";
import type { RaftStorage } from "./types.ts";
import { NONE } from "./types.ts";

export type ReadOnlyMode = "safe" | "leaseBased";

export interface RaftConfig {
  /** This node's id, not 0, unique for all time. */
  readonly id: number;
  /** Ticks without word from a leader before an election; the actual timeout is random in [electionTick, 2·electionTick − 1]. */
  readonly electionTick: number;
  /** Ticks between a leader's heartbeats; well below electionTick. */
  readonly heartbeatTick: number;
  readonly storage: RaftStorage;
  /** Last index applied before a restart; entries up to it are not handed out again. */
  readonly applied?: number;
  /** Storage is written by local threads that answer by messages, see RawNode. */
  readonly asyncStorageWrites?: boolean;
  /** Bound on the encoded entries of one MsgApp; one entry always fits. */
  readonly maxSizePerMessageBytes?: number;
  /** Bound on entries handed out for applying and not yet applied; defaults to maxSizePerMessageBytes. */
  readonly maxCommittedSizePerReadyBytes?: number;
  /** Bound on a leader's payload bytes not yet applied here; proposals beyond it are dropped. */
  readonly maxUncommittedBytes?: number;
  /** Bounds of the window of unacknowledged MsgApp to one follower. */
  readonly maxInflightMessages?: number;
  readonly maxInflightBytes?: number;
  /** A leader that hears of no quorum for an election timeout steps down; followers refuse votes while their leader lives. */
  readonly checkQuorum?: boolean;
  /** Ask before raising the term, so that a node that was cut off disturbs nobody (thesis 9.6). */
  readonly preVote?: boolean;
  readonly readOnly?: ReadOnlyMode;
  /** A follower drops proposals instead of sending them to the leader. */
  readonly disableProposalForwarding?: boolean;
  /** Do not refuse conf changes by this leader's view at proposal time; legality then is the application's business. */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that is removed or demoted steps down when it applies the change. */
  readonly stepDownOnRemoval?: boolean;
  /** Source of randomised timeouts, uniform in [0, 1). */
  readonly rng: () => number;
  readonly logger?: RaftLogger;
}

/** One message should fit a transport frame with room to spare; a batch above this is cut in two. */
export const DEFAULT_MAX_SIZE_PER_MESSAGE_BYTES: number = 1024 * 1024;
/** Deep enough to keep a link of some milliseconds busy, small enough to re-send when it breaks. */
export const DEFAULT_MAX_INFLIGHT_MESSAGES = 256;

/** The configuration with nothing left open. */
export interface ResolvedRaftConfig {
  readonly id: number;
  readonly electionTick: number;
  readonly heartbeatTick: number;
  readonly storage: RaftStorage;
  readonly applied: number;
  readonly asyncStorageWrites: boolean;
  readonly maxSizePerMessageBytes: number;
  readonly maxCommittedSizePerReadyBytes: number;
  readonly maxUncommittedBytes: number;
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  readonly checkQuorum: boolean;
  readonly preVote: boolean;
  readonly readOnly: ReadOnlyMode;
  readonly disableProposalForwarding: boolean;
  readonly disableConfChangeValidation: boolean;
  readonly stepDownOnRemoval: boolean;
  readonly rng: () => number;
  readonly logger: RaftLogger | undefined;
}

export class RaftConfigError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = "RaftConfigError";
  }
}

/** Fills in defaults and refuses what cannot work. */
export function resolveRaftConfig(config: RaftConfig): ResolvedRaftConfig {
  const maxSizePerMessageBytes = config.maxSizePerMessageBytes ?? DEFAULT_MAX_SIZE_PER_MESSAGE_BYTES;
  const resolved: ResolvedRaftConfig = {
    id: config.id,
    electionTick: config.electionTick,
    heartbeatTick: config.heartbeatTick,
    storage: config.storage,
    applied: config.applied ?? 0,
    asyncStorageWrites: config.asyncStorageWrites ?? false,
    maxSizePerMessageBytes,
    maxCommittedSizePerReadyBytes: config.maxCommittedSizePerReadyBytes ?? maxSizePerMessageBytes,
    maxUncommittedBytes: config.maxUncommittedBytes ?? Number.POSITIVE_INFINITY,
    maxInflightMessages: config.maxInflightMessages ?? DEFAULT_MAX_INFLIGHT_MESSAGES,
    maxInflightBytes: config.maxInflightBytes ?? Number.POSITIVE_INFINITY,
    checkQuorum: config.checkQuorum ?? false,
    preVote: config.preVote ?? false,
    readOnly: config.readOnly ?? "safe",
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? false,
    rng: config.rng,
    logger: config.logger,
  };
  validate(resolved);
  return resolved;
}

function validate(config: ResolvedRaftConfig): void {
  require(Number.isSafeInteger(config.id) && config.id > NONE, "id must be a positive integer");
  require(!isLocalTarget(config.id), "id must not be that of a local storage thread");
  require(config.heartbeatTick > 0, "heartbeat tick must be greater than 0");
  require(config.electionTick > config.heartbeatTick, "election tick must be greater than heartbeat tick");
  require(config.maxSizePerMessageBytes > 0, "max size per message must be greater than 0");
  require(config.maxCommittedSizePerReadyBytes > 0, "max committed size per ready must be greater than 0");
  require(config.maxUncommittedBytes > 0, "max uncommitted bytes must be greater than 0");
  require(config.maxInflightMessages > 0, "max inflight messages must be greater than 0");
  require(config.maxInflightBytes >= config.maxSizePerMessageBytes, "max inflight bytes must be >= max message size");
  // Without the quorum check a deposed leader would believe in its lease for ever.
  require(config.readOnly !== "leaseBased" || config.checkQuorum, "check quorum must be on for lease-based reads");
}

function require(condition: boolean, detail: string): void {
  if (!condition) throw new RaftConfigError(detail);
}
