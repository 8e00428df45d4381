/** One test per key sentence of the Raft paper (Ongaro and Ousterhout, extended version); the sentence is the test's name. */
import { describe, expect, it } from "vitest";
import { MemoryStorage } from "../../src/core/raft/memory-storage.ts";
import { createMessage } from "../../src/core/raft/message.ts";
import { RawNode } from "../../src/core/raft/raw-node.ts";
import type { Entry, HardState, Message } from "../../src/core/raft/types.ts";
import { bytes, confStateOfVoters, ELECTION_TICK, RaftNetwork } from "./raft-network.ts";

const VOTERS = [1, 2, 3];

/** A lone node of a cluster of three whose log and hard state are given; the test plays the others. */
function lone(options: { terms?: readonly number[]; hardState?: HardState; rng?: () => number } = {}): {
  raw: RawNode;
  storage: MemoryStorage;
} {
  const storage = new MemoryStorage();
  storage.applySnapshot({ index: 1, term: 1, confState: confStateOfVoters(VOTERS), data: new Uint8Array(0) });
  storage.append((options.terms ?? []).map((term, at) => entry(at + 2, term)));
  storage.setHardState(options.hardState ?? { term: 1, vote: 0, commit: 1 });
  const raw = new RawNode({ id: 1, electionTick: ELECTION_TICK, heartbeatTick: 1, storage, applied: 1, rng: options.rng ?? (() => 0) });
  return { raw, storage };
}

function entry(index: number, term: number, command = "x"): Entry {
  return { index, term, type: "EntryNormal", data: bytes(command) };
}

/** Handles one Ready as a driver would: write, then send; what is sent is returned. */
function drain(raw: RawNode, storage: MemoryStorage): Message[] {
  const sent: Message[] = [];
  while (raw.hasReady()) {
    const ready = raw.ready();
    if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
    if (ready.snapshot !== undefined) storage.applySnapshot(ready.snapshot);
    storage.append(ready.entries);
    sent.push(...ready.messages);
    raw.advance();
  }
  return sent;
}

function answersOf(raw: RawNode, storage: MemoryStorage, message: Message): Message[] {
  drain(raw, storage);
  raw.step(message);
  return drain(raw, storage);
}

function voteRequest(from: number, term: number, lastIndex: number, lastTerm: number): Message {
  return createMessage("MsgVote", 1, { from, term, index: lastIndex, logTerm: lastTerm });
}

describe("§5.1 Raft basics", () => {
  it("if one server's current term is smaller than the other's, then it updates its current term to the larger value", () => {
    for (const type of ["MsgApp", "MsgHeartbeat", "MsgVote", "MsgAppResp"] as const) {
      const { raw } = lone();
      raw.step(createMessage(type, 1, { from: 2, term: 7 }));
      expect(raw.status().term, type).toBe(7);
    }
  });

  it("if a candidate or leader discovers that its term is out of date, it immediately reverts to follower state", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    expect(network.leaders()).toEqual([1]);
    network.raw(1).step(createMessage("MsgHeartbeat", 1, { from: 2, term: 9 }));
    expect(network.raw(1).status()).toMatchObject({ role: "StateFollower", term: 9, lead: 2 });
    const { raw } = lone();
    raw.campaign();
    raw.step(createMessage("MsgAppResp", 1, { from: 2, term: 9 }));
    expect(raw.status()).toMatchObject({ role: "StateFollower", term: 9, lead: 0 });
  });

  it("if a server receives a request with a stale term number, it rejects the request", () => {
    const { raw, storage } = lone({ hardState: { term: 5, vote: 0, commit: 1 } });
    const stale = createMessage("MsgApp", 1, { from: 2, term: 4, index: 1, logTerm: 1, entries: [entry(2, 4)] });
    expect(answersOf(raw, storage, stale)).toEqual([]);
    expect(storage.lastIndex()).toBe(1);
    expect(raw.status().lead).toBe(0);
  });
});

