/**
 * Random schedules of a small cluster: messages lost, repeated and reordered, nodes crashed in the middle of writes, leaders handed
 * over, members changed. After every step the paper's properties (figure 3) must hold. A failure prints the seed that replays it.
 */
import { describe, expect, it } from "vitest";
import type { ConfChange } from "../../src/core/raft/conf-change.ts";
import { decodeConfChange } from "../../src/core/raft/conf-change-codec.ts";
import { ConfChangeError } from "../../src/core/raft/membership-changer.ts";
import { MemoryStorage } from "../../src/core/raft/memory-storage.ts";
import { isLocalTarget } from "../../src/core/raft/message.ts";
import { RawNode } from "../../src/core/raft/raw-node.ts";
import type { ConfState, Entry, Message } from "../../src/core/raft/types.ts";
import { bytes, confStateOfVoters, text } from "./raft-network.ts";

const IDS = [1, 2, 3, 4, 5];
const STEPS = 2_000;
const SEEDS = 40;
/** Steps without faults at the end, within which the cluster must work again. */
const HEALING_ROUNDS = 100;

interface SimulatedNode {
  readonly id: number;
  raw: RawNode;
  storage: MemoryStorage;
  appendWork: Message[];
  applyWork: Message[];
  /** Messages from the node's own threads: never lost while it lives. */
  local: Message[];
  /** Survives crashes, as applied state is stored with its position. */
  applied: Entry[];
  confState: ConfState;
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  };
}

class Simulation {
  readonly random: () => number;
  readonly nodes: SimulatedNode[];
  network: Message[] = [];
  readonly leaderOfTerm = new Map<number, number>();
  /** What was applied at each index, by whoever applied it first. */
  readonly history = new Map<number, string>();
  readonly acknowledged = new Set<string>();
  readonly withMembership: boolean;
  proposals = 0;

  constructor(seed: number, withMembership: boolean) {
    this.random = randomOf(seed);
    this.withMembership = withMembership;
    const confState = confStateOfVoters(withMembership ? [1, 2, 3] : IDS);
    this.nodes = IDS.map((id) => {
      const storage = new MemoryStorage();
      storage.applySnapshot({ index: 1, term: 1, confState, data: new Uint8Array(0) });
      storage.setHardState({ term: 1, vote: 0, commit: 1 });
      return { id, storage, raw: this.start(id, storage, 1), appendWork: [], applyWork: [], local: [], applied: [], confState };
    });
  }

