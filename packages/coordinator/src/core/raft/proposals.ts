/**
 * Proposals at the leader: what is appended, what is dropped, and which conf changes are legal at this moment.
 *
 * Invariant: at most one conf change is unapplied at a time, and a joint configuration is left before the next change. An illegal one
 * becomes an empty entry, so that entries proposed with it keep their places.
 */
import type { ConfChange } from "./conf-change.ts";
import { asConfChangeV2, describeConfChange } from "./conf-change.ts";
import { decodeConfChange } from "./conf-change-codec.ts";
import { describeMembership, isJoint } from "./membership.ts";
import { NO_DATA } from "./message.ts";
import { invariant } from "./raft-invariant-error.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastAppend } from "./replication.ts";
import type { ConfChangeRefusal, StepOutcome } from "./step-outcome.ts";
import { dropped } from "./step-outcome.ts";
import type { Entry, Message } from "./types.ts";
import { NONE } from "./types.ts";

/** MsgProp at the leader. */
export function handleProposal(raft: RaftState, message: Message): StepOutcome {
  invariant(message.entries.length > 0, () => `${hex(raft.id)} stepped empty MsgProp`);
  if (raft.tracker.get(raft.id) === undefined) return dropped("notMember");
  if (raft.leadTransferee !== NONE) {
    raft.logger?.debug(
      `${hex(raft.id)} [term ${raft.term}] transfer leadership to ${hex(raft.leadTransferee)} is in progress; dropping proposal`,
    );
    return dropped("leaderTransferInProgress");
  }
  const firstIndex = raft.log.lastIndex() + 1;
  let confChangeRefused: ConfChangeRefusal | undefined;
  const entries = message.entries.map((entry, at) => {
    if (entry.type === "EntryNormal") return entry;
    const refusal = admitConfChange(raft, decodeConfChange(entry.type, entry.data), firstIndex + at);
    if (refusal === undefined) return entry;
    confChangeRefused = refusal;
    return EMPTY_ENTRY;
  });
  if (!raft.appendOwn(entries)) return dropped("uncommittedBytesLimit");
  broadcastAppend(raft);
  const lastIndex = firstIndex + entries.length - 1;
  const appended = { kind: "appended", firstIndex, lastIndex, term: raft.term } as const;
  return confChangeRefused === undefined ? appended : { ...appended, confChangeRefused };
}

const EMPTY_ENTRY: Entry = { term: 0, index: 0, type: "EntryNormal", data: NO_DATA };

function admitConfChange(raft: RaftState, change: ConfChange, index: number): ConfChangeRefusal | undefined {
  const refusal = whyIllegal(raft, change);
  if (refusal !== undefined && !raft.config.disableConfChangeValidation) {
    raft.logger?.info(
      `${hex(raft.id)} ignoring conf change ${describeConfChange(change)} at config ${describeMembership(raft.tracker.membership)}: ` +
        describeRefusal(raft, refusal),
    );
    return refusal;
  }
  raft.pendingConfIndex = index;
  return undefined;
}

/**
 * By this leader's view, which may be behind the log: a change is seen when it is applied. A change legal here may still be illegal
 * then, when the application must take it back.
 */
function whyIllegal(raft: RaftState, change: ConfChange): ConfChangeRefusal | undefined {
  if (raft.pendingConfIndex > raft.log.applied) return "pendingConfChange";
  const joint = isJoint(raft.tracker.membership);
  const wantsToLeave = asConfChangeV2(change).changes.length === 0;
  if (joint && !wantsToLeave) return "mustLeaveJointFirst";
  if (!joint && wantsToLeave) return "notJoint";
  return undefined;
}

function describeRefusal(raft: RaftState, refusal: ConfChangeRefusal): string {
  switch (refusal) {
    case "pendingConfChange":
      return `possible unapplied conf change at index ${raft.pendingConfIndex} (applied to ${raft.log.applied})`;
    case "mustLeaveJointFirst":
      return "must transition out of joint config first";
    case "notJoint":
      return "not in joint state; refusing empty conf change";
  }
}