describe("§5.2 Leader election", () => {
  it("when servers start up, they begin as followers", () => {
    expect(lone().raw.status().role).toBe("StateFollower");
  });

  it("a leader sends periodic heartbeats to all followers", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.sent.length = 0;
    network.tick(1);
    expect(network.sentOf("MsgHeartbeat").map((message) => message.to)).toEqual([2, 3]);
  });

  it("a follower that hears nothing over the election timeout increments its term, votes for itself and asks all others", () => {
    const { raw, storage } = lone();
    for (let tick = 0; tick < ELECTION_TICK - 1; tick++) raw.tick();
    expect(drain(raw, storage)).toEqual([]);
    raw.tick();
    const requests = drain(raw, storage);
    expect(requests.map((message) => [message.type, message.to, message.term])).toEqual([
      ["MsgVote", 2, 2],
      ["MsgVote", 3, 2],
    ]);
    expect(storage.initialState().hardState).toMatchObject({ term: 2, vote: 1 });
    expect(raw.status().role).toBe("StateCandidate");
  });

  it("a candidate wins if it receives votes from a majority of the servers in the full cluster", () => {
    const sizes = [
      { size: 3, grants: 0, wins: false },
      { size: 3, grants: 1, wins: true },
      { size: 5, grants: 1, wins: false },
      { size: 5, grants: 2, wins: true },
    ];
    for (const { size, grants, wins } of sizes) {
      const ids = Array.from({ length: size }, (_, at) => at + 1);
      const network = new RaftNetwork(ids);
      network.isolate(...ids.slice(grants + 1));
      network.elect(1);
      expect(network.leaders(), `${grants} grants of ${size}`).toEqual(wins ? [1] : []);
    }
  });

  it("each server will vote for at most one candidate in a given term, on a first-come-first-served basis", () => {
    const { raw, storage } = lone();
    expect(answersOf(raw, storage, voteRequest(2, 2, 1, 1))).toMatchObject([{ type: "MsgVoteResp", to: 2, reject: false }]);
    expect(answersOf(raw, storage, voteRequest(3, 2, 9, 9))).toMatchObject([{ type: "MsgVoteResp", to: 3, reject: true }]);
    // The same candidate asks again because the answer was lost.
    expect(answersOf(raw, storage, voteRequest(2, 2, 1, 1))).toMatchObject([{ type: "MsgVoteResp", to: 2, reject: false }]);
  });

  it("a vote is on stable storage before it is answered, and survives a restart", () => {
    const { raw, storage } = lone();
    raw.step(voteRequest(2, 2, 1, 1));
    const ready = raw.ready();
    expect(ready.mustSync).toBe(true);
    expect(ready.hardState).toEqual({ term: 2, vote: 2, commit: 1 });
    expect(ready.messages.map((message) => message.type)).toEqual(["MsgVoteResp"]);
    storage.setHardState(ready.hardState!);
    const restarted = new RawNode({ id: 1, electionTick: ELECTION_TICK, heartbeatTick: 1, storage, rng: () => 0 });
    expect(answersOf(restarted, storage, voteRequest(3, 2, 9, 9))).toMatchObject([{ reject: true }]);
  });

  it("a voter's first answer counts; a second one that says otherwise changes nothing", () => {
    const { raw, storage } = lone();
    raw.campaign();
    drain(raw, storage);
    raw.step(createMessage("MsgVoteResp", 1, { from: 2, term: 2, reject: true }));
    raw.step(createMessage("MsgVoteResp", 1, { from: 2, term: 2 }));
    expect(raw.role).toBe("StateCandidate");
    raw.step(createMessage("MsgVoteResp", 1, { from: 3, term: 2 }));
    expect(raw.role).toBe("StateLeader");
  });

  it("a vote alone, in a term known already, has to be synced too", () => {
    const { raw } = lone({ hardState: { term: 2, vote: 0, commit: 1 } });
    raw.step(voteRequest(2, 2, 1, 1));
    expect(raw.ready()).toMatchObject({ mustSync: true, hardState: { term: 2, vote: 2, commit: 1 } });
  });

  it("a vote is kept when the node falls back to follower within the term", () => {
    const { raw, storage } = lone();
    raw.campaign();
    drain(raw, storage);
    raw.step(createMessage("MsgHeartbeat", 1, { from: 3, term: 2 }));
    expect(raw.status()).toMatchObject({ role: "StateFollower", term: 2, vote: 1 });
    expect(answersOf(raw, storage, voteRequest(2, 2, 9, 9))).toMatchObject([{ reject: true }]);
  });

  it("while waiting for votes, a candidate that hears from a leader of its term returns to follower state", () => {
    const { raw } = lone();
    raw.campaign();
    raw.step(createMessage("MsgApp", 1, { from: 2, term: 2, index: 1, logTerm: 1 }));
    expect(raw.status()).toMatchObject({ role: "StateFollower", term: 2, lead: 2 });
  });

  it("if votes are split, each candidate times out and starts a new election with a higher term", () => {
    const { raw } = lone();
    raw.campaign();
    raw.step(createMessage("MsgVoteResp", 1, { from: 2, term: 2, reject: true }));
    for (let tick = 0; tick < ELECTION_TICK; tick++) raw.tick();
    expect(raw.status()).toMatchObject({ role: "StateCandidate", term: 3 });
  });

  it("election timeouts are chosen randomly from a fixed interval", () => {
    for (const [random, timeout] of [
      [0, ELECTION_TICK],
      [0.5, ELECTION_TICK * 1.5],
      [0.999, ELECTION_TICK * 2 - 1],
    ] as const) {
      const { raw } = lone({ rng: () => random });
      for (let tick = 0; tick < timeout - 1; tick++) raw.tick();
      expect(raw.status().role, `${random}`).toBe("StateFollower");
      raw.tick();
      expect(raw.status().role, `${random}`).toBe("StateCandidate");
    }
  });
});

