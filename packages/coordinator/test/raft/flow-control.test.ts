/** How a leader paces replication: windows, probing, lost messages, unreachable members, failed snapshots, and handing over. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Inflights } from "../../src/core/raft/inflights.ts";
import { bytes, ELECTION_TICK, RaftNetwork } from "./raft-network.ts";

const VOTERS = [1, 2, 3];

function progressOf(network: RaftNetwork, leader: number, id: number) {
  return network
    .raw(leader)
    .status()
    .progress.find((progress) => progress.id === id)!;
}

describe("inflight window", () => {
  it("is a queue bounded by messages and bytes", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), gap: fc.integer({ min: 1, max: 3 }), size: fc.nat(9) }),
      fc.record({ kind: fc.constant("free" as const), to: fc.nat(60) }),
      fc.record({ kind: fc.constant("reset" as const) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(step, { maxLength: 80 }),
        (max, maxBytes, steps) => {
          const window = new Inflights(max, maxBytes);
          let model: { index: number; size: number }[] = [];
          let last = 0;
          for (const one of steps) {
            const full = model.length === max || model.reduce((sum, { size }) => sum + size, 0) >= maxBytes;
            expect(window.full).toBe(full);
            if (one.kind === "add" && !full) {
              last += one.gap;
              window.add(last, one.size);
              model.push({ index: last, size: one.size });
            } else if (one.kind === "add") {
              expect(() => window.add(last + 1, 1)).toThrow();
            } else if (one.kind === "free") {
              window.freeUpTo(one.to);
              model = model.filter(({ index }) => index > one.to);
            } else {
              window.reset();
              model = [];
            }
            expect(window.count).toBe(model.length);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("replication", () => {
  it("pauses at the window's bound, and goes on with acknowledgements", () => {
    const network = new RaftNetwork(VOTERS, { maxInflightMessages: 2 });
    network.elect(1);
    network.lose = (message) => message.type === "MsgAppResp" && message.from === 3;
    network.sent.length = 0;
    for (let at = 0; at < 5; at++) network.propose(1, `${at}`);
    expect(network.sentOf("MsgApp").filter((message) => message.to === 3 && message.entries.length > 0)).toHaveLength(2);
    expect(progressOf(network, 1, 3)).toMatchObject({ paused: true, inflightCount: 2 });
    network.heal();
    network.tick(1);
    network.tick(1);
    expect(network.commands(3)).toEqual(["0", "1", "2", "3", "4"]);
    expect(progressOf(network, 1, 3)).toMatchObject({ paused: false, inflightCount: 0 });
  });

  it("counts bytes too, and lets one message larger than the bound through", () => {
    const network = new RaftNetwork(VOTERS, { maxSizePerMessageBytes: 100, maxInflightBytes: 100 });
    network.elect(1);
    network.lose = (message) => message.type === "MsgAppResp" && message.from === 3;
    network.sent.length = 0;
    network.raw(1).propose(new Uint8Array(500));
    network.raw(1).propose(new Uint8Array(10));
    network.settle();
    const sizes = network.sentOf("MsgApp").filter((message) => message.to === 3 && message.entries.length > 0);
    expect(sizes.map((message) => message.entries.map((entry) => entry.data.length))).toEqual([[500]]);
  });

  it("cuts messages at the size bound", () => {
    const network = new RaftNetwork(VOTERS, { maxSizePerMessageBytes: 100 });
    network.elect(1);
    network.isolate(3);
    for (let at = 0; at < 10; at++) network.raw(1).propose(new Uint8Array(40));
    network.settle();
    network.heal();
    network.sent.length = 0;
    network.tick(1);
    network.tick(1);
    const counts = network
      .sentOf("MsgApp")
      .filter((message) => message.to === 3)
      .map((message) => message.entries.length);
    expect(Math.max(...counts)).toBe(2);
    expect(progressOf(network, 1, 3).match).toBe(network.raw(1).status().lastIndex);
  });

  it("finds lost appends by probing after the member was unreachable", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(3);
    network.propose(1, "a");
    network.propose(1, "b");
    network.raw(1).reportUnreachable(3);
    expect(progressOf(network, 1, 3).state).toBe("StateProbe");
    network.heal();
    network.tick(1);
    expect(network.commands(3)).toEqual(["a", "b"]);
    expect(progressOf(network, 1, 3).state).toBe("StateReplicate");
  });

  it("goes on after a snapshot that failed", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(3);
    network.propose(1, "a");
    const { storage, confState } = network.node(1);
    const { commit } = network.raw(1).status();
    storage.createSnapshot(commit, confState, bytes("a"));
    storage.compact(commit);
    network.heal();
    network.lose = (message) => message.type === "MsgSnap";
    network.tick(1);
    expect(progressOf(network, 1, 3)).toMatchObject({ state: "StateSnapshot", paused: true, pendingSnapshot: commit });
    network.heal();
    network.raw(1).reportSnapshot(3, "failed");
    expect(progressOf(network, 1, 3)).toMatchObject({ state: "StateProbe", paused: true });
    network.tick(1);
    network.tick(1);
    expect(progressOf(network, 1, 3)).toMatchObject({ state: "StateReplicate", match: commit });
  });
});

describe("leadership transfer", () => {
  it("hands over at once to a member that is up to date, leases or not", () => {
    const network = new RaftNetwork(VOTERS, { preVote: true, checkQuorum: true });
    network.elect(1);
    network.raw(1).transferLeader(3);
    network.settle();
    expect(network.leaders()).toEqual([3]);
  });

  it("brings a member up to date first, and takes no proposals meanwhile", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(3);
    network.propose(1, "a");
    network.raw(1).transferLeader(3);
    expect(network.propose(1, "b")).toMatchObject({ kind: "dropped" });
    network.heal();
    network.tick(1);
    expect(network.leaders()).toEqual([3]);
    expect(network.commands(3)).toEqual(["a"]);
  });

  it("is given up after an election timeout", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(3);
    network.propose(1, "a");
    network.raw(1).transferLeader(3);
    network.tick(1, ELECTION_TICK);
    expect(network.raw(1).status().leadTransferee).toBe(0);
    expect(network.propose(1, "b")).toMatchObject({ kind: "appended" });
  });

  it("is passed on by a follower, and refused for learners and for the leader itself", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.raw(1).transferLeader(1);
    expect(network.raw(1).status().leadTransferee).toBe(0);
    expect(network.raw(2).transferLeader(2)).toEqual({ kind: "forwarded", to: 1 });
    network.settle();
    expect(network.leaders()).toEqual([2]);
  });
});
