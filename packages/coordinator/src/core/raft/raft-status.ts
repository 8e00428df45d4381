/** A picture of one node for operators, metrics and tests; copies, so that looking changes nothing. */
import type { Membership } from "./membership.ts";
import type { Progress, ProgressState } from "./progress.ts";
import type { RaftState } from "./raft-state.ts";
import type { Role } from "./types.ts";

export interface ProgressStatus {
  readonly id: number;
  readonly match: number;
  readonly next: number;
  readonly state: ProgressState;
  readonly isLearner: boolean;
  readonly paused: boolean;
  readonly recentActive: boolean;
  readonly pendingSnapshot: number;
  readonly inflightCount: number;
  /** All of it in etcd's notation. */
  readonly description: string;
}

export interface RaftStatus {
  readonly id: number;
  readonly term: number;
  readonly vote: number;
  readonly lead: number;
  readonly role: Role;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly leadTransferee: number;
  readonly membership: Membership;
  /** Members in ascending id order at a leader, else empty. */
  readonly progress: readonly ProgressStatus[];
}

export function raftStatus(raft: RaftState): RaftStatus {
  const leads = raft.role === "StateLeader";
  return {
    id: raft.id,
    term: raft.term,
    vote: raft.vote,
    lead: raft.lead,
    role: raft.role,
    commit: raft.log.committed,
    applied: raft.log.applied,
    lastIndex: raft.log.lastIndex(),
    leadTransferee: raft.leadTransferee,
    membership: raft.tracker.membership,
    progress: leads ? raft.tracker.ids.map((id) => progressStatus(id, raft.tracker.get(id)!)) : [],
  };
}

function progressStatus(id: number, progress: Progress): ProgressStatus {
  return {
    id,
    match: progress.match,
    next: progress.next,
    state: progress.state,
    isLearner: progress.isLearner,
    paused: progress.paused,
    recentActive: progress.recentActive,
    pendingSnapshot: progress.pendingSnapshot,
    inflightCount: progress.inflights.count,
    description: progress.toString(),
  };
}
