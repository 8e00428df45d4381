/**
 * Runs etcd's interaction scenarios on our core: a set of nodes with storage in memory, the messages under way, and one output text
 * per directive, in etcd's format. The commands and their output are those of the rafttest package; the core is ours.
 */
import type { ConfChange, ConfChangeTransition } from "../../src/core/raft/conf-change.ts";
import { decodeConfChange } from "../../src/core/raft/conf-change-codec.ts";
import { hasVoter } from "../../src/core/raft/membership.ts";
import { MemoryStorage } from "../../src/core/raft/memory-storage.ts";
import { isLocalTarget } from "../../src/core/raft/message.ts";
import { type RaftConfig, RawNode } from "../../src/core/raft/raw-node.ts";
import type { StepOutcome } from "../../src/core/raft/step-outcome.ts";
import {
  type ConfState,
  type Entry,
  type HardState,
  type Message,
  NONE,
  RaftStorageError,
  type Snapshot,
} from "../../src/core/raft/types.ts";
import type { Directive } from "./datadriven.ts";
import { describeEntries, describeMessage, describeReady, parseConfChanges } from "./describe.ts";
import { ScenarioOutput } from "./scenario-output.ts";

const ELECTION_TICK = 3;
const HEARTBEAT_TICK = 1;
const EMPTY_CONF_STATE: ConfState = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

/** Hands out the snapshot of the last applied entry, whatever the log was compacted to. */
class ScenarioStorage extends MemoryStorage {
  readonly history: Snapshot[];
  constructor(initial: Snapshot) {
    super();
    this.history = [initial];
  }
  override snapshot(): Snapshot {
    return this.history.at(-1)!;
  }
}

interface ScenarioNode {
  readonly id: number;
  readonly raw: RawNode;
  readonly storage: ScenarioStorage;
  readonly asyncStorageWrites: boolean;
  readonly appendWork: Message[];
  readonly applyWork: Message[];
}

interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

/** What a directive reports instead of doing its work. */
class ScenarioError extends Error {}

export class InteractionEnvironment {
  readonly #nodes: ScenarioNode[] = [];
  #messages: Message[] = [];
  readonly #output = new ScenarioOutput();