describe("§5.3 Log replication", () => {
  it("the leader appends the command to its log as a new entry, then sends it to each of the other servers", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.sent.length = 0;
    network.raw(1).propose(bytes("x"));
    const ready = network.raw(1).ready();
    const appends = ready.messages.filter((message) => message.type === "MsgApp");
    expect(appends.map((message) => message.to)).toEqual([2, 3]);
    expect(appends.map((message) => message.entries.map((one) => [one.term, one.index]))).toEqual([[[2, 3]], [[2, 3]]]);
    expect(ready.entries).toEqual(appends[0]!.entries);
  });

  it("the leader commits an entry once it has replicated it on a majority of the servers", () => {
    const network = new RaftNetwork([1, 2, 3, 4, 5]);
    network.elect(1);
    network.isolate(3, 4, 5);
    network.propose(1, "x");
    expect(network.commands(1)).toEqual([]);
    network.heal();
    network.isolate(4, 5);
    network.tick(1);
    expect(network.commands(1)).toEqual(["x"]);
  });

  it("its own copy counts for the majority only once it is durable", () => {
    const storage = new MemoryStorage();
    storage.applySnapshot({ index: 1, term: 1, confState: confStateOfVoters([1]), data: new Uint8Array(0) });
    const config = { id: 1, electionTick: ELECTION_TICK, heartbeatTick: 1, storage, applied: 1, asyncStorageWrites: true, rng: () => 0 };
    const raw = new RawNode(config);
    const finishWrite = (message: Message) => {
      if (message.term !== 0) storage.setHardState({ term: message.term, vote: message.vote, commit: message.commit });
      storage.append(message.entries);
      for (const response of message.responses ?? []) raw.step(response);
    };
    raw.campaign();
    const [vote] = raw.ready().messages;
    expect(raw.status().role).toBe("StateCandidate");
    finishWrite(vote!);
    expect(raw.status().role).toBe("StateLeader");
    raw.propose(bytes("x"));
    const [append] = raw.ready().messages;
    expect(append).toMatchObject({ type: "MsgStorageAppend", entries: [{ index: 2 }, { index: 3 }] });
    expect(raw.status().commit).toBe(1);
    finishWrite(append!);
    expect(raw.status().commit).toBe(3);
  });

  it("once a follower learns that a log entry is committed, it applies the entry in log order", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    for (const command of ["a", "b", "c"]) network.propose(1, command);
    for (const id of VOTERS) expect(network.commands(id), `node ${id}`).toEqual(["a", "b", "c"]);
  });

  it("if the follower does not find an entry with the same index and term, then it refuses the new entries", () => {
    const { raw, storage } = lone({ terms: [1, 2], hardState: { term: 2, vote: 0, commit: 1 } });
    for (const [index, logTerm] of [
      [3, 1],
      [4, 3],
    ] as const) {
      const append = createMessage("MsgApp", 1, { from: 2, term: 3, index, logTerm, entries: [entry(index + 1, 3)] });
      expect(answersOf(raw, storage, append)).toMatchObject([{ type: "MsgAppResp", reject: true, index }]);
      expect(storage.lastIndex()).toBe(3);
    }
  });

  it("conflicting entries in follower logs are overwritten with entries from the leader's log", () => {
    const { raw, storage } = lone({ terms: [1, 1, 1], hardState: { term: 1, vote: 0, commit: 1 } });
    const append = createMessage("MsgApp", 1, { from: 2, term: 3, index: 2, logTerm: 1, entries: [entry(3, 3)] });
    expect(answersOf(raw, storage, append)).toMatchObject([{ reject: false, index: 3 }]);
    expect(storage.entries(2, storage.lastIndex() + 1, Number.POSITIVE_INFINITY).map((one) => one.term)).toEqual([1, 3]);
  });

  it("entries are cut off only where they conflict: a late append deletes nothing", () => {
    const { raw, storage } = lone({ terms: [2, 2, 2], hardState: { term: 2, vote: 0, commit: 1 } });
    const late = createMessage("MsgApp", 1, { from: 2, term: 2, index: 1, logTerm: 1, entries: [entry(2, 2)], commit: 1 });
    expect(answersOf(raw, storage, late)).toMatchObject([{ reject: false, index: 2 }]);
    expect(storage.lastIndex()).toBe(4);
    const empty = createMessage("MsgApp", 1, { from: 2, term: 2, index: 1, logTerm: 1 });
    answersOf(raw, storage, empty);
    expect(storage.lastIndex()).toBe(4);
  });

  it("a follower commits up to the leader's commit index, but no further than the last entry this append brought", () => {
    const { raw, storage } = lone({ terms: [1, 1], hardState: { term: 1, vote: 0, commit: 1 } });
    answersOf(raw, storage, createMessage("MsgApp", 1, { from: 2, term: 2, index: 1, logTerm: 1, entries: [entry(2, 1)], commit: 3 }));
    expect(raw.status().commit).toBe(2);
  });

  it("the leader's log and the follower's become consistent, whatever the follower's was (figure 7)", () => {
    const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followers = [
      [1, 1, 1, 4, 4, 5, 5, 6, 6],
      [1, 1, 1, 4],
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      [1, 1, 1, 4, 4, 4, 4],
      [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    for (const terms of followers) {
      const network = new RaftNetwork(VOTERS);
      const fill = (id: number, log: readonly number[]) => {
        const { storage } = network.node(id);
        storage.append(log.map((term, at) => entry(at + 2, term, `${term}/${at + 2}`)));
        storage.setHardState({ term: 7, vote: 0, commit: 1 });
        network.restart(id);
      };
      fill(1, leaderTerms);
      fill(2, terms);
      // The third has what the first needs to be elected.
      fill(3, leaderTerms);
      network.elect(1);
      const logOf = (id: number) => {
        const { storage } = network.node(id);
        return storage.entries(2, storage.lastIndex() + 1, Number.POSITIVE_INFINITY);
      };
      expect(network.leaders()).toEqual([1]);
      expect(logOf(2), `${terms}`).toEqual(logOf(1));
      expect(logOf(2).map((one) => one.term)).toEqual([...leaderTerms, 8]);
    }
  });

  it("a stale or repeated rejection never takes nextIndex to or below matchIndex", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.propose(1, "a");
    const before = network.raw(1).status().progress[1]!;
    const { term } = network.raw(1);
    network.sent.length = 0;
    network.inject(createMessage("MsgAppResp", 1, { from: 2, term, index: 1, reject: true, rejectHint: 0 }));
    const after = network.raw(1).status().progress[1]!;
    expect(after.match).toBe(before.match);
    expect(after.next).toBe(before.next);
    expect(after.state).toBe("StateReplicate");
    expect(network.sent, "and nothing is sent for it").toEqual([]);
  });
});

