/**
 * What a message's term means before its content is looked at (§5.1): a higher one is adopted, a lower one answered or ignored.
 * Kept apart from the roles, because these rules hold in all of them.
 */
import { snapshotStable } from "./applied.ts";
import { sameBytes, TRANSFER_CONTEXT } from "./campaign-context.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import type { Message } from "./types.ts";
import { NONE } from "./types.ts";

/** Handles a message of a higher term. False when it must not be processed further. */
export function adoptHigherTerm(raft: RaftState, message: Message): boolean {
  if ((message.type === "MsgVote" || message.type === "MsgPreVote") && refusedByLease(raft, message)) return false;
  // A pre-vote asks about a term nobody is in yet; a granted one answers with the term asked about.
  if (message.type === "MsgPreVote" || (message.type === "MsgPreVoteResp" && !message.reject)) return true;
  raft.logger?.info(
    `${hex(raft.id)} [term: ${raft.term}] received a ${message.type} message with higher term from ${hex(message.from)} [term: ${message.term}]`,
  );
  const fromLeader = message.type === "MsgApp" || message.type === "MsgHeartbeat" || message.type === "MsgSnap";
  raft.becomeFollower(message.term, fromLeader ? message.from : NONE);
  return true;
}

/** Handles a message of a lower term; there is nothing further to process. */
export function answerLowerTerm(raft: RaftState, message: Message): void {
  const { config, logger, term } = raft;
  if ((config.checkQuorum || config.preVote) && (message.type === "MsgHeartbeat" || message.type === "MsgApp")) {
    // A leader cut off in an old term ignores our votes if we are in its lease, and we ignore its messages: without this answer,
    // which carries our term, neither would ever move. With neither option on, our own campaign moves it.
    raft.send("MsgAppResp", message.from, {});
  } else if (message.type === "MsgPreVote") {
    // Before pre-vote is on everywhere, silence could leave two nodes of different terms both waiting.
    const last = raft.log.lastEntryId();
    logger?.info(
      `${hex(raft.id)} [logterm: ${last.term}, index: ${last.index}, vote: ${hex(raft.vote)}] rejected ${message.type} from ` +
        `${hex(message.from)} [logterm: ${message.logTerm}, index: ${message.index}] at term ${term}`,
    );
    raft.send("MsgPreVoteResp", message.from, { term, reject: true });
  } else if (message.type === "MsgStorageAppendResp") {
    // The entries may have been overwritten since, by a leader whose write is still under way: only writes of this term count.
    // A snapshot is committed state and cannot be overwritten, so it counts in any term.
    if (message.index !== 0) {
      logger?.info(
        `${hex(raft.id)} [term: ${term}] ignored entry appends from a ${message.type} message with lower term [term: ${message.term}]`,
      );
    }
    if (message.snapshot !== undefined) snapshotStable(raft, message.snapshot);
  } else {
    logger?.info(
      `${hex(raft.id)} [term: ${term}] ignored a ${message.type} message with lower term from ${hex(message.from)} [term: ${message.term}]`,
    );
  }
}

/** Within an election timeout of its leader's last word a node takes part in no election (§6, thesis 4.2.3) unless the leader asks. */
function refusedByLease(raft: RaftState, message: Message): boolean {
  const { electionTick, checkQuorum } = raft.config;
  const inLease = checkQuorum && raft.lead !== NONE && raft.electionElapsed < electionTick;
  if (!inLease || sameBytes(message.context, TRANSFER_CONTEXT)) return false;
  const last = raft.log.lastEntryId();
  raft.logger?.info(
    `${hex(raft.id)} [logterm: ${last.term}, index: ${last.index}, vote: ${hex(raft.vote)}] ignored ${message.type} from ` +
      `${hex(message.from)} [logterm: ${message.logTerm}, index: ${message.index}] at term ${raft.term}: lease is not expired ` +
      `(remaining ticks: ${electionTick - raft.electionElapsed})`,
  );
  return true;
}
