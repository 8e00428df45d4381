/**
 * The leader's commit rule (§5.4.2) and what follows when the commit index moves.
 *
 * Invariant: only an entry of the leader's own term is committed by counting replicas; earlier ones are committed with it, never by
 * themselves, or a later leader could overwrite them (figure 8). RaftLog.maybeCommit compares the terms.
 */
import type { RaftState } from "./raft-state.ts";
import { releaseReads } from "./reads.ts";
import { broadcastAppend } from "./replication.ts";

/** Moves the commit index to what a quorum holds, and tells everyone. False when it does not move. */
export function advanceCommit(raft: RaftState): boolean {
  if (!raft.log.maybeCommit({ term: raft.term, index: raft.tracker.committedIndex() })) return false;
  releaseReads(raft);
  broadcastAppend(raft);
  return true;
}