describe("§5.4 Safety", () => {
  it("the voter denies its vote if its own log is more up-to-date: later last term, then longer log", () => {
    const cases = [
      { last: [4, 2], grants: true, why: "same log" },
      { last: [5, 2], grants: true, why: "longer, same term" },
      { last: [3, 2], grants: false, why: "shorter, same term" },
      { last: [2, 3], grants: true, why: "shorter, later term" },
      { last: [9, 1], grants: false, why: "longer, earlier term" },
    ] as const;
    for (const { last, grants, why } of cases) {
      const { raw, storage } = lone({ terms: [1, 1, 2], hardState: { term: 2, vote: 0, commit: 1 } });
      const [answer] = answersOf(raw, storage, voteRequest(2, 3, last[0], last[1]));
      expect(answer!.reject, why).toBe(!grants);
    }
  });

  it("never commits log entries from previous terms by counting replicas (figure 8)", () => {
    // One entry a message, so that the old entry can arrive without the new one.
    const network = new RaftNetwork([1, 2, 3, 4, 5], { maxSizePerMessageBytes: 1 });
    // (a) 1 leads and replicates an entry of its term to 2 only.
    network.elect(1);
    network.isolate(3, 4, 5);
    network.propose(1, "old");
    const oldIndex = network.node(1).storage.lastIndex();
    // (b) 5 leads a later term with votes of 3 and 4, and has an entry of its own that reaches nobody.
    network.heal();
    network.isolate(1, 2);
    network.lose = (message) => message.type === "MsgApp";
    network.elect(5);
    expect(network.leaders()).toEqual([1, 5]);
    // (c) 1 leads again and replicates its old entry to 3, a majority, but its new term's entry gets lost on the way.
    network.heal();
    network.isolate(4, 5);
    network.restart(1);
    const lacksOld = (id: number) => network.node(id).storage.lastIndex() < oldIndex;
    network.lose = (message) => message.type === "MsgApp" && message.index === oldIndex && !lacksOld(message.to);
    // The first election is in a term in which 3 voted for 5 already.
    network.elect(1);
    network.elect(1);
    expect(network.leaders()).toEqual([1, 5]);
    for (let round = 0; round < 3; round++) network.tick(1);
    expect([1, 2, 3].map(lacksOld), "the old entry is on a majority").toEqual([false, false, false]);
    const { term } = network.raw(1).status();
    // Node 2 says so, too; all that it was asked so far came with the new entry and got lost.
    network.inject(createMessage("MsgAppResp", 1, { from: 2, term, index: oldIndex }));
    const { commit, progress } = network.raw(1).status();
    expect(
      progress.slice(0, 3).every(({ match }) => match >= oldIndex),
      "and the leader knows",
    ).toBe(true);
    expect(network.node(1).storage.term(oldIndex)).toBeLessThan(term);
    expect(commit).toBeLessThan(oldIndex);
    // (e) once an entry of its own term is on a majority, both are committed.
    network.lose = () => false;
    network.tick(1);
    expect(network.raw(1).status().commit).toBeGreaterThan(oldIndex);
  });

  it("a new leader commits an empty entry of its own term first (§8)", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    expect(network.node(1).applied).toMatchObject([{ term: 2, index: 2, data: new Uint8Array(0) }]);
  });
});