  /** The output of one directive. */
  run(directive: Directive): string {
    this.#output.clear();
    try {
      this.#dispatch(directive);
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      if (this.#output.quiet) return error.message;
      this.#output.write(error.message);
    }
    const text = this.#output.text;
    return text === "" ? "ok" : text;
  }

  #dispatch(directive: Directive): void {
    const ids = nodeIds(directive);
    const [first = 0, second = 0] = ids;
    switch (directive.command) {
      case "_breakpoint":
        return;
      case "add-nodes":
        this.#addNodes(directive);
        return;
      case "campaign":
        this.#node(first).raw.campaign();
        return;
      case "compact":
        this.#compact(this.#node(first), second);
        this.#raftLog(this.#node(first));
        return;
      case "deliver-msgs":
        this.#deliverMessagesCommand(directive);
        return;
      case "process-ready":
        this.#forEach(ids, "handling Ready", (node) => this.#processReady(node));
        return;
      case "process-append-thread":
        this.#forEach(ids, "processing append thread", (node) => this.#processAppendThread(node));
        return;
      case "process-apply-thread":
        this.#forEach(ids, "processing apply thread", (node) => this.#processApplyThread(node));
        return;
      case "log-level":
        this.#output.setLevel(directive.arguments[0]!.key);
        return;
      case "raft-log":
        this.#raftLog(this.#node(first));
        return;
      case "raft-state":
        this.#raftState();
        return;
      case "set-randomized-election-timeout":
        this.#node(first).raw.setRandomizedElectionTimeout(Number(value(directive, "timeout")));
        return;
      case "stabilize":
        this.#stabilizeCommand(directive, ids);
        return;
      case "status":
        for (const progress of this.#node(first).raw.status().progress) {
          this.#output.write(`${progress.id}: ${progress.description}\n`);
        }
        return;
      case "tick-election":
        this.#tick(this.#node(first), ELECTION_TICK);
        return;
      case "tick-heartbeat":
        this.#tick(this.#node(first), HEARTBEAT_TICK);
        return;
      case "transfer-leadership":
        this.#node(Number(value(directive, "from"))).raw.transferLeader(Number(value(directive, "to")));
        return;
      case "forget-leader":
        this.#node(first).raw.forgetLeader();
        return;
      case "send-snapshot":
        this.#sendSnapshot(this.#node(first), second);
        return;
      case "propose":
        failIfDropped(this.#node(first).raw.propose(new TextEncoder().encode(directive.arguments[1]!.key)));
        return;
      case "propose-conf-change":
        failIfDropped(this.#node(first).raw.proposeConfChange(parseProposedChange(directive)));
        return;
      case "report-unreachable":
        this.#node(first).raw.reportUnreachable(second);
        return;
      default:
        throw new Error(`line ${directive.line}: unknown command ${directive.command}`);
    }
  }

  #addNodes(directive: Directive): void {
    const count = Number(directive.arguments[0]!.key);
    const all = (key: string): readonly string[] => directive.arguments.find((one) => one.key === key)?.values ?? [];
    const one = (key: string): string | undefined => all(key)[0];
    const flag = (key: string): boolean => one(key) === "true";
    const index = Number(one("index") ?? 0);
    const confState: ConfState = { ...EMPTY_CONF_STATE, voters: all("voters").map(Number), learners: all("learners").map(Number) };
    const bootstrap = index !== 0 || confState.voters.length > 0 || confState.learners.length > 0;
    if (bootstrap && index <= 1) throw new ScenarioError("index must be specified as > 1 due to bootstrap");
    const content = new TextEncoder().encode(one("content") ?? "");
    const snapshot: Snapshot = { index, term: bootstrap ? 1 : 0, confState, data: content };
    const committedBytes = one("max-committed-size-per-ready");
    for (let added = 0; added < count; added++) {
      const storage = new ScenarioStorage(snapshot);
      if (bootstrap) storage.applySnapshot(snapshot);
      const config: RaftConfig = {
        id: this.#nodes.length + 1,
        electionTick: ELECTION_TICK,
        heartbeatTick: HEARTBEAT_TICK,
        storage,
        applied: index,
        maxSizePerMessageBytes: Number.POSITIVE_INFINITY,
        maxCommittedSizePerReadyBytes: committedBytes === undefined ? Number.POSITIVE_INFINITY : Number(committedBytes),
        maxInflightMessages: Number(one("inflight") ?? Number.MAX_SAFE_INTEGER),
        asyncStorageWrites: flag("async-storage-writes"),
        preVote: flag("prevote"),
        checkQuorum: flag("checkquorum"),
        disableConfChangeValidation: flag("disable-conf-change-validation"),
        stepDownOnRemoval: flag("step-down-on-removal"),
        readOnly: one("read-only") === "lease-based" ? "leaseBased" : "safe",
        // Scenarios that depend on the timeout set it by command.
        rng: () => 0,
        logger: this.#output,
      };
      const { id, asyncStorageWrites = false } = config;
      this.#nodes.push({ id, raw: new RawNode(config), storage, asyncStorageWrites, appendWork: [], applyWork: [] });
    }
  }

  #node(id: number): ScenarioNode {
    const node = this.#nodes[id - 1];
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  #forEach(ids: readonly number[], what: string, work: (node: ScenarioNode) => void): void {
    for (const id of ids) {
      if (ids.length === 1) work(this.#node(id));
      else this.#section(`> ${id} ${what}\n`, () => work(this.#node(id)));
    }
  }

  #section(title: string, work: () => void): void {
    this.#output.write(title);
    this.#output.indented(work);
  }

