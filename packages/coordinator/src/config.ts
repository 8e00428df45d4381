/** What a coordinator process is started with; parsed and checked by the command line, then frozen. */

import type { LogRetention } from "./services/snapshot/log-keeper.ts";

export interface CoordinatorPeer {
  readonly id: string;
  readonly raftId: number;
  /** uuid of the peer's data folder. */
  readonly node: string;
  readonly http: string;
}

export interface CoordinatorOptions {
  /** c1, c2, …: what people call it. */
  readonly id: string;
  readonly raftId: number;
  readonly node: string;
  readonly cluster: string;
  /** Every coordinator of the cluster, this one included. */
  readonly peers: readonly CoordinatorPeer[];
  readonly dataDir: string;
  readonly nats: string;
  readonly host: string;
  readonly port: number;
  /** Allows an empty data folder: only until all coordinators were ready once. */
  readonly bootstrap: boolean;
  readonly token?: string;
  readonly logLevel?: string;
  /** Size of a file of the log. */
  readonly logSegmentBytes?: number;
  /** What the log keeps though nobody needs it; see services/snapshot/log-keeper.ts. */
  readonly logRetention?: Partial<LogRetention>;
  /** How long a task is kept after its end; the leader brings it into Φ (SetConfig). Absent: what Φ says stays. */
  readonly retentionMs?: number;
  /** How long an idempotency key is kept after its request; the same. */
  readonly keyTtlMs?: number;
  /** Age at which a chunk that nothing refers to is removed; default CHUNK_GRACE_MS_DEFAULT. */
  readonly chunkGraceMs?: number;
}

/** Raft timing: a tick of 50 ms, heartbeats every tick, elections after 300 to 600 ms of silence. */
export const TICK_MS = 50;
export const ELECTION_TICKS = 6;
export const HEARTBEAT_TICKS = 1;
/** A leader that ends hands over first, so that nobody waits for an election timeout. */
export const HANDOVER_MS = 1_000;