describe("§5.5 Follower and candidate crashes", () => {
  it("a restarted follower catches up, and has lost nothing that it acknowledged", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.propose(1, "a");
    network.restart(2);
    network.propose(1, "b");
    expect(network.commands(2)).toEqual(["a", "b"]);
  });
});

describe("§6 and thesis 9.6: disruptive servers", () => {
  it("a node that was cut off cannot depose a working leader when pre-vote and the quorum check are on", () => {
    const network = new RaftNetwork(VOTERS, { preVote: true, checkQuorum: true });
    network.elect(1);
    network.isolate(3);
    for (let round = 0; round < 4; round++) network.tick(3, ELECTION_TICK);
    expect(network.raw(3).status().term).toBe(2);
    network.heal();
    network.tick(3, ELECTION_TICK);
    network.tick(1);
    expect(network.leaders()).toEqual([1]);
    expect(network.raw(3).status()).toMatchObject({ term: 2, lead: 1, role: "StateFollower" });
  });

  it("servers disregard vote requests when they believe a current leader exists", () => {
    const network = new RaftNetwork(VOTERS, { checkQuorum: true });
    network.elect(1);
    network.inject(voteRequest(3, 9, 99, 9));
    expect(network.raw(1).status()).toMatchObject({ term: 2, role: "StateLeader" });
    network.inject({ ...voteRequest(3, 9, 99, 9), to: 2 });
    expect(network.raw(2).status()).toMatchObject({ term: 2, vote: 1 });
  });

  it("a leader steps down if an election timeout elapses without a round of heartbeats to a majority (thesis 6.2)", () => {
    const network = new RaftNetwork(VOTERS, { checkQuorum: true });
    network.elect(1);
    network.isolate(1);
    // The first check may still count what was heard before.
    network.tick(1, ELECTION_TICK * 2);
    expect(network.leaders()).toEqual([]);
  });

  it("with pre-vote, a node stuck in a higher term is not left behind", () => {
    const network = new RaftNetwork(VOTERS, { preVote: true, checkQuorum: true });
    network.elect(1);
    // Node 3 was in a later term once: it ignores the leader, which must learn of it.
    network.isolate(3);
    network.node(3).storage.setHardState({ term: 8, vote: 0, commit: network.raw(3).status().commit });
    network.restart(3);
    network.heal();
    network.tick(1);
    expect(network.raw(1).status().term).toBe(8);
    network.elect(1);
    expect(network.leaders()).toEqual([1]);
    expect(network.raw(3).status().lead).toBe(1);
  });
});

