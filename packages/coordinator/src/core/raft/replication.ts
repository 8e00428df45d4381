/**
 * The leader's sending side: entries, snapshots and heartbeats (§5.3).
 * Kept apart from the answers to them, which step-leader handles.
 *
 * Invariants: a heartbeat never names a commit index that its receiver is not known to hold; members are served in ascending id order.
 */
import { payloadBytes } from "./entry-size.ts";
import type { Progress } from "./progress.ts";
import { invariant } from "./raft-invariant-error.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import type { Snapshot } from "./types.ts";
import { RaftStorageError } from "./types.ts";

/** Sends what `to` lacks, or an empty append that tells the commit index. */
export function sendAppend(raft: RaftState, to: number): void {
  maybeSendAppend(raft, to, true);
}

/** False when nothing was sent: the flow is paused, or there is nothing to tell. */
export function maybeSendAppend(raft: RaftState, to: number, sendIfEmpty: boolean): boolean {
  const { log } = raft;
  const progress = raft.tracker.get(to)!;
  if (progress.paused) return false;
  const previousIndex = progress.next - 1;
  const previousTerm = log.term(previousIndex);
  if (previousTerm === undefined) return maybeSendSnapshot(raft, to, progress);
  // With a full window the flow is paused already, save for an empty append that a rejected or lost one calls for.
  const canSendEntries = progress.state !== "StateReplicate" || !progress.inflights.full;
  const result = canSendEntries ? log.entriesFrom(progress.next, raft.config.maxSizePerMessageBytes) : undefined;
  const entries = result?.kind === "entries" ? result.entries : [];
  if (entries.length === 0 && !sendIfEmpty) return false;
  if (result?.kind === "compacted") return maybeSendSnapshot(raft, to, progress);
  raft.send("MsgApp", to, { index: previousIndex, logTerm: previousTerm, entries, commit: log.committed });
  progress.sentEntries(entries.length, payloadBytes(entries));
  progress.sentCommitIndex(log.committed);
  return true;
}

/** Sends to everyone, also when there are no entries: the commit index may have moved. */
export function broadcastAppend(raft: RaftState): void {
  for (const id of raft.tracker.ids) {
    if (id !== raft.id) maybeSendAppend(raft, id, true);
  }
}

/** Sends to everyone who lacks entries. */
export function broadcastMissingEntries(raft: RaftState): void {
  for (const id of raft.tracker.ids) {
    if (id !== raft.id) maybeSendAppend(raft, id, false);
  }
}

/** A round of heartbeats, which also carries the reads that wait for confirmation. */
export function broadcastHeartbeat(raft: RaftState): void {
  const context = raft.readOnly.heartbeatContext();
  for (const id of raft.tracker.ids) {
    if (id === raft.id) continue;
    const progress = raft.tracker.get(id)!;
    // The receiver may lack the entries up to our commit index, and would have to take a wrong log for committed.
    const commit = Math.min(progress.match, raft.log.committed);
    raft.send("MsgHeartbeat", id, { commit, context });
    progress.sentCommitIndex(commit);
  }
}

function maybeSendSnapshot(raft: RaftState, to: number, progress: Progress): boolean {
  if (!progress.recentActive) {
    raft.logger?.debug(`ignore sending snapshot to ${hex(to)} since it is not recently active`);
    return false;
  }
  const snapshot = availableSnapshot(raft);
  if (snapshot === undefined) {
    raft.logger?.debug(`${hex(raft.id)} failed to send snapshot to ${hex(to)} because snapshot is temporarily unavailable`);
    return false;
  }
  invariant(snapshot.index !== 0, () => "need non-empty snapshot");
  raft.logger?.debug(
    `${hex(raft.id)} [firstindex: ${raft.log.firstIndex()}, commit: ${raft.log.committed}] sent ` +
      `snapshot[index: ${snapshot.index}, term: ${snapshot.term}] to ${hex(to)} [${progress}]`,
  );
  progress.becomeSnapshot(snapshot.index);
  raft.logger?.debug(`${hex(raft.id)} paused sending replication messages to ${hex(to)} [${progress}]`);
  raft.send("MsgSnap", to, { snapshot });
  return true;
}

/** Storage may need time to make one; the next heartbeat answer tries again. */
function availableSnapshot(raft: RaftState): Snapshot | undefined {
  try {
    return raft.log.snapshot();
  } catch (error) {
    if (error instanceof RaftStorageError && error.reason === "snapshotTemporarilyUnavailable") return undefined;
    throw error;
  }
}
