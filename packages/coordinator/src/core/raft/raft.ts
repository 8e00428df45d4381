/**
 * The Raft state machine: its state, the transitions between roles, and where each message goes.
 * It has no clock (ticks are counted), no I/O (outputs pile up in `messages`), no randomness of its own, and awaits nothing. What is
 * done with a message in each role is in step-leader, step-follower and elections; sending logs is in replication.
 *
 * Invariants: `term` never falls; `vote` changes only from none, or with the term; `messagesAfterAppend` rests on state that is not
 * durable yet and leaves only after it is; a role change resets everything known of other members.
 */
import { applyConfChange, switchToConfiguration } from "./apply-conf-change.ts";
import type { ConfChangeV2 } from "./conf-change.ts";
import { LEAVE_JOINT } from "./conf-change.ts";
import { encodeConfChange } from "./conf-change-codec.ts";
import { campaignTypeFor, handleVoteRequest, startElection, stepCandidate } from "./elections.ts";
import { encodedBytes, payloadBytes } from "./entry-size.ts";
import { describeMembership, voterIds } from "./membership.ts";
import { restoreMembership } from "./membership-changer.ts";
import type { MessageFields } from "./message.ts";
import { createMessage, createMessageOfTerm, NO_DATA } from "./message.ts";
import { ProgressTracker } from "./progress-tracker.ts";
import type { ResolvedRaftConfig } from "./raft-config.ts";
import { invariant } from "./raft-invariant-error.ts";
import { RaftLog } from "./raft-log.ts";
import type { RaftLogger } from "./raft-logger.ts";
import { hex } from "./raft-logger.ts";
import { ReadOnly } from "./read-only.ts";
import { appendToOwnLog, broadcastHeartbeat } from "./replication.ts";
import { stepFollower } from "./step-follower.ts";
import { checkQuorum, stepLeader } from "./step-leader.ts";
import type { StepOutcome } from "./step-outcome.ts";
import { ACCEPTED } from "./step-outcome.ts";
import { adoptHigherTerm, answerLowerTerm } from "./term-rules.ts";
import type { ConfState, Message, MessageType, ReadState, Role, Snapshot } from "./types.ts";
import { NONE } from "./types.ts";

export class Raft {
  readonly config: ResolvedRaftConfig;
  readonly id: number;
  readonly log: RaftLog;
  readonly tracker: ProgressTracker;
  readonly logger: RaftLogger | undefined;
  term = 0;
  vote: number = NONE;
  lead: number = NONE;
  role: Role = "StateFollower";
  /** The member leadership is being handed to, or NONE. While set, proposals are dropped. */
  leadTransferee: number = NONE;
  /** A conf change at or below this index may be unapplied; a leader proposes no other while it is above `log.applied`. */
  pendingConfIndex = 0;
  /** Payload bytes of a leader's entries that are not applied yet, estimated low. */
  uncommittedBytes = 0;
  readOnly: ReadOnly = new ReadOnly();
  /** Reads that arrived before this leader committed an entry of its term; until then its commit index may be stale. */
  readsBeforeFirstCommit: Message[] = [];
  electionElapsed = 0;
  heartbeatElapsed = 0;
  randomizedElectionTimeout = 0;
  /** To be sent as soon as possible. */
  messages: Message[] = [];
  /** To be sent once everything unstable up to now is durable. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];

  constructor(config: ResolvedRaftConfig) {
    this.config = config;
    this.id = config.id;
    this.logger = config.logger;
    this.log = new RaftLog(config.storage, config.maxCommittedSizePerReadyBytes, config.logger);
    this.tracker = new ProgressTracker(config.maxInflightMessages, config.maxInflightBytes);
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
        if (message.snapshot !== undefined) this.snapshotStable(message.snapshot);
        return ACCEPTED;
      case "MsgStorageApplyResp":
        this.#entriesApplied(message);
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

  /** A received snapshot is durable and, with it, applied. */
  snapshotStable(snapshot: Snapshot): void {
    this.log.unstable.stableSnapshotTo(snapshot.index);
    this.appliedTo(snapshot.index, 0);
  }

  appliedTo(index: number, sizeBytes: number): void {
    const applied = Math.max(index, this.log.applied);
    this.log.appliedTo(applied, sizeBytes);
    const { membership } = this.tracker;
    if (!membership.autoLeave || applied < this.pendingConfIndex || this.role !== "StateLeader") return;
    // Whoever leads when the joint configuration is applied ends it. Should the proposal be dropped (a transfer goes on, say),
    // the next applied entry or the next leader tries again.
    const { type, data } = encodeConfChange(LEAVE_JOINT);
    const outcome = this.step(createMessage("MsgProp", NONE, { entries: [{ term: 0, index: 0, type, data }] }));
    const described = describeMembership(membership);
    if (outcome.kind === "dropped") {
      this.logger?.debug(`not initiating automatic transition out of joint configuration ${described}: raft proposal dropped`);
    } else {
      this.logger?.info(`initiating automatic transition out of joint configuration ${described}`);
    }
  }