  #tick(node: ScenarioNode, ticks: number): void {
    for (let tick = 0; tick < ticks; tick++) node.raw.tick();
  }

  #processReady(node: ScenarioNode): void {
    const ready = node.raw.ready();
    this.#output.write(describeReady(ready));
    if (!node.asyncStorageWrites) {
      this.#write(node, ready.hardState, ready.entries, ready.snapshot);
      this.#apply(node, ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (message.type === "MsgStorageAppend") node.appendWork.push(message);
      else if (message.type === "MsgStorageApply") node.applyWork.push(message);
      else this.#messages.push(message);
    }
    if (!node.asyncStorageWrites) node.raw.advance();
  }

  #processAppendThread(node: ScenarioNode): void {
    const message = node.appendWork.shift();
    if (message === undefined) {
      this.#output.write("no append work to perform");
      return;
    }
    const { term, vote, commit, snapshot } = message;
    const hardState = term === 0 && vote === NONE && commit === 0 ? undefined : { term, vote, commit };
    this.#processThread(message, () => this.#write(node, hardState, message.entries, snapshot));
  }

  #processApplyThread(node: ScenarioNode): void {
    const message = node.applyWork.shift();
    if (message === undefined) {
      this.#output.write("no apply work to perform");
      return;
    }
    this.#processThread(message, () => this.#apply(node, message.entries));
  }

  #processThread(message: Message, work: () => void): void {
    const { responses = [], ...bare } = message;
    this.#output.write(`Processing:\n${describeMessage(bare)}\n`);
    work();
    this.#output.write(`Responses:\n${responses.map((response) => `${describeMessage(response)}\n`).join("")}`);
    this.#messages.push(...responses);
  }

  #write(node: ScenarioNode, hardState: HardState | undefined, entries: readonly Entry[], snapshot: Snapshot | undefined): void {
    if (hardState !== undefined) node.storage.setHardState(hardState);
    if (snapshot === undefined) {
      node.storage.append(entries);
      return;
    }
    if (entries.length > 0) throw new ScenarioError("can't apply snapshot and entries at the same time");
    if (!node.storage.applySnapshot(snapshot)) throw new ScenarioError("requested index is older than the existing snapshot");
  }

  /** The state machine appends: its state is all data applied so far. */
  #apply(node: ScenarioNode, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const last = node.storage.history.at(-1)!;
      let update = entry.data;
      let confState = last.confState;
      if (entry.type !== "EntryNormal") {
        const change = decodeConfChange(entry.type, entry.data);
        update = change.context ?? new Uint8Array(0);
        confState = node.raw.applyConfChange(change);
      }
      const data = new Uint8Array([...last.data, ...update]);
      node.storage.history.push({ index: entry.index, term: entry.term, confState, data });
    }
  }

  #deliverMessagesCommand(directive: Directive): void {
    const recipients: Recipient[] = [];
    for (const { key, values } of directive.arguments) {
      if (values.length === 0) recipients.push({ id: Number(key), drop: false });
      else if (key === "drop") recipients.push(...values.map((id) => ({ id: Number(id), drop: true })));
    }
    const [type] = directive.arguments.find((one) => one.key === "type")?.values ?? [];
    const delivered = recipients.map((recipient) => this.#deliverMessages(recipient, type)).reduce((sum, count) => sum + count, 0);
    if (delivered === 0) this.#output.write("no messages\n");
  }

  #deliverMessages(recipient: Recipient, type?: string): number {
    const chosen = this.#messages.filter((message) => isFor(message, recipient, type));
    this.#messages = this.#messages.filter((message) => !isFor(message, recipient, type));
    for (const message of chosen) {
      this.#output.write(`${recipient.drop ? "dropped: " : ""}${describeMessage(message)}\n`);
      if (recipient.drop) continue;
      const failure = failureOf(this.#node(message.to).raw.step(message));
      if (failure !== undefined && (failure !== PROPOSAL_DROPPED || message.type === "MsgProp")) this.#output.write(`${failure}\n`);
    }
    return chosen.length;
  }

  #stabilizeCommand(directive: Directive, ids: readonly number[]): void {
    const level = directive.arguments.find((one) => one.key === "log-level")?.values[0];
    const nodes = ids.length > 0 ? ids.map((id) => this.#node(id)) : this.#nodes;
    const previous = this.#output.level;
    if (level !== undefined) this.#output.setLevel(level);
    try {
      while (this.#stabilizeRound(nodes));
    } finally {
      this.#output.level = previous;
    }
  }

  #stabilizeRound(nodes: readonly ScenarioNode[]): boolean {
    let progressed = false;
    for (const node of nodes) {
      if (!node.raw.hasReady()) continue;
      this.#section(`> ${node.id} handling Ready\n`, () => this.#processReady(node));
      progressed = true;
    }
    for (const node of nodes) {
      const recipient = { id: node.id, drop: false };
      if (!this.#messages.some((message) => isFor(message, recipient))) continue;
      this.#section(`> ${node.id} receiving messages\n`, () => this.#deliverMessages(recipient));
      progressed = true;
    }
    for (const node of nodes) {
      if (node.appendWork.length === 0) continue;
      this.#output.write(`> ${node.id} processing append thread\n`);
      while (node.appendWork.length > 0) this.#output.indented(() => this.#processAppendThread(node));
      progressed = true;
    }
    for (const node of nodes) {
      if (node.applyWork.length === 0) continue;
      this.#output.write(`> ${node.id} processing apply thread\n`);
      while (node.applyWork.length > 0) this.#output.indented(() => this.#processApplyThread(node));
      progressed = true;
    }
    return progressed;
  }

  #compact(node: ScenarioNode, index: number): void {
    try {
      node.storage.compact(index);
    } catch (error) {
      if (!(error instanceof RaftStorageError)) throw error;
      throw new ScenarioError("requested index is unavailable due to compaction");
    }
  }

  #raftLog(node: ScenarioNode): void {
    const first = node.storage.firstIndex();
    const last = node.storage.lastIndex();
    if (last < first) this.#output.write(`log is empty: first index=${first}, last index=${last}`);
    else this.#output.write(describeEntries(node.storage.entries(first, last + 1, Number.POSITIVE_INFINITY)));
  }

  #raftState(): void {
    for (const { raw } of this.#nodes) {
      const { id, role, term, lead, membership } = raw.status();
      this.#output.write(`${id}: ${role} ${hasVoter(membership, id) ? "(Voter)" : "(Non-Voter)"} Term:${term} Lead:${lead}\n`);
    }
  }

  #sendSnapshot(node: ScenarioNode, to: number): void {
    const blank = { logTerm: 0, index: 0, entries: [], commit: 0, vote: NONE, reject: false, rejectHint: 0 };
    const snapshot = node.storage.snapshot();
    const message: Message = { ...blank, type: "MsgSnap", term: node.raw.status().term, from: node.id, to, snapshot };
    this.#messages.push(message);
    this.#output.write(describeMessage(message));
  }
}

