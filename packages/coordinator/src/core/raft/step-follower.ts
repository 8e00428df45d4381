/**
 * What a follower does with each message of its term: follow the leader, pass requests on to it, start an election when told to.
 */
import { startElection } from "./elections.ts";
import { handleAppendEntries, handleHeartbeat, handleSnapshot } from "./follower-log.ts";
import { hex } from "./raft-logger.ts";
import type { RaftState } from "./raft-state.ts";
import type { StepOutcome } from "./step-outcome.ts";
import { ACCEPTED, dropped } from "./step-outcome.ts";
import type { Message } from "./types.ts";
import { NONE } from "./types.ts";

export function stepFollower(raft: RaftState, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgApp":
      heardFromLeader(raft, message.from);
      handleAppendEntries(raft, message);
      return ACCEPTED;
    case "MsgHeartbeat":
      heardFromLeader(raft, message.from);
      handleHeartbeat(raft, message);
      return ACCEPTED;
    case "MsgSnap":
      heardFromLeader(raft, message.from);
      handleSnapshot(raft, message);
      return ACCEPTED;
    case "MsgProp":
      return forwardProposal(raft, message);
    case "MsgTransferLeader":
      return forward(raft, message, "leader transfer msg");
    case "MsgReadIndex":
      return forward(raft, message, "index reading msg");
    case "MsgReadIndexResp":
      receiveReadIndex(raft, message);
      return ACCEPTED;
    case "MsgForgetLeader":
      return forgetLeader(raft);
    case "MsgTimeoutNow":
      raft.logger?.info(
        `${hex(raft.id)} [term ${raft.term}] received MsgTimeoutNow from ${hex(message.from)} and starts an election to get leadership.`,
      );
      // Without pre-vote even when it is on: the leader agrees, so this is no disturbance.
      startElection(raft, "transfer");
      return ACCEPTED;
    default:
      return ACCEPTED;
  }
}

function heardFromLeader(raft: RaftState, leader: number): void {
  raft.electionElapsed = 0;
  raft.lead = leader;
}

function forwardProposal(raft: RaftState, message: Message): StepOutcome {
  if (raft.lead === NONE) {
    raft.logger?.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
    return dropped("noLeader");
  }
  if (raft.config.disableProposalForwarding) {
    raft.logger?.info(`${hex(raft.id)} not forwarding to leader ${hex(raft.lead)} at term ${raft.term}; dropping proposal`);
    return dropped("forwardingDisabled");
  }
  raft.forwardToLeader(message);
  return { kind: "forwarded", to: raft.lead };
}

function forward(raft: RaftState, message: Message, what: string): StepOutcome {
  if (raft.lead === NONE) {
    raft.logger?.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping ${what}`);
    return dropped("noLeader");
  }
  raft.forwardToLeader(message);
  return { kind: "forwarded", to: raft.lead };
}

function receiveReadIndex(raft: RaftState, message: Message): void {
  const [request] = message.entries;
  if (request === undefined || message.entries.length !== 1) {
    raft.logger?.error(
      `${hex(raft.id)} invalid format of MsgReadIndexResp from ${hex(message.from)}, entries count: ${message.entries.length}`,
    );
    return;
  }
  raft.readStates.push({ index: message.index, requestContext: request.data });
}

/** The application knows that the leader is dead: be ready to vote before the election timeout. */
function forgetLeader(raft: RaftState): StepOutcome {
  if (raft.config.readOnly === "leaseBased") {
    raft.logger?.error("ignoring MsgForgetLeader due to ReadOnlyLeaseBased");
    return dropped("leaseBasedReads");
  }
  if (raft.lead !== NONE) {
    raft.logger?.info(`${hex(raft.id)} forgetting leader ${hex(raft.lead)} at term ${raft.term}`);
    raft.lead = NONE;
  }
  return ACCEPTED;
}
