/**
 * What a follower does to its log at its leader's word: append, commit, install a snapshot (§5.3, §7).
 * Kept apart from step-follower because a candidate that finds a leader does the same.
 *
 * Invariants: committed entries are never replaced; entries are cut off only where they conflict; every answer waits until what it
 * promises is durable.
 */
import { switchToConfiguration } from "./apply-conf-change.ts";
import { restoreMembership } from "./membership-changer.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import type { Message, Snapshot } from "./types.ts";
import { NONE } from "./types.ts";

export function handleAppendEntries(raft: RaftState, message: Message): void {
  const { log } = raft;
  if (message.index < log.committed) {
    // Late: what it brings is committed here already. Say how far, so that the leader need not probe.
    raft.send("MsgAppResp", message.from, { index: log.committed });
    return;
  }
  const previous = { term: message.logTerm, index: message.index };
  const lastNew = log.maybeAppend(previous, message.entries, message.commit);
  if (lastNew !== undefined) {
    raft.send("MsgAppResp", message.from, { index: lastNew });
    return;
  }
  raft.logger?.debug(
    `${hex(raft.id)} [logterm: ${log.term(message.index) ?? 0}, index: ${message.index}] rejected MsgApp ` +
      `[logterm: ${message.logTerm}, index: ${message.index}] from ${hex(message.from)}`,
  );
  // Log matching makes everything of a higher term than the leader's previous entry wrong: hint below it, so that each round trip
  // skips a term and not an entry.
  const hint = log.findConflictByTerm(Math.min(message.index, log.lastIndex()), message.logTerm);
  raft.send("MsgAppResp", message.from, { index: message.index, reject: true, rejectHint: hint.index, logTerm: hint.term });
}

export function handleHeartbeat(raft: RaftState, message: Message): void {
  raft.log.commitTo(message.commit);
  raft.send("MsgHeartbeatResp", message.from, { context: message.context });
}

export function handleSnapshot(raft: RaftState, message: Message): void {
  const { snapshot } = message;
  if (snapshot === undefined) return;
  const restored = restore(raft, snapshot);
  raft.logger?.info(
    `${hex(raft.id)} [commit: ${raft.log.committed}] ${restored ? "restored" : "ignored"} snapshot ` +
      `[index: ${snapshot.index}, term: ${snapshot.term}]`,
  );
  raft.send("MsgAppResp", message.from, { index: restored ? raft.log.lastIndex() : raft.log.committed });
}

/** Replaces log and configuration by the snapshot. False when it brings nothing, or is not for this node. */
function restore(raft: RaftState, snapshot: Snapshot): boolean {
  const { log, logger } = raft;
  if (snapshot.index <= log.committed) return false;
  if (raft.role !== "StateFollower") {
    // Whoever handles a snapshot became a follower first; should that ever break, at least no one leads on a replaced log.
    logger?.warning(`${hex(raft.id)} attempted to restore snapshot as leader; should never happen`);
    raft.becomeFollower(raft.term + 1, NONE);
    return false;
  }
  const { confState } = snapshot;
  const members = [...confState.voters, ...confState.learners, ...confState.votersOutgoing];
  if (!members.includes(raft.id)) {
    logger?.warning(`${hex(raft.id)} attempted to restore snapshot but it is not in its configuration; should never happen`);
    return false;
  }
  if (log.matchTerm(snapshot)) {
    // The log holds the snapshot's entry, hence everything below it: keep the log, it may be longer.
    const last = log.lastEntryId();
    logger?.info(
      `${hex(raft.id)} [commit: ${log.committed}, lastindex: ${last.index}, lastterm: ${last.term}] fast-forwarded commit to ` +
        `snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`,
    );
    log.commitTo(snapshot.index);
    return false;
  }
  log.restore(snapshot);
  switchToConfiguration(raft, restoreMembership(raft.tracker, confState, log.lastIndex()), confState);
  const last = log.lastEntryId();
  logger?.info(
    `${hex(raft.id)} [commit: ${log.committed}, lastindex: ${last.index}, lastterm: ${last.term}] restored snapshot ` +
      `[index: ${snapshot.index}, term: ${snapshot.term}]`,
  );
  return true;
}