describe("§7 Log compaction", () => {
  it("the leader sends a snapshot to a follower that lags behind its log, and the follower replaces its log", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(3);
    for (const command of ["a", "b", "c"]) network.propose(1, command);
    const { storage, confState } = network.node(1);
    const { commit } = network.raw(1).status();
    storage.createSnapshot(commit, confState, bytes("abc"));
    storage.compact(commit);
    network.heal();
    network.tick(1);
    network.tick(1);
    expect(network.sentOf("MsgSnap").map((message) => message.to)).toEqual([3]);
    expect(network.node(3).storage.snapshot().data).toEqual(bytes("abc"));
    network.propose(1, "d");
    expect(network.commands(3)).toEqual(["d"]);
  });

  it("if the snapshot describes a prefix of the follower's log, the entries following it are retained", () => {
    const { raw, storage } = lone({ terms: [1, 1, 1], hardState: { term: 1, vote: 0, commit: 1 } });
    const snapshot = { index: 3, term: 1, confState: confStateOfVoters(VOTERS), data: new Uint8Array(0) };
    const answers = answersOf(raw, storage, createMessage("MsgSnap", 1, { from: 2, term: 1, snapshot }));
    expect(answers).toMatchObject([{ type: "MsgAppResp", index: 3 }]);
    expect(storage.lastIndex()).toBe(4);
    expect(raw.status().commit).toBe(3);
  });

  it("a snapshot older than what is committed changes nothing", () => {
    const { raw, storage } = lone({ terms: [1, 1, 1], hardState: { term: 1, vote: 0, commit: 4 } });
    const snapshot = { index: 3, term: 1, confState: confStateOfVoters(VOTERS), data: new Uint8Array(0) };
    expect(answersOf(raw, storage, createMessage("MsgSnap", 1, { from: 2, term: 1, snapshot }))).toMatchObject([{ index: 4 }]);
    expect(storage.lastIndex()).toBe(4);
    // Also when the log no longer reaches back to it, so that it cannot be compared.
    storage.createSnapshot(4, confStateOfVoters(VOTERS), new Uint8Array(0));
    storage.compact(4);
    const older = { ...snapshot, index: 2 };
    expect(answersOf(raw, storage, createMessage("MsgSnap", 1, { from: 2, term: 1, snapshot: older }))).toMatchObject([{ index: 4 }]);
    expect(raw.committedIndex).toBe(4);
  });
});
