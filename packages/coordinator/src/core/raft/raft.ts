/**
 * The Raft state machine: where each message and each tick goes. It has no clock (ticks are counted), no I/O (outputs pile up in
 * `messages`), no randomness of its own, and awaits nothing. What is done with a message in each role is in step-leader, step-follower
 * and elections; sending logs is in replication; state and transitions are in raft-state.
 */
import { entriesApplied, snapshotStable } from "./applied.ts";
import { applyConfChange, switchToConfiguration } from "./apply-conf-change.ts";
import type { ConfChangeV2 } from "./conf-change.ts";
import { campaignTypeFor, handleVoteRequest, startElection, stepCandidate } from "./elections.ts";
import { voterIds } from "./membership.ts";
import { restoreMembership } from "./membership-changer.ts";
import type { ResolvedRaftConfig } from "./raft-config.ts";
import { invariant } from "./raft-invariant-error.ts";
import { hex } from "./raft-logger.ts";
import { RaftState } from "./raft-state.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { stepFollower } from "./step-follower.ts";
import { checkQuorum, stepLeader } from "./step-leader.ts";
import type { StepOutcome } from "./step-outcome.ts";
import { ACCEPTED } from "./step-outcome.ts";
import { adoptHigherTerm, answerLowerTerm } from "./term-rules.ts";
import type { ConfState, Message } from "./types.ts";
import { NONE } from "./types.ts";

export class Raft extends RaftState {
  /** Starts, or restarts, from what storage holds. */
  constructor(config: ResolvedRaftConfig) {
    super(config);
    const { hardState, confState } = config.storage.initialState();
    const last = this.log.lastEntryId();
    switchToConfiguration(this, restoreMembership(this.tracker, confState, last.index), confState);
    if (hardState.term !== 0 || hardState.vote !== NONE || hardState.commit !== 0) {
      const { committed } = this.log;
      invariant(
        hardState.commit >= committed && hardState.commit <= last.index,
        () => `${hex(this.id)} state.commit ${hardState.commit} is out of range [${committed}, ${last.index}]`,
      );
      this.log.committed = hardState.commit;
      this.term = hardState.term;
      this.vote = hardState.vote;
    }
    if (config.applied > 0) this.log.appliedTo(config.applied, 0);
    this.becomeFollower(this.term, NONE);
    this.logger?.info(
      `newRaft ${hex(this.id)} [peers: [${voterIds(this.tracker.membership).map(hex).join(",")}], term: ${this.term}, commit: ${this.log.committed}, ` +
        `applied: ${this.log.applied}, lastindex: ${last.index}, lastterm: ${last.term}]`,
    );
  }

  /** One unit of time has passed. */
  tick(): void {
    if (this.role === "StateLeader") this.#tickLeader();
    else this.#tickElection();
  }

  step(message: Message): StepOutcome {
    if (message.term > this.term) {
      if (!adoptHigherTerm(this, message)) return ACCEPTED;
    } else if (message.term !== 0 && message.term < this.term) {
      answerLowerTerm(this, message);
      return ACCEPTED;
    }
    switch (message.type) {
      case "MsgHup":
        startElection(this, campaignTypeFor(this));
        return ACCEPTED;
      case "MsgStorageAppendResp":
        if (message.index !== 0) this.log.unstable.stableTo(message.index, message.logTerm);
        if (message.snapshot !== undefined) snapshotStable(this, message.snapshot);
        return ACCEPTED;
      case "MsgStorageApplyResp":
        entriesApplied(this, message.entries);
        return ACCEPTED;
      case "MsgVote":
      case "MsgPreVote":
        handleVoteRequest(this, message);
        return ACCEPTED;
      default:
        return this.#stepByRole(message);
    }
  }

  applyConfChange(change: ConfChangeV2): ConfState {
    return applyConfChange(this, change);
  }

  #stepByRole(message: Message): StepOutcome {
    switch (this.role) {
      case "StateLeader":
        return stepLeader(this, message);
      case "StateFollower":
        return stepFollower(this, message);
      case "StatePreCandidate":
      case "StateCandidate":
        return stepCandidate(this, message);
    }
  }

  #tickElection(): void {
    this.electionElapsed++;
    if (this.electionElapsed < this.randomizedElectionTimeout || !this.promotable()) return;
    this.electionElapsed = 0;
    startElection(this, campaignTypeFor(this));
  }

  #tickLeader(): void {
    this.heartbeatElapsed++;
    this.electionElapsed++;
    if (this.electionElapsed >= this.config.electionTick) {
      this.electionElapsed = 0;
      if (this.config.checkQuorum) checkQuorum(this);
      // A hand-over that took an election timeout has failed; take proposals again.
      this.abortLeaderTransfer();
    }
    // checkQuorum may have deposed this leader.
    if (this.role !== "StateLeader" || this.heartbeatElapsed < this.config.heartbeatTick) return;
    this.heartbeatElapsed = 0;
    broadcastHeartbeat(this);
  }
}
