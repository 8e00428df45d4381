/**
 * What the core learns from the applying side: how far it is, that a snapshot is in place, and when a joint configuration can end.
 */
import { LEAVE_JOINT } from "./conf-change.ts";
import { encodeConfChange } from "./conf-change-codec.ts";
import { encodedBytes, payloadBytes } from "./entry-size.ts";
import { describeMembership } from "./membership.ts";
import { createMessage } from "./message.ts";
import { handleProposal } from "./proposals.ts";
import type { RaftState } from "./raft-state.ts";
import type { Entry, Snapshot } from "./types.ts";
import { NONE } from "./types.ts";

/** The state machine has applied these entries. */
export function entriesApplied(raft: RaftState, entries: readonly Entry[]): void {
  const last = entries.at(-1);
  if (last === undefined) return;
  appliedTo(raft, last.index, encodedBytes(entries));
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - payloadBytes(entries));
}

/** A received snapshot is durable and, with it, applied. */
export function snapshotStable(raft: RaftState, snapshot: Snapshot): void {
  raft.log.unstable.stableSnapshotTo(snapshot.index);
  appliedTo(raft, snapshot.index, 0);
}

function appliedTo(raft: RaftState, index: number, sizeBytes: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, sizeBytes);
  const { membership } = raft.tracker;
  if (membership.autoLeave && applied >= raft.pendingConfIndex && raft.role === "StateLeader") leaveJoint(raft);
}

/**
 * Whoever leads when the joint configuration is applied ends it. Should the proposal be dropped (a transfer goes on, say), the next
 * applied entry or the next leader tries again.
 */
function leaveJoint(raft: RaftState): void {
  const { type, data } = encodeConfChange(LEAVE_JOINT);
  const described = describeMembership(raft.tracker.membership);
  const outcome = handleProposal(raft, createMessage("MsgProp", NONE, { entries: [{ term: 0, index: 0, type, data }] }));
  if (outcome.kind === "dropped") {
    raft.logger?.debug(`not initiating automatic transition out of joint configuration ${described}: raft proposal dropped`);
  } else {
    raft.logger?.info(`initiating automatic transition out of joint configuration ${described}`);
  }
}