  start(id: number, storage: MemoryStorage, applied: number): RawNode {
    return new RawNode({
      id,
      electionTick: 6,
      heartbeatTick: 1,
      storage,
      applied,
      asyncStorageWrites: true,
      preVote: true,
      checkQuorum: true,
      stepDownOnRemoval: true,
      maxSizePerMessageBytes: 60,
      maxInflightMessages: 3,
      maxCommittedSizePerReadyBytes: 100,
      rng: this.random,
    });
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  step(): void {
    const node = this.pick(this.nodes);
    const dice = this.random();
    if (dice < 0.06) node.raw.tick();
    else if (dice < 0.26) this.collect(node);
    else if (dice < 0.41) this.writeOne(node);
    else if (dice < 0.49) this.applyOne(node);
    else if (dice < 0.9) this.deliverOne();
    else if (dice < 0.98) node.raw.propose(bytes(`p${this.proposals++}`));
    else if (dice < 0.984) this.crash(node);
    else if (dice < 0.988) node.raw.transferLeader(this.pick(IDS));
    else if (dice < 0.997) this.proposeChange(node);
    else node.raw.campaign();
    this.checkLeaders();
  }

  /** Takes one Ready and hands its messages to threads and network. */
  collect(node: SimulatedNode): void {
    if (!node.raw.hasReady()) return;
    for (const message of node.raw.ready().messages) {
      if (message.type === "MsgStorageAppend") node.appendWork.push(message);
      else if (message.type === "MsgStorageApply") node.applyWork.push(message);
      else this.network.push(message);
    }
  }

  writeOne(node: SimulatedNode): void {
    const message = node.appendWork.shift();
    if (message === undefined) return;
    this.write(node, message);
    this.respond(node, message);
  }

  write(node: SimulatedNode, message: Message): void {
    if (message.term !== 0) node.storage.setHardState({ term: message.term, vote: message.vote, commit: message.commit });
    node.storage.append(message.entries);
  }

  applyOne(node: SimulatedNode): void {
    const message = node.applyWork.shift();
    if (message === undefined) return;
    for (const entry of message.entries) {
      const described = `${entry.term} ${entry.type} ${text(entry.data)}`;
      const known = this.history.get(entry.index);
      // State machine safety: no two nodes apply different entries at one index.
      expect(known ?? described, `entry ${entry.index} at node ${node.id}`).toBe(described);
      this.history.set(entry.index, described);
      expect(entry.index, "applied in order, once").toBe((node.applied.at(-1)?.index ?? 1) + 1);
      node.applied.push(entry);
      if (entry.type !== "EntryNormal") this.applyChange(node, decodeConfChange(entry.type, entry.data));
    }
    this.respond(node, message);
  }

  applyChange(node: SimulatedNode, change: ConfChange): void {
    try {
      node.confState = node.raw.applyConfChange(change);
    } catch (error) {
      // A change that no longer fits changes nothing, on every node alike.
      if (!(error instanceof ConfChangeError)) throw error;
    }
  }

  respond(node: SimulatedNode, message: Message): void {
    for (const response of message.responses ?? []) {
      if (response.to === node.id) node.local.push(response);
      else this.network.push(response);
    }
  }

  deliverOne(): void {
    const node = this.pick(this.nodes);
    const local = node.local.shift();
    if (local !== undefined) {
      node.raw.step(local);
      return;
    }
    if (this.network.length === 0) return;
    const at = Math.floor(this.random() * this.network.length);
    const message = this.network[at]!;
    const fate = this.random();
    if (fate > 0.1) this.nodes[message.to - 1]!.raw.step(message);
    // One in ten is lost, one in ten delivered twice.
    if (fate < 0.9) this.network.splice(at, 1);
  }

  /** Unwritten work is lost, save for a random part of what was being written. */
  crash(node: SimulatedNode): void {
    while (node.appendWork.length > 0 && this.random() < 0.5) this.write(node, node.appendWork.shift()!);
    node.appendWork = [];
    node.applyWork = [];
    node.local = [];
    const applied = node.applied.at(-1)?.index ?? 1;
    const { hardState } = node.storage.initialState();
    // The commit index is not flushed by itself; the applied state proves at least as much.
    const storage = new MemoryStorage();
    storage.applySnapshot({ index: 1, term: 1, confState: node.confState, data: new Uint8Array(0) });
    const last = node.storage.lastIndex();
    storage.append(last < 2 ? [] : node.storage.entries(2, last + 1, Number.POSITIVE_INFINITY));
    storage.setHardState({ ...hardState, commit: Math.max(applied, Math.min(hardState.commit, last)) });
    node.storage = storage;
    node.raw = this.start(node.id, storage, applied);
  }

  proposeChange(node: SimulatedNode): void {
    if (!this.withMembership) return;
    const types = ["ConfChangeAddNode", "ConfChangeRemoveNode", "ConfChangeAddLearnerNode"] as const;
    const changes = Array.from({ length: 1 + Math.floor(this.random() * 3) }, () => ({ type: this.pick(types), nodeId: this.pick(IDS) }));
    node.raw.proposeConfChange({ transition: "ConfChangeTransitionAuto", changes });
  }

  /** Election safety: at most one leader a term. */
  checkLeaders(): void {
    for (const { id, raw } of this.nodes) {
      const { role, term } = raw;
      if (role !== "StateLeader") continue;
      expect(this.leaderOfTerm.get(term) ?? id, `leader of term ${term}`).toBe(id);
      this.leaderOfTerm.set(term, id);
    }
  }

  /** Log matching: equal terms at an index mean equal logs up to it. */
  checkLogs(): void {
    for (const one of this.nodes) {
      for (const other of this.nodes) {
        const last = Math.min(one.storage.lastIndex(), other.storage.lastIndex());
        let agree = false;
        for (let index = last; index > 1; index--) {
          const same = one.storage.term(index) === other.storage.term(index);
          expect(!agree || same, `logs of ${one.id} and ${other.id} at ${index}`).toBe(true);
          agree ||= same;
        }
      }
    }
  }

  /** No faults any more: everything is delivered in order. */
  heal(): void {
    for (let round = 0; round < HEALING_ROUNDS; round++) {
      for (const node of this.nodes) {
        node.raw.tick();
        while (node.raw.hasReady()) this.collect(node);
        while (node.appendWork.length > 0) this.writeOne(node);
        while (node.applyWork.length > 0) this.applyOne(node);
        for (const message of node.local.splice(0)) node.raw.step(message);
      }
      for (const message of this.network.splice(0)) {
        if (!isLocalTarget(message.to)) this.nodes[message.to - 1]!.raw.step(message);
      }
      this.checkLeaders();
    }
  }
}

function run(seed: number, withMembership: boolean): Simulation {
  const simulation = new Simulation(seed, withMembership);
  try {
    for (let step = 0; step < STEPS; step++) simulation.step();
    simulation.checkLogs();
    simulation.heal();
    simulation.checkLogs();
    return simulation;
  } catch (error) {
    throw new Error(`seed ${seed}, membership changes ${withMembership ? "on" : "off"}`, { cause: error });
  }
}

describe("random schedules", () => {
  it("keep the safety properties, and the cluster works again when the faults end", () => {
    let applied = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const simulation = run(seed, false);
      const before = simulation.nodes.map((node) => node.applied.length);
      const leader = simulation.nodes.find((node) => node.raw.role === "StateLeader");
      expect(leader, `seed ${seed}: a leader after healing`).toBeDefined();
      leader!.raw.propose(bytes("last"));
      simulation.heal();
      for (const [at, node] of simulation.nodes.entries()) {
        expect(node.applied.length, `seed ${seed}: node ${node.id} applies again`).toBeGreaterThan(before[at]!);
        expect(text(node.applied.at(-1)!.data)).toBe("last");
      }
      applied += simulation.history.size;
    }
    expect(applied, "the schedules get something done").toBeGreaterThan(SEEDS * 5);
  });

  it("keep the safety properties while members come and go", () => {
    let changes = 0;
    for (let seed = 1001; seed <= 1000 + SEEDS; seed++) {
      const simulation = run(seed, true);
      changes += [...simulation.history.values()].filter((entry) => entry.includes("ConfChange")).length;
    }
    expect(changes, "members did change").toBeGreaterThan(SEEDS);
  });

  it("are the same for the same seed", () => {
    expect([...run(7, true).history]).toEqual([...run(7, true).history]);
  });
});