const PROPOSAL_DROPPED = "raft proposal dropped";

function failureOf(outcome: StepOutcome): string | undefined {
  if (outcome.kind === "dropped") return PROPOSAL_DROPPED;
  if (outcome.kind !== "refused") return undefined;
  return outcome.reason === "localMessage" ? "raft: cannot step raft local message" : "raft: cannot step as peer not found";
}

function failIfDropped(outcome: StepOutcome): void {
  const failure = failureOf(outcome);
  if (failure !== undefined) throw new ScenarioError(failure);
}

/** Messages of and to local threads, and of a node to itself, are never lost. */
function isFor(message: Message, recipient: Recipient, type?: string): boolean {
  const local = message.from === message.to || isLocalTarget(message.from) || isLocalTarget(message.to);
  return message.to === recipient.id && !(recipient.drop && local) && (type === undefined || message.type === type);
}

function parseProposedChange(directive: Directive): ConfChange {
  const changes = parseConfChanges(directive.input);
  const transitions: Record<string, ConfChangeTransition> = {
    auto: "ConfChangeTransitionAuto",
    implicit: "ConfChangeTransitionJointImplicit",
    explicit: "ConfChangeTransitionJointExplicit",
  };
  const named = directive.arguments.find((one) => one.key === "transition")?.values[0] ?? "auto";
  const transition = transitions[named];
  if (transition === undefined) throw new ScenarioError(`unknown transition ${named}`);
  const v1 = directive.arguments.find((one) => one.key === "v1")?.values[0] === "true";
  if (!v1) return { transition, changes };
  const [only] = changes;
  if (only === undefined || changes.length > 1 || named !== "auto") {
    throw new ScenarioError("v1 conf change can only have one operation and no transition");
  }
  return only;
}

function nodeIds(directive: Directive): number[] {
  return directive.arguments.filter((one) => one.values.length === 0).map((one) => Number(one.key));
}

function value(directive: Directive, key: string): string {
  const found = directive.arguments.find((one) => one.key === key)?.values[0];
  if (found === undefined) throw new Error(`line ${directive.line}: no ${key}=`);
  return found;
}
