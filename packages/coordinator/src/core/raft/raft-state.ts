/**
 * What one Raft node knows, and the transitions between roles. What is done with a message is elsewhere (raft.ts and the step files);
 * here is what all of that shares: state, sending, becoming.
 *
 * Invariants: `term` never falls; `vote` changes only from none, or with the term; `messagesAfterAppend` rests on state that is not
 * durable yet and leaves only after it is; a role change resets everything known of other members.
 */
import { payloadBytes } from "./entry-size.ts";
import type { MessageFields } from "./message.ts";
import { createMessageOfTerm, NO_DATA } from "./message.ts";
import { ProgressTracker } from "./progress-tracker.ts";
import type { ResolvedRaftConfig } from "./raft-config.ts";
import { invariant } from "./raft-invariant-error.ts";
import { RaftLog } from "./raft-log.ts";
import type { RaftLogger } from "./raft-logger.ts";
import { hex } from "./raft-logger.ts";
import { ReadOnly } from "./read-only.ts";
import type { Entry, Message, MessageType, ReadState, Role } from "./types.ts";
import { NONE } from "./types.ts";

export class RaftState {
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
    const appended = this.appendOwn([{ term: 0, index: 0, type: "EntryNormal", data: NO_DATA }]);
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

  /** Appends a leader's own entries. False when the bound on uncommitted bytes forbids it. */
  appendOwn(entries: readonly Entry[]): boolean {
    const size = payloadBytes(entries);
    // Empty entries (a new leader's, a leave-joint) always pass, and so does the first proposal, or a large one never could.
    if (this.uncommittedBytes > 0 && size > 0 && this.uncommittedBytes + size > this.config.maxUncommittedBytes) {
      this.logger?.warning(`${hex(this.id)} appending new entries to log would exceed uncommitted entry size limit; dropping proposal`);
      return false;
    }
    this.uncommittedBytes += size;
    const last = this.log.lastIndex();
    this.log.append(entries.map((entry, at) => ({ term: this.term, index: last + 1 + at, type: entry.type, data: entry.data })));
    // The leader acknowledges to itself like a follower, when its own write is durable: a quorum may not count on less.
    this.send("MsgAppResp", this.id, { index: last + entries.length });
    return true;
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