  /** Queues a message of this term. Answers that promise something about the log or the vote wait until it is durable. */
  send(type: MessageType, to: number, fields: MessageFields): void {
    const message = createMessageOfTerm(type, this.id, to, fields.term ?? this.term, fields);
    if (type === "MsgAppResp" || type === "MsgVoteResp" || type === "MsgPreVoteResp") {
      this.messagesAfterAppend.push(message);
      return;
    }
    invariant(to !== this.id, () => `message should not be self-addressed when sending ${type}`);
    this.messages.push(message);
  }

  /** Passes a request on to the leader. Requests carry no term: they stay valid when it changes on the way. */
  forwardToLeader(message: Message): void {
    invariant(this.lead !== this.id, () => `message should not be self-addressed when sending ${message.type}`);
    const term = message.type === "MsgProp" || message.type === "MsgReadIndex" ? 0 : this.term;
    this.messages.push({ ...message, to: this.lead, from: message.from === NONE ? this.id : message.from, term });
  }

  becomeFollower(term: number, lead: number): void {
    this.#reset(term);
    this.lead = lead;
    this.role = "StateFollower";
    this.logger?.info(`${hex(this.id)} became follower at term ${this.term}`);
  }

  becomeCandidate(): void {
    invariant(this.role !== "StateLeader", () => "invalid transition [leader -> candidate]");
    this.#reset(this.term + 1);
    this.vote = this.id;
    this.role = "StateCandidate";
    this.logger?.info(`${hex(this.id)} became candidate at term ${this.term}`);
  }

  /** Changes neither term nor vote: a pre-candidate only asks what would happen. */
  becomePreCandidate(): void {
    invariant(this.role !== "StateLeader", () => "invalid transition [leader -> pre-candidate]");
    this.tracker.resetVotes();
    this.lead = NONE;
    this.role = "StatePreCandidate";
    this.logger?.info(`${hex(this.id)} became pre-candidate at term ${this.term}`);
  }

  becomeLeader(): void {
    invariant(this.role !== "StateFollower", () => "invalid transition [follower -> leader]");
    this.#reset(this.term);
    this.lead = this.id;
    this.role = "StateLeader";
    const self = this.tracker.get(this.id);
    invariant(self !== undefined, () => `${hex(this.id)} leads without being a member`);
    self.becomeReplicate();
    self.recentActive = true;
    // A conf change of an earlier term may be among the unapplied entries; assuming so is cheaper than looking.
    this.pendingConfIndex = this.log.lastIndex();
    const appended = appendToOwnLog(this, [{ term: 0, index: 0, type: "EntryNormal", data: NO_DATA }]);
    invariant(appended, () => "empty entry was dropped");
    this.logger?.info(`${hex(this.id)} became leader at term ${this.term}`);
  }

  /** Whether this node may campaign: a voter, and not in the middle of receiving a snapshot. */
  promotable(): boolean {
    const self = this.tracker.get(this.id);
    return self !== undefined && !self.isLearner && this.log.unstable.snapshot === undefined;
  }

  committedInCurrentTerm(): boolean {
    return (this.log.term(this.log.committed) ?? 0) === this.term;
  }

  abortLeaderTransfer(): void {
    this.leadTransferee = NONE;
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

  #entriesApplied(message: Message): void {
    const last = message.entries.at(-1);
    if (last === undefined) return;
    this.appliedTo(last.index, encodedBytes(message.entries));
    this.uncommittedBytes = Math.max(0, this.uncommittedBytes - payloadBytes(message.entries));
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

  #reset(term: number): void {
    if (this.term !== term) {
      this.term = term;
      this.vote = NONE;
    }
    this.lead = NONE;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.randomizedElectionTimeout = this.config.electionTick + Math.floor(this.config.rng() * this.config.electionTick);
    this.abortLeaderTransfer();
    this.tracker.resetVotes();
    this.tracker.resetProgress(this.id, this.log.lastIndex());
    this.pendingConfIndex = 0;
    this.uncommittedBytes = 0;
    this.readOnly = new ReadOnly();
    this.readsBeforeFirstCommit = [];
  }
}
