/**
 * What a leader does with each message of its term: requests of clients, and answers of members to what it sent.
 * Kept apart from sending (replication.ts) and from proposals and reads, which have their own rules.
 */
import { advanceCommit } from "./commit.ts";
import type { Progress } from "./progress.ts";
import { handleProposal } from "./proposals.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import { confirmReads, handleReadIndex } from "./reads.ts";
import { broadcastHeartbeat, maybeSendAppend, sendAppend } from "./replication.ts";
import type { StepOutcome } from "./step-outcome.ts";
import { ACCEPTED } from "./step-outcome.ts";
import type { Message } from "./types.ts";
import { NONE } from "./types.ts";

export function stepLeader(raft: RaftState, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgProp":
      return handleProposal(raft, message);
    case "MsgReadIndex":
      return handleReadIndex(raft, message);
    case "MsgBeat":
      broadcastHeartbeat(raft);
      return ACCEPTED;
    case "MsgCheckQuorum":
      checkQuorum(raft);
      return ACCEPTED;
    case "MsgForgetLeader":
      return ACCEPTED;
    default:
      stepFromMember(raft, message);
      return ACCEPTED;
  }
}

/** Once an election timeout: a leader that no quorum answered meanwhile steps down (thesis 6.2). */
export function checkQuorum(raft: RaftState): void {
  if (!raft.tracker.quorumActive()) {
    raft.logger?.warning(`${hex(raft.id)} stepped down to follower since quorum is not active`);
    raft.becomeFollower(raft.term, NONE);
  }
  for (const id of raft.tracker.ids) {
    if (id !== raft.id) raft.tracker.get(id)!.recentActive = false;
  }
}

function stepFromMember(raft: RaftState, message: Message): void {
  const progress = raft.tracker.get(message.from);
  if (progress === undefined) {
    raft.logger?.debug(`${hex(raft.id)} no progress available for ${hex(message.from)}`);
    return;
  }
  switch (message.type) {
    case "MsgAppResp":
      progress.recentActive = true;
      if (message.reject) appendRejected(raft, message, progress);
      else appendAcknowledged(raft, message, progress);
      return;
    case "MsgHeartbeatResp":
      heartbeatAnswered(raft, message, progress);
      return;
    case "MsgSnapStatus":
      snapshotReported(raft, message, progress);
      return;
    case "MsgUnreachable":
      // What was sent optimistically is probably lost; find out by probing.
      if (progress.state === "StateReplicate") progress.becomeProbe();
      raft.logger?.debug(`${hex(raft.id)} failed to send message to ${hex(message.from)} because it is unreachable [${progress}]`);
      return;
    case "MsgTransferLeader":
      transferLeader(raft, message.from, progress);
      return;
    default:
      return;
  }
}

function appendRejected(raft: RaftState, message: Message, progress: Progress): void {
  const { from, index, rejectHint, logTerm } = message;
  raft.logger?.debug(
    `${hex(raft.id)} received MsgAppResp(rejected, hint: (index ${rejectHint}, term ${logTerm})) from ${hex(from)} for index ${index}`,
  );
  // The hint's term lets the leader skip its own entries of higher terms, as the follower skipped its own.
  const nextProbe = logTerm > 0 ? raft.log.findConflictByTerm(rejectHint, logTerm).index : rejectHint;
  if (!progress.maybeDecrementTo(index, nextProbe)) return;
  raft.logger?.debug(`${hex(raft.id)} decreased progress of ${hex(from)} to [${progress}]`);
  if (progress.state === "StateReplicate") progress.becomeProbe();
  sendAppend(raft, from);
}

function appendAcknowledged(raft: RaftState, message: Message, progress: Progress): void {
  const { from, index } = message;
  // An answer to a probe may bring no new match and still show where the logs meet.
  const news = progress.maybeUpdate(index) || (progress.match === index && progress.state === "StateProbe");
  if (!news) return;
  if (progress.state === "StateProbe") {
    progress.becomeReplicate();
  } else if (progress.state === "StateSnapshot") {
    // Any ack that reaches the leader's log will do, also one that does not come from the snapshot sent.
    if (progress.match + 1 >= raft.log.firstIndex()) {
      raft.logger?.debug(
        `${hex(raft.id)} recovered from needing snapshot, resumed sending replication messages to ${hex(from)} [${progress}]`,
      );
      progress.becomeProbe();
      progress.becomeReplicate();
    }
  } else {
    progress.inflights.freeUpTo(index);
  }
  if (!advanceCommit(raft) && from !== raft.id && progress.canBumpCommit(raft.log.committed)) {
    // It may have missed the commit index that went out while it was paused or when a message was lost.
    sendAppend(raft, from);
  }
  if (from !== raft.id) {
    // The acknowledgement may have opened the window by more than one message.
    while (maybeSendAppend(raft, from, false));
  }
  if (from === raft.leadTransferee && progress.match === raft.log.lastIndex()) {
    raft.logger?.info(`${hex(raft.id)} sent MsgTimeoutNow to ${hex(from)} after received MsgAppResp`);
    raft.send("MsgTimeoutNow", from, {});
  }
}

function heartbeatAnswered(raft: RaftState, message: Message, progress: Progress): void {
  progress.recentActive = true;
  progress.appendFlowPaused = false;
  // Entries or their acknowledgement may have been lost: an append, even an empty one, brings the answer that sets things right.
  if (progress.match < raft.log.lastIndex() || progress.state === "StateProbe") sendAppend(raft, message.from);
  confirmReads(raft, message.from, message.context);
}

function snapshotReported(raft: RaftState, message: Message, progress: Progress): void {
  if (progress.state !== "StateSnapshot") return;
  // After a failure probing starts where it was before the snapshot, not after it.
  if (message.reject) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  raft.logger?.debug(
    `${hex(raft.id)} snapshot ${message.reject ? "failed" : "succeeded"}, resumed sending replication messages to ` +
      `${hex(message.from)} [${progress}]`,
  );
  // After a success the member's own acknowledgement comes soon; after a failure it needs a rest. Wait for either.
  progress.appendFlowPaused = true;
}

function transferLeader(raft: RaftState, to: number, progress: Progress): void {
  const { logger, term } = raft;
  if (progress.isLearner) {
    logger?.debug(`${hex(raft.id)} is learner. Ignored transferring leadership`);
    return;
  }
  const previous = raft.leadTransferee;
  if (previous !== NONE) {
    if (previous === to) {
      logger?.info(
        `${hex(raft.id)} [term ${term}] transfer leadership to ${hex(to)} is in progress, ignores request to same node ${hex(to)}`,
      );
      return;
    }
    raft.abortLeaderTransfer();
    logger?.info(`${hex(raft.id)} [term ${term}] abort previous transferring leadership to ${hex(previous)}`);
  }
  if (to === raft.id) {
    logger?.debug(`${hex(raft.id)} is already leader. Ignored transferring leadership to self`);
    return;
  }
  logger?.info(`${hex(raft.id)} [term ${term}] starts to transfer leadership to ${hex(to)}`);
  // The hand-over must be done within an election timeout, counted from now.
  raft.electionElapsed = 0;
  raft.leadTransferee = to;
  if (progress.match === raft.log.lastIndex()) {
    raft.send("MsgTimeoutNow", to, {});
    logger?.info(`${hex(raft.id)} sends MsgTimeoutNow to ${hex(to)} immediately as ${hex(to)} already has up-to-date log`);
  } else {
    sendAppend(raft, to);
  }
}
