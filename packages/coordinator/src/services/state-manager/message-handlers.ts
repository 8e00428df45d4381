/** What a coordinator answers on the bus: proposals (only as leader), transcript pages, and who it is. */
import {
  type Command,
  limits,
  type ProposeReply,
  type ReadReply,
  type ReadTranscript,
  type TranscriptEvent,
  TriadError,
} from "@triad/protocol";
import { keys } from "../../core/state/keys.ts";
import type { StateReader } from "../../core/state/transaction.ts";
import { eventBytes } from "../../core/transcript/transcript.ts";
import type { ConsensusEngine } from "../consensus-engine/consensus-engine.ts";
import { ProposalError } from "../consensus-engine/proposal-queue.ts";
import type { MessageHandlers } from "../ports.ts";
import type { ClusterKnowledge, PeerAddress } from "./cluster-view.ts";

/** What a process other than a coordinator may propose; the rest is the leader's own or comes through HTTP. */
const FROM_WORKERS: ReadonlySet<Command["type"]> = new Set([
  "RegisterTeam",
  "RegisterWorker",
  "DrainWorker",
  "StepFinished",
  "StepFailed",
  "StepLost",
  "EffectIntended",
  "EffectDone",
]);

/** A worker that ends says so itself; that another one was lost is the leader's to say. */
function isLeaveTaking(command: Command, from: string): boolean {
  return command.type === "WorkerLost" && command.reason === "left" && command.worker === from;
}

export interface HandlerParts {
  readonly options: { readonly id: string; readonly cluster: string; readonly peers: readonly PeerAddress[] };
  readonly engine: ConsensusEngine;
  readonly knowledge: ClusterKnowledge;
  readonly state: StateReader;
}

export function messageHandlers(parts: HandlerParts): MessageHandlers {
  const { engine, options, knowledge, state } = parts;
  const coordinators = new Set(options.peers.map((peer) => peer.id));
  return {
    propose: (from, commands) => propose(engine, from, coordinators.has(from), commands),
    read: (request) => Promise.resolve(readTranscript(state, request)),
    discover: () => ({
      kind: "discovered",
      cluster: options.cluster,
      id: options.id,
      leader: engine.leader,
      term: engine.softState.term,
      http: options.peers.find((peer) => peer.id === options.id)?.http ?? "",
    }),
    heartbeat: (message) => engine.heartbeat(message),
    status: (message) => knowledge.hear(message),
  };
}

async function propose(
  engine: ConsensusEngine,
  from: string,
  fromCoordinator: boolean,
  commands: readonly Command[],
): Promise<ProposeReply> {
  if (!engine.leads) return { kind: "notLeader", leader: engine.leader };
  const foreign = fromCoordinator
    ? undefined
    : commands.find((command) => !FROM_WORKERS.has(command.type) && !isLeaveTaking(command, from));
  if (foreign !== undefined) return { kind: "refused", code: "TRIAD_BAD_REQUEST", message: `a worker cannot propose ${foreign.type}` };
  try {
    return { kind: "proposed", results: await Promise.all(commands.map((command) => engine.propose(command))) };
  } catch (error) {
    if (!(error instanceof ProposalError)) throw error;
    if (error.reason === "busy") return { kind: "refused", code: "TRIAD_OVERLOADED", message: "the leader has too much in flight" };
    // Lost or no longer leader: the sender repeats with the same fences and ids, wherever the leader is now.
    return { kind: "notLeader", leader: engine.leader };
  }
}

/** A page of a conversation's events. Any prefix of a hash chain is true, so this needs no barrier: the reader checks it against its root. */
function readTranscript(state: StateReader, request: ReadTranscript): ReadReply {
  const events: TranscriptEvent[] = [];
  let bytes = 0;
  for (let seq = Math.max(1, request.from); seq <= request.to; seq++) {
    const event = state.get(keys.event(request.conversation, seq)) as TranscriptEvent | undefined;
    if (event === undefined) break;
    bytes += eventBytes(event);
    if (bytes > limits.READ_PAGE_BYTES_MAX && events.length > 0) break;
    events.push(event);
  }
  if (events.length === 0) {
    const error = new TriadError("TRIAD_CONVERSATION_NOT_FOUND", `no events ${request.from}… of conversation ${request.conversation} here`);
    return { kind: "refused", code: error.code, message: error.message };
  }
  return { kind: "transcript", events };
}
