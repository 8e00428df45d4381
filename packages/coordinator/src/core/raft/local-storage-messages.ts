/**
 * The messages to the local storage threads, and their answers (async storage writes).
 * Kept apart from RawNode so that the rule "what rests on what" stands alone:
 *
 * - MsgStorageAppend carries entries, hard state and snapshot to write, and in `responses` what may leave once they are durable: the
 *   answers to other nodes, and a MsgStorageAppendResp to this one.
 * - MsgStorageApply carries committed entries to apply, and a MsgStorageApplyResp in `responses`.
 *
 * Each thread works in order, and a driver delivers its answers reliably and in order.
 */
import { createMessage } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import type { Entry, HardState, Message, Snapshot } from "./types.ts";
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD } from "./types.ts";

/** Undefined when there is nothing to write and nothing that waits for earlier writes. */
export function storageAppendMessage(
  raft: RaftState,
  entries: readonly Entry[],
  hardState: HardState | undefined,
  snapshot: Snapshot | undefined,
): Message | undefined {
  const waiting = raft.messagesAfterAppend;
  if (entries.length === 0 && hardState === undefined && snapshot === undefined && waiting.length === 0) return undefined;
  const response = storageAppendResponse(raft, snapshot);
  return createMessage("MsgStorageAppend", LOCAL_APPEND_THREAD, {
    from: raft.id,
    entries,
    // Without a hard state the three stay 0: term 0 is never written.
    term: hardState?.term ?? 0,
    vote: hardState?.vote ?? 0,
    commit: hardState?.commit ?? 0,
    snapshot,
    responses: response === undefined ? waiting : [...waiting, response],
  });
}

/**
 * What tells the core that its log is durable. Its term is the term of the write, and with entries still unstable it names the log's
 * last entry even if this write brings none: an earlier write of the same entries may have been answered in a term that is over, and
 * so ignored. Only an answer of the current term can attest them (ABA: a leader overwrote the entries, and another one restored them).
 */
export function storageAppendResponse(raft: RaftState, snapshot: Snapshot | undefined): Message | undefined {
  const unstable = raft.log.unstable.length > 0;
  if (!unstable && snapshot === undefined) return undefined;
  const last = unstable ? raft.log.lastEntryId() : { index: 0, term: 0 };
  return createMessage("MsgStorageAppendResp", raft.id, {
    from: LOCAL_APPEND_THREAD,
    term: raft.term,
    index: last.index,
    logTerm: last.term,
    snapshot,
  });
}

/** Committed entries belong to no term any more, so neither message has one. */
export function storageApplyMessage(raft: RaftState, entries: readonly Entry[]): Message {
  return createMessage("MsgStorageApply", LOCAL_APPLY_THREAD, {
    from: raft.id,
    entries,
    responses: [storageApplyResponse(raft, entries)],
  });
}

export function storageApplyResponse(raft: RaftState, entries: readonly Entry[]): Message {
  return createMessage("MsgStorageApplyResp", raft.id, { from: LOCAL_APPLY_THREAD, entries });
}
