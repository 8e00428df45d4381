/**
 * A few Raft nodes on storage in memory and a network that tests can cut: everything is delivered in order until nothing is left, so
 * a test chooses what happens and waits for nothing. Nodes write storage asynchronously, as the driver's do; the threads are instant.
 */
import { decodeConfChange } from "../../src/core/raft/conf-change-codec.ts";
import { MemoryStorage } from "../../src/core/raft/memory-storage.ts";
import { isLocalTarget } from "../../src/core/raft/message.ts";
import { type RaftConfig, RawNode } from "../../src/core/raft/raw-node.ts";
import type { ConfState, Entry, Message, MessageType, ReadState, Snapshot } from "../../src/core/raft/types.ts";

export const ELECTION_TICK = 10;

export function confStateOfVoters(voters: readonly number[], learners: readonly number[] = []): ConfState {
  return { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

export interface NetworkNode {
  readonly id: number;
  raw: RawNode;
  readonly storage: MemoryStorage;
  /** What the state machine got, in order; empty entries left out. */
  readonly applied: Entry[];
  readonly readStates: ReadState[];
  confState: ConfState;
}

export type NetworkOptions = Partial<Omit<RaftConfig, "id" | "storage" | "applied">>;

export class RaftNetwork {
  readonly nodes: Map<number, NetworkNode> = new Map();
  /** Every message that was sent between nodes, dropped ones too. */
  readonly sent: Message[] = [];
  /** Messages under way. */
  readonly #queue: Message[] = [];
  readonly #isolated = new Set<number>();
  /** Messages it returns true for are lost. */
  lose: (message: Message) => boolean = () => false;
  readonly #options: NetworkOptions;

  constructor(ids: readonly number[], options: NetworkOptions = {}) {
    this.#options = options;
    // Like a bootstrap: all start from one snapshot that names the members.
    const bootstrap: Snapshot = { index: 1, term: 1, confState: confStateOfVoters(ids), data: new Uint8Array(0) };
    for (const id of ids) this.addNode(id, bootstrap);
  }

  /** A node with an empty log, unless `bootstrap` is given. */
  addNode(id: number, bootstrap?: Snapshot): void {
    const storage = new MemoryStorage();
    if (bootstrap !== undefined) {
      storage.applySnapshot(bootstrap);
      storage.setHardState({ term: bootstrap.term, vote: 0, commit: bootstrap.index });
    }
    const confState = bootstrap?.confState ?? confStateOfVoters([]);
    this.nodes.set(id, { id, storage, raw: this.#start(id, storage, bootstrap?.index ?? 0), applied: [], readStates: [], confState });
  }

  node(id: number): NetworkNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  raw(id: number): RawNode {
    return this.node(id).raw;
  }

  /** The node loses all but its storage, and the messages on their way to it. */
  restart(id: number): void {
    const node = this.node(id);
    this.#removeFromQueue((message) => message.to === id);
    node.raw = this.#start(id, node.storage, node.applied.at(-1)?.index ?? node.storage.firstIndex() - 1);
  }

  isolate(...ids: readonly number[]): void {
    for (const id of ids) this.#isolated.add(id);
  }

  heal(): void {
    this.#isolated.clear();
    this.lose = () => false;
  }

  /** Lets `id` campaign and everything settle. */
  elect(id: number): void {
    this.raw(id).campaign();
    this.settle();
  }

  propose(id: number, command: string): ReturnType<RawNode["propose"]> {
    const outcome = this.raw(id).propose(bytes(command));
    this.settle();
    return outcome;
  }

  tick(id: number, ticks = 1): void {
    for (let tick = 0; tick < ticks; tick++) this.raw(id).tick();
    this.settle();
  }

  inject(message: Message): void {
    this.#queue.push(message);
    this.settle();
  }

  /** Works until no node has anything to do and no message is under way. */
  settle(): void {
    let busy = true;
    for (let round = 0; busy; round++) {
      if (round > 10_000) throw new Error("the network never settles");
      busy = false;
      for (const node of this.nodes.values()) {
        while (node.raw.hasReady()) {
          this.#process(node);
          busy = true;
        }
      }
      const batch = this.#queue.splice(0);
      for (const message of batch) this.nodes.get(message.to)?.raw.step(message);
      busy ||= batch.length > 0;
    }
  }

  commands(id: number): string[] {
    return this.node(id)
      .applied.filter((entry) => entry.type === "EntryNormal" && entry.data.length > 0)
      .map((entry) => text(entry.data));
  }

  sentOf(type: MessageType): Message[] {
    return this.sent.filter((message) => message.type === type);
  }

  leaders(): number[] {
    return [...this.nodes.values()].filter((node) => node.raw.status().role === "StateLeader").map((node) => node.id);
  }

  #start(id: number, storage: MemoryStorage, applied: number): RawNode {
    const defaults = { electionTick: ELECTION_TICK, heartbeatTick: 1, rng: () => 0, asyncStorageWrites: true };
    return new RawNode({ ...defaults, ...this.#options, id, storage, applied });
  }

  #process(node: NetworkNode): void {
    const ready = node.raw.ready();
    node.readStates.push(...ready.readStates);
    for (const message of ready.messages) {
      if (message.type === "MsgStorageAppend") this.#write(node, message);
      else if (message.type === "MsgStorageApply") this.#apply(node, message);
      else this.#send(message);
    }
  }

  #write(node: NetworkNode, message: Message): void {
    if (message.term !== 0) node.storage.setHardState({ term: message.term, vote: message.vote, commit: message.commit });
    if (message.snapshot !== undefined) {
      node.storage.applySnapshot(message.snapshot);
      node.confState = message.snapshot.confState;
    }
    node.storage.append(message.entries);
    for (const response of message.responses ?? []) this.#send(response);
  }

  #apply(node: NetworkNode, message: Message): void {
    for (const entry of message.entries) {
      if (entry.type !== "EntryNormal") node.confState = node.raw.applyConfChange(decodeConfChange(entry.type, entry.data));
      node.applied.push(entry);
    }
    for (const response of message.responses ?? []) this.#send(response);
  }

  #send(message: Message): void {
    if (message.from === message.to || isLocalTarget(message.from)) {
      this.#queue.push(message);
      return;
    }
    this.sent.push(message);
    if (this.#isolated.has(message.from) || this.#isolated.has(message.to) || this.lose(message)) return;
    this.#queue.push(message);
  }

  #removeFromQueue(matches: (message: Message) => boolean): void {
    const kept = this.#queue.filter((message) => !matches(message));
    this.#queue.splice(0, this.#queue.length, ...kept);
  }
}
