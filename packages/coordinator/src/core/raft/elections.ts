/**
 * Elections: campaigning, answering vote requests, counting votes (§5.2, §5.4.1; pre-vote: thesis 9.6).
 * Kept apart from the transitions themselves, which raft.ts owns.
 *
 * Invariants: at most one real vote a term, durable before it is sent (votes wait in messagesAfterAppend, also the candidate's own);
 * a pre-vote changes nothing at the voter; nobody campaigns with a committed conf change unapplied, as it could count by an old quorum.
 */
import { TRANSFER_CONTEXT } from "./campaign-context.ts";
import { handleAppendEntries, handleHeartbeat, handleSnapshot } from "./follower-log.ts";
import { voterIds } from "./membership.ts";
import { invariant } from "./raft-invariant-error.ts";
import type { EntryId } from "./raft-log.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastAppend } from "./replication.ts";
import type { StepOutcome } from "./step-outcome.ts";
import { ACCEPTED, dropped } from "./step-outcome.ts";
import type { Message, MessageType } from "./types.ts";
import { NONE } from "./types.ts";

/** `transfer`: the leader asked for it, so pre-vote and leases are passed over. */
export type CampaignType = "preElection" | "election" | "transfer";

export function campaignTypeFor(raft: RaftState): CampaignType {
  return raft.config.preVote ? "preElection" : "election";
}

/** Campaigns, if this node may. */
export function startElection(raft: RaftState, type: CampaignType): void {
  if (raft.role === "StateLeader") {
    raft.logger?.debug(`${hex(raft.id)} ignoring MsgHup because already leader`);
    return;
  }
  if (!raft.promotable()) {
    raft.logger?.warning(`${hex(raft.id)} is unpromotable and can not campaign`);
    return;
  }
  if (hasUnappliedConfChanges(raft)) {
    raft.logger?.warning(
      `${hex(raft.id)} cannot campaign at term ${raft.term} since there are still pending configuration changes to apply`,
    );
    return;
  }
  raft.logger?.info(`${hex(raft.id)} is starting a new election at term ${raft.term}`);
  campaign(raft, type);
}

function campaign(raft: RaftState, type: CampaignType): void {
  const pre = type === "preElection";
  if (pre) raft.becomePreCandidate();
  else raft.becomeCandidate();
  const request: MessageType = pre ? "MsgPreVote" : "MsgVote";
  // A pre-candidate asks for the term it would campaign in.
  const term = pre ? raft.term + 1 : raft.term;
  const last = raft.log.lastEntryId();
  const context = type === "transfer" ? TRANSFER_CONTEXT : undefined;
  for (const id of voterIds(raft.tracker.membership)) {
    if (id === raft.id) {
      // A vote for oneself is counted like any other: by the answer, once it is durable.
      raft.send(responseTo(request), id, { term });
      continue;
    }
    raft.logger?.info(
      `${hex(raft.id)} [logterm: ${last.term}, index: ${last.index}] sent ${request} request to ${hex(id)} at term ${raft.term}`,
    );
    raft.send(request, id, { term, index: last.index, logTerm: last.term, context });
  }
}

/** MsgVote and MsgPreVote, in any role, of this term or (pre-votes) of a later one. */
export function handleVoteRequest(raft: RaftState, message: Message): void {
  const canVote =
    // A repeated request gets the same answer: the first one may have been lost.
    raft.vote === message.from ||
    // No vote yet, and no leader known: with one, this term's election is over.
    (raft.vote === NONE && raft.lead === NONE) ||
    (message.type === "MsgPreVote" && message.term > raft.term);
  const last = raft.log.lastEntryId();
  const candidateLast = { term: message.logTerm, index: message.index };
  // A learner votes when asked: the candidate may know that it was promoted, while it does not yet itself.
  if (!canVote || !raft.log.isUpToDate(candidateLast)) {
    logVote(raft, "rejected", "from", message, last);
    raft.send(responseTo(message.type), message.from, { term: raft.term, reject: true });
    return;
  }
  logVote(raft, "cast", "for", message, last);
  // With the term of the request, not ours: the candidate's is the one that must match, and for pre-votes they differ.
  raft.send(responseTo(message.type), message.from, { term: message.term });
  if (message.type === "MsgVote") {
    raft.electionElapsed = 0;
    raft.vote = message.from;
  }
}

export function stepCandidate(raft: RaftState, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgProp":
      raft.logger?.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
      return dropped("noLeader");
    case "MsgReadIndex":
      return dropped("noLeader");
    case "MsgApp":
      raft.becomeFollower(message.term, message.from);
      handleAppendEntries(raft, message);
      return ACCEPTED;
    case "MsgHeartbeat":
      raft.becomeFollower(message.term, message.from);
      handleHeartbeat(raft, message);
      return ACCEPTED;
    case "MsgSnap":
      raft.becomeFollower(message.term, message.from);
      handleSnapshot(raft, message);
      return ACCEPTED;
    case "MsgVoteResp":
    case "MsgPreVoteResp":
      // A late pre-vote is no vote, and the other way round.
      if ((message.type === "MsgPreVoteResp") === (raft.role === "StatePreCandidate")) countVote(raft, message);
      return ACCEPTED;
    case "MsgTimeoutNow":
      raft.logger?.debug(`${hex(raft.id)} [term ${raft.term} state ${raft.role}] ignored MsgTimeoutNow from ${hex(message.from)}`);
      return ACCEPTED;
    default:
      return ACCEPTED;
  }
}

function countVote(raft: RaftState, message: Message): void {
  const { type, from, reject } = message;
  raft.logger?.info(`${hex(raft.id)} received ${type}${reject ? " rejection" : ""} from ${hex(from)} at term ${raft.term}`);
  raft.tracker.recordVote(from, !reject);
  const { granted, rejected, result } = raft.tracker.tallyVotes();
  raft.logger?.info(`${hex(raft.id)} has received ${granted} ${type} votes and ${rejected} vote rejections`);
  if (result === "VoteWon") {
    if (raft.role === "StatePreCandidate") {
      campaign(raft, "election");
    } else {
      raft.becomeLeader();
      broadcastAppend(raft);
    }
  } else if (result === "VoteLost") {
    // Of this term, also after a lost pre-vote: it is ours, the asked-for one was never entered.
    raft.becomeFollower(raft.term, NONE);
  }
}

function hasUnappliedConfChanges(raft: RaftState): boolean {
  const { log } = raft;
  let low = log.applied + 1;
  while (low <= log.committed) {
    const page = log.slice(low, log.committed + 1, log.maxApplyingBytes);
    invariant(page.kind === "entries", () => `unapplied entries from ${low} are compacted`);
    if (page.entries.some((entry) => entry.type !== "EntryNormal")) return true;
    low += page.entries.length;
  }
  return false;
}

function responseTo(request: MessageType): MessageType {
  return request === "MsgPreVote" ? "MsgPreVoteResp" : "MsgVoteResp";
}

function logVote(raft: RaftState, verb: string, preposition: string, message: Message, last: EntryId): void {
  raft.logger?.info(
    `${hex(raft.id)} [logterm: ${last.term}, index: ${last.index}, vote: ${hex(raft.vote)}] ${verb} ${message.type} ${preposition} ` +
      `${hex(message.from)} [logterm: ${message.logTerm}, index: ${message.index}] at term ${raft.term}`,
  );
}
