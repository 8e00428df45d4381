/**
 * Linearizable reads at the leader (ReadIndex and lease, thesis 6.4).
 *
 * Invariants: no read index is given out before the leader has committed an entry of its own term, because its commit index may lag
 * behind what earlier leaders committed; in `safe` mode it is given out only after a quorum answered a heartbeat sent later.
 */
import { createMessage } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastHeartbeat } from "./replication.ts";
import type { StepOutcome } from "./step-outcome.ts";
import { ACCEPTED, dropped } from "./step-outcome.ts";
import type { Message } from "./types.ts";
import { NONE } from "./types.ts";

/** Reads waiting for a quorum or for the first commit, each; a client that gets no answer asks again. */
export const PENDING_READS_MAX = 16_384;

/** MsgReadIndex at the leader. */
export function handleReadIndex(raft: RaftState, message: Message): StepOutcome {
  if (raft.readsBeforeFirstCommit.length + raft.readOnly.unconfirmedCount >= PENDING_READS_MAX) return dropped("pendingReadsLimit");
  // Also in a cluster of one: its commit index is not flushed by itself, and after a restart lags behind what it acknowledged.
  if (raft.committedInCurrentTerm()) serveRead(raft, message);
  else raft.readsBeforeFirstCommit.push(message);
  return ACCEPTED;
}

/** Called when the commit index moves: the first commit of the term lets the reads that waited for it go on. */
export function releaseReads(raft: RaftState): void {
  if (raft.readsBeforeFirstCommit.length === 0 || !raft.committedInCurrentTerm()) return;
  const waiting = raft.readsBeforeFirstCommit;
  raft.readsBeforeFirstCommit = [];
  for (const message of waiting) serveRead(raft, message);
}

/** A follower answered a heartbeat: the reads up to the position it echoes are confirmed by it. */
export function confirmReads(raft: RaftState, from: number, context: Uint8Array | undefined): void {
  if (raft.config.readOnly !== "safe" || context === undefined || context.length === 0) return;
  raft.readOnly.acknowledge(from, context);
  answerConfirmed(raft);
}

function serveRead(raft: RaftState, message: Message): void {
  if (raft.tracker.isSingleton() || raft.config.readOnly === "leaseBased") {
    answerRead(raft, message, raft.log.committed);
    return;
  }
  raft.readOnly.add(raft.log.committed, message);
  raft.readOnly.acknowledge(raft.id, raft.readOnly.heartbeatContext());
  broadcastHeartbeat(raft);
  // A joint pair of one and the same voter needs nobody else's answer, and gets none.
  answerConfirmed(raft);
}

function answerConfirmed(raft: RaftState): void {
  for (const { request, index } of raft.readOnly.takeConfirmed(raft.tracker.membership)) answerRead(raft, request, index);
}

function answerRead(raft: RaftState, request: Message, index: number): void {
  if (request.from === NONE || request.from === raft.id) {
    raft.readStates.push({ index, requestContext: request.entries[0]!.data });
    return;
  }
  raft.send("MsgReadIndexResp", request.from, { index, entries: request.entries });
}

/** A read request as this node's client makes it. */
export function readIndexRequest(context: Uint8Array): Message {
  return createMessage("MsgReadIndex", NONE, { entries: [{ term: 0, index: 0, type: "EntryNormal", data: context }] });
}
