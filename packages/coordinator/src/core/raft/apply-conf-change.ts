/**
 * Makes a configuration the active one: when a conf change is applied, when a snapshot is restored, at start.
 * Kept apart from the changer, which computes configurations and touches nothing.
 *
 * Invariant: a configuration is active from the moment its entry is applied, on every node alike.
 */
import { advanceCommit } from "./commit.ts";
import type { ConfChangeV2 } from "./conf-change.ts";
import { routeOf } from "./conf-change.ts";
import { confStateOf, confStatesEquivalent, describeMembership, hasVoter } from "./membership.ts";
import type { ChangedMembership } from "./membership-changer.ts";
import { MembershipChanger } from "./membership-changer.ts";
import { invariant } from "./raft-invariant-error.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastMissingEntries } from "./replication.ts";
import type { ConfState } from "./types.ts";
import { NONE } from "./types.ts";

/** Applies a committed change. Throws ConfChangeError, with nothing changed, when it does not fit the configuration. */
export function applyConfChange(raft: RaftState, change: ConfChangeV2): ConfState {
  const { membership, progress } = raft.tracker;
  const changer = new MembershipChanger(raft.tracker, { membership, progress }, raft.log.lastIndex());
  const route = routeOf(change);
  switch (route.kind) {
    case "leaveJoint":
      return switchToConfiguration(raft, changer.leaveJoint());
    case "enterJoint":
      return switchToConfiguration(raft, changer.enterJoint(route.autoLeave, change.changes));
    case "simple":
      return switchToConfiguration(raft, changer.simple(change.changes));
  }
}

/** Activates a configuration; `expected` is the stored conf state it was restored from. */
export function switchToConfiguration(raft: RaftState, changed: ChangedMembership, expected?: ConfState): ConfState {
  const { tracker } = raft;
  tracker.switchTo(changed.membership, changed.progress);
  raft.logger?.info(`${hex(raft.id)} switched to configuration ${describeMembership(changed.membership)}`);
  const confState = confStateOf(changed.membership);
  invariant(
    expected === undefined || confStatesEquivalent(expected, confState),
    () => `the configuration ${describeMembership(changed.membership)} is not the one it was restored from`,
  );
  if (raft.role !== "StateLeader") return confState;

  const self = tracker.get(raft.id);
  if (self === undefined || self.isLearner) {
    // This leader is removed or demoted. Without stepping down it goes on until someone else campaigns, so that the entry that
    // removes it is committed; it must not count itself, and does not.
    if (raft.config.stepDownOnRemoval) raft.becomeFollower(raft.term, NONE);
    return confState;
  }
  if (confState.voters.length === 0) return confState;
  // A smaller quorum may commit more at once; a new member may be sent to at once.
  if (!advanceCommit(raft)) broadcastMissingEntries(raft);
  if (raft.leadTransferee !== NONE && !hasVoter(changed.membership, raft.leadTransferee)) raft.abortLeaderTransfer();
  return confState;
}
