/** Linearizable reads: what must hold before a read index is given out (thesis 6.4, and bugs of others that broke it). */
import { describe, expect, it } from "vitest";
import { createMessage } from "../../src/core/raft/message.ts";
import { ReadOnly } from "../../src/core/raft/read-only.ts";
import { PENDING_READS_MAX } from "../../src/core/raft/reads.ts";
import { bytes, ELECTION_TICK, RaftNetwork, text } from "./raft-network.ts";

const VOTERS = [1, 2, 3];

function answers(network: RaftNetwork, id: number): [string, number][] {
  return network.node(id).readStates.map((state) => [text(state.requestContext), state.index]);
}

describe("ReadIndex", () => {
  it("gives the commit index once a quorum answered a heartbeat", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.propose(1, "x");
    network.raw(1).readIndex(bytes("r1"));
    expect(answers(network, 1)).toEqual([]);
    network.settle();
    expect(answers(network, 1)).toEqual([["r1", network.raw(1).status().commit]]);
  });

  it("waits while the leader has no quorum, and a deposed leader never answers", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(1);
    network.raw(1).readIndex(bytes("stale"));
    network.settle();
    expect(answers(network, 1)).toEqual([]);
    network.elect(2);
    network.propose(2, "newer");
    network.heal();
    network.tick(2);
    network.tick(1);
    expect(answers(network, 1)).toEqual([]);
  });

  it("is not answered by one follower of five: that is no quorum", () => {
    const network = new RaftNetwork([1, 2, 3, 4, 5]);
    network.elect(1);
    network.isolate(3, 4, 5);
    network.raw(1).readIndex(bytes("r"));
    network.settle();
    expect(answers(network, 1)).toEqual([]);
    network.heal();
    network.isolate(4, 5);
    network.tick(1);
    expect(answers(network, 1)).toHaveLength(1);
  });

  it("is held back until the leader has committed an entry of its own term", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.propose(1, "acknowledged by an earlier leader");
    const committed = network.raw(1).status().commit;
    network.lose = (message) => message.type === "MsgApp";
    network.elect(2);
    expect(network.leaders()).toContain(2);
    network.raw(2).readIndex(bytes("early"));
    network.settle();
    network.tick(2);
    expect(answers(network, 2)).toEqual([]);
    network.heal();
    network.tick(2);
    network.settle();
    expect(answers(network, 2).map(([context]) => context)).toEqual(["early"]);
    expect(answers(network, 2)[0]![1]).toBeGreaterThan(committed);
  });

  it("in a cluster of one is held back too: after a restart its commit index may lag behind what it acknowledged", () => {
    const network = new RaftNetwork([1]);
    network.elect(1);
    network.propose(1, "acknowledged");
    const { storage } = network.node(1);
    const acknowledgedIndex = storage.lastIndex();
    // The commit index alone is never flushed by itself, so a crash may take it back.
    storage.setHardState({ ...storage.initialState().hardState, commit: 1 });
    network.node(1).applied.length = 0;
    network.restart(1);
    network.raw(1).campaign();
    // Become leader without finishing the write of the new term's entry.
    const [vote] = network.raw(1).ready().messages;
    if (vote !== undefined) storage.setHardState({ term: vote.term, vote: vote.vote, commit: 1 });
    for (const response of vote?.responses ?? []) network.raw(1).step(response);
    network.raw(1).readIndex(bytes("r"));
    expect(network.raw(1).status()).toMatchObject({ role: "StateLeader" });
    network.settle();
    expect(answers(network, 1)).toHaveLength(1);
    expect(answers(network, 1)[0]![1]).toBeGreaterThan(acknowledgedIndex);
  });

  it("works at a follower, through the leader", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    expect(network.raw(3).readIndex(bytes("from 3"))).toEqual({ kind: "forwarded", to: 1 });
    network.settle();
    expect(answers(network, 3)).toEqual([["from 3", network.raw(1).status().commit]]);
    expect(answers(network, 1)).toEqual([]);
  });

  it("without a leader says so", () => {
    const network = new RaftNetwork(VOTERS);
    expect(network.raw(1).readIndex(bytes("r"))).toEqual({ kind: "dropped", reason: "noLeader" });
    network.isolate(1);
    network.raw(1).campaign();
    network.settle();
    expect(network.raw(1).readIndex(bytes("r"))).toEqual({ kind: "dropped", reason: "noLeader" });
  });

  it("takes no more reads than it has room for", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(1);
    const outcomes = Array.from({ length: PENDING_READS_MAX }, () => network.raw(1).readIndex(bytes("r")).kind);
    expect(new Set(outcomes)).toEqual(new Set(["accepted"]));
    expect(network.raw(1).readIndex(bytes("r"))).toEqual({ kind: "dropped", reason: "pendingReadsLimit" });
  });

  it("repeated contexts and late echoes confirm only what was asked before the heartbeat left", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    // The first read's heartbeats arrive, their answers are delayed.
    network.lose = (message) => message.type === "MsgHeartbeatResp";
    network.raw(1).readIndex(bytes("same context"));
    network.settle();
    const late = network.sentOf("MsgHeartbeatResp").at(-1)!;
    // Meanwhile 1 is cut off, another leader commits, and the same context is used again at 1.
    network.isolate(1);
    network.raw(1).readIndex(bytes("same context"));
    network.settle();
    network.heal();
    network.isolate(1);
    network.inject(late);
    expect(answers(network, 1), "one answer, for the first of the two reads").toHaveLength(1);
  });
});

describe("lease-based reads", () => {
  it("are answered at once by a leader", () => {
    const network = new RaftNetwork(VOTERS, { readOnly: "leaseBased", checkQuorum: true });
    network.elect(1);
    network.isolate(1);
    network.raw(1).readIndex(bytes("r"));
    network.settle();
    expect(answers(network, 1)).toHaveLength(1);
    network.tick(1, ELECTION_TICK * 2);
    expect(network.leaders(), "and no longer than the lease").toEqual([]);
  });

  it("need the quorum check, and forbid to forget the leader", () => {
    expect(() => new RaftNetwork(VOTERS, { readOnly: "leaseBased" })).toThrow("check quorum must be on");
    const network = new RaftNetwork(VOTERS, { readOnly: "leaseBased", checkQuorum: true });
    network.elect(1);
    expect(network.raw(2).forgetLeader()).toEqual({ kind: "dropped", reason: "leaseBasedReads" });
    expect(network.raw(2).status().lead).toBe(1);
  });
});

describe("ReadOnly", () => {
  it("confirms in arrival order, by positions that survive beyond 32 bits of bytes on the wire", () => {
    const reads = new ReadOnly();
    const membership = { incoming: VOTERS, outgoing: [], learners: [], learnersNext: [], autoLeave: false };
    const request = (name: string) =>
      createMessage("MsgReadIndex", 0, { entries: [{ term: 0, index: 0, type: "EntryNormal", data: bytes(name) }] });
    reads.add(5, request("a"));
    const first = reads.heartbeatContext();
    reads.add(6, request("b"));
    const second = reads.heartbeatContext();
    reads.acknowledge(1, second);
    reads.acknowledge(2, first);
    expect(reads.takeConfirmed(membership).map((read) => read.index)).toEqual([5]);
    reads.acknowledge(3, second);
    expect(reads.takeConfirmed(membership).map((read) => read.index)).toEqual([6]);
    expect(reads.heartbeatContext()).toBeUndefined();
    expect(reads.takeConfirmed(membership)).toEqual([]);
  });
});
