/** The door to the core: what it refuses, what it says of proposals, and that nothing is handed out twice or too early. */
import { describe, expect, it } from "vitest";
import { MemoryStorage } from "../../src/core/raft/memory-storage.ts";
import { createMessage } from "../../src/core/raft/message.ts";
import { RaftConfigError } from "../../src/core/raft/raft-config.ts";
import { RaftInvariantError } from "../../src/core/raft/raft-invariant-error.ts";
import { type RaftConfig, RawNode } from "../../src/core/raft/raw-node.ts";
import { LOCAL_APPEND_THREAD, type Message } from "../../src/core/raft/types.ts";
import { bytes, confStateOfVoters, ELECTION_TICK, RaftNetwork } from "./raft-network.ts";

const VOTERS = [1, 2, 3];

function storageOf(voters: readonly number[]): MemoryStorage {
  const storage = new MemoryStorage();
  storage.applySnapshot({ index: 1, term: 1, confState: confStateOfVoters(voters), data: new Uint8Array(0) });
  return storage;
}

function configOf(voters: readonly number[], more: Partial<RaftConfig> = {}): RaftConfig {
  return { id: 1, electionTick: ELECTION_TICK, heartbeatTick: 1, storage: storageOf(voters), applied: 1, rng: () => 0, ...more };
}

/** Does a storage thread's write, and delivers the answers for this node. */
function finishWrite(raw: RawNode, storage: MemoryStorage, message: Message): void {
  if (message.term !== 0) storage.setHardState({ term: message.term, vote: message.vote, commit: message.commit });
  storage.append(message.entries);
  for (const response of message.responses ?? []) if (response.to === raw.id) raw.step(response);
}

describe("configuration", () => {
  it("refuses what cannot work", () => {
    const broken: Partial<RaftConfig>[] = [
      { id: 0 },
      { id: 1.5 },
      { id: LOCAL_APPEND_THREAD },
      { heartbeatTick: 0 },
      { electionTick: 1 },
      { maxInflightMessages: 0 },
      { maxSizePerMessageBytes: 0 },
      { maxSizePerMessageBytes: 100, maxInflightBytes: 99 },
      { maxUncommittedBytes: 0 },
      { readOnly: "leaseBased" },
    ];
    for (const more of broken) expect(() => new RawNode(configOf(VOTERS, more)), JSON.stringify(more)).toThrow(RaftConfigError);
  });

  it("refuses storage that contradicts itself", () => {
    const storage = storageOf(VOTERS);
    storage.setHardState({ term: 1, vote: 0, commit: 5 });
    expect(() => new RawNode(configOf(VOTERS, { storage }))).toThrow(RaftInvariantError);
  });
});

describe("step", () => {
  it("refuses local messages from outside, answers of strangers, and numbers that are none", () => {
    const raw = new RawNode(configOf(VOTERS));
    expect(raw.step(createMessage("MsgHup", 1, { from: 1 }))).toEqual({ kind: "refused", reason: "localMessage" });
    expect(raw.step(createMessage("MsgStorageAppendResp", 1, { from: 2 }))).toEqual({ kind: "refused", reason: "localMessage" });
    expect(raw.step(createMessage("MsgAppResp", 1, { from: 9, term: 99 }))).toEqual({ kind: "refused", reason: "unknownPeer" });
    for (const term of [Number.NaN, -1, 2.5, Number.MAX_SAFE_INTEGER + 1, Number.POSITIVE_INFINITY]) {
      const message = createMessage("MsgHeartbeat", 1, { from: 2, term });
      expect(raw.step(message), `${term}`).toEqual({ kind: "refused", reason: "malformed" });
    }
    expect(raw.status().term).toBe(0);
  });

  it("stops the node when a leader claims a commit that the log does not hold", () => {
    const raw = new RawNode(configOf(VOTERS));
    expect(() => raw.step(createMessage("MsgHeartbeat", 1, { from: 2, term: 1, commit: 99 }))).toThrow(RaftInvariantError);
  });
});

describe("proposals", () => {
  it("tell where they were appended", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    expect(network.raw(1).propose(bytes("a"))).toEqual({ kind: "appended", firstIndex: 3, lastIndex: 3, term: 2 });
    expect(network.raw(1).proposeBatch([bytes("b"), bytes("c")])).toMatchObject({ firstIndex: 4, lastIndex: 5 });
    network.settle();
    expect(network.commands(2)).toEqual(["a", "b", "c"]);
  });

  it("travel as one message when proposed together", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.sent.length = 0;
    network.raw(1).proposeBatch([bytes("b"), bytes("c")]);
    network.settle();
    const withEntries = network.sentOf("MsgApp").filter((message) => message.entries.length > 0);
    expect(withEntries.map((message) => [message.to, message.entries.length])).toEqual([
      [2, 2],
      [3, 2],
    ]);
  });

  it("are forwarded by a follower, unless that is off", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    expect(network.propose(2, "x")).toEqual({ kind: "forwarded", to: 1 });
    expect(network.commands(3)).toEqual(["x"]);
    const strict = new RaftNetwork(VOTERS, { disableProposalForwarding: true });
    strict.elect(1);
    expect(strict.propose(2, "x")).toEqual({ kind: "dropped", reason: "forwardingDisabled" });
  });

  it("are dropped with a reason when nobody can take them", () => {
    const network = new RaftNetwork(VOTERS);
    expect(network.propose(1, "x")).toEqual({ kind: "dropped", reason: "noLeader" });
    network.elect(1);
    network.isolate(2);
    network.raw(1).transferLeader(2);
    expect(network.propose(1, "x")).toEqual({ kind: "dropped", reason: "leaderTransferInProgress" });
  });

  it("are dropped beyond the bound of uncommitted bytes, but one always fits, and empty ones pass", () => {
    const network = new RaftNetwork(VOTERS, { maxUncommittedBytes: 10 });
    network.elect(1);
    network.isolate(2, 3);
    expect(network.raw(1).propose(new Uint8Array(50))).toMatchObject({ kind: "appended" });
    expect(network.raw(1).propose(new Uint8Array(1))).toEqual({ kind: "dropped", reason: "uncommittedBytesLimit" });
    expect(network.raw(1).propose(new Uint8Array(0))).toMatchObject({ kind: "appended" });
    network.heal();
    network.tick(1);
    expect(network.raw(1).propose(new Uint8Array(1))).toMatchObject({ kind: "appended" });
  });
});

describe("ready", () => {
  it("hands out everything once, and then has nothing", () => {
    const storage = storageOf([1]);
    const raw = new RawNode(configOf([1], { storage }));
    const finish = () => {
      const ready = raw.ready();
      if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
      storage.append(ready.entries);
      return ready;
    };
    raw.campaign();
    expect(raw.hasReady()).toBe(true);
    expect(finish()).toMatchObject({ softState: { role: "StateCandidate" }, hardState: { term: 1, vote: 1 }, mustSync: true });
    expect(() => raw.ready()).toThrow("without call to Advance");
    raw.advance();
    const second = finish();
    expect(second.entries.map((entry) => entry.index)).toEqual([2]);
    expect(second.committedEntries).toEqual([]);
    raw.advance();
    const third = finish();
    expect(third.entries).toEqual([]);
    expect(third.committedEntries.map((entry) => entry.index)).toEqual([2]);
    expect(third.mustSync).toBe(false);
    raw.advance();
    expect(raw.hasReady()).toBe(false);
  });

  it("may be called again before storage answered, when storage is asynchronous", () => {
    const storage = storageOf([1]);
    const raw = new RawNode(configOf([1], { storage, asyncStorageWrites: true }));
    raw.campaign();
    finishWrite(raw, storage, raw.ready().messages[0]!);
    raw.propose(bytes("a"));
    const [first] = raw.ready().messages;
    raw.propose(bytes("b"));
    const [second] = raw.ready().messages;
    expect([first, second].map((message) => message!.entries.map((entry) => entry.index))).toEqual([[2, 3], [4]]);
    // Both are written; the answer to the second attests the first as well.
    storage.append(first!.entries);
    finishWrite(raw, storage, second!);
    expect(raw.status().commit).toBe(4);
    expect(() => raw.advance()).toThrow(RaftInvariantError);
  });

  it("applies nothing before it is durable here, when storage is asynchronous", () => {
    const storage = storageOf(VOTERS);
    const raw = new RawNode(configOf(VOTERS, { storage, asyncStorageWrites: true }));
    const entries = [{ term: 1, index: 2, type: "EntryNormal", data: bytes("x") }] as const;
    raw.step(createMessage("MsgApp", 1, { from: 2, term: 1, logTerm: 1, index: 1, entries, commit: 2 }));
    const ready = raw.ready();
    expect(ready.messages.map((message) => message.type)).toEqual(["MsgStorageAppend"]);
    expect(raw.status().commit).toBe(2);
    expect(raw.hasReady()).toBe(false);
    finishWrite(raw, storage, ready.messages[0]!);
    expect(raw.ready().messages.map((message) => message.type)).toEqual(["MsgStorageApply"]);
  });

  it("ignores a write's answer when the entries were overwritten and restored meanwhile (ABA)", () => {
    const storage = storageOf(VOTERS);
    const raw = new RawNode(configOf(VOTERS, { storage, asyncStorageWrites: true }));
    const append = (from: number, term: number, entryTerm: number): Message => {
      const entries = [{ term: entryTerm, index: 2, type: "EntryNormal", data: bytes(`${entryTerm}`) }] as const;
      return createMessage("MsgApp", 1, { from, term, logTerm: 1, index: 1, entries, commit: 2 });
    };
    const writeOf = (message: Message): Message => {
      raw.step({ ...message, commit: 1 });
      return raw.ready().messages.find((one) => one.type === "MsgStorageAppend")!;
    };
    // The leaders of terms 2, 3 and 4 write the same index; the last one restores what the first one wrote.
    const writes = [writeOf(append(2, 2, 2)), writeOf(append(3, 3, 3)), writeOf(append(2, 4, 2))];
    raw.step(append(2, 4, 2));
    raw.ready();
    finishWrite(raw, storage, writes[0]!);
    // Storage holds the entry the log has, but the second write is still to come and will replace it.
    expect(raw.hasReady(), "nothing to apply yet").toBe(false);
    finishWrite(raw, storage, writes[1]!);
    expect(raw.hasReady()).toBe(false);
    finishWrite(raw, storage, writes[2]!);
    expect(raw.ready().committedEntries.map((entry) => [entry.term, entry.index])).toEqual([[2, 2]]);
  });

  it("ignores a write's answer of this term when the entry it speaks of was replaced since", () => {
    const storage = storageOf(VOTERS);
    const raw = new RawNode(configOf(VOTERS, { storage, asyncStorageWrites: true }));
    const append = (from: number, term: number): Message => {
      const entries = [{ term, index: 2, type: "EntryNormal", data: bytes(`${term}`) }] as const;
      return createMessage("MsgApp", 1, { from, term, logTerm: 1, index: 1, entries });
    };
    raw.step(append(2, 2));
    const writes = [...raw.ready().messages];
    // A vote in term 3 is written behind it; the answer attests the log as it is then, of term 3.
    raw.step(createMessage("MsgVote", 1, { from: 3, term: 3, index: 2, logTerm: 2 }));
    writes.push(...raw.ready().messages);
    raw.step(append(3, 3));
    writes.push(...raw.ready().messages);
    expect(writes.map((message) => message.type)).toEqual(["MsgStorageAppend", "MsgStorageAppend", "MsgStorageAppend"]);
    finishWrite(raw, storage, writes[0]!);
    finishWrite(raw, storage, writes[1]!);
    // Were it believed, the commit index would let the entry be applied from storage, which has the one of term 2.
    raw.step(createMessage("MsgHeartbeat", 1, { from: 3, term: 3, commit: 2 }));
    expect(raw.ready().committedEntries).toEqual([]);
    finishWrite(raw, storage, writes[2]!);
    expect(raw.ready().committedEntries.map((entry) => entry.term)).toEqual([3]);
  });

  it("stops handing out entries to apply at the bound, until some are applied", () => {
    const storage = storageOf([1]);
    const raw = new RawNode(configOf([1], { storage, asyncStorageWrites: true, maxCommittedSizePerReadyBytes: 60 }));
    raw.campaign();
    finishWrite(raw, storage, raw.ready().messages[0]!);
    raw.proposeBatch(Array.from({ length: 10 }, () => new Uint8Array(20)));
    finishWrite(raw, storage, raw.ready().messages[0]!);
    const applied: number[] = [];
    const waiting: Message[] = [];
    const take = () => {
      while (raw.hasReady()) {
        for (const message of raw.ready().messages) {
          if (message.type === "MsgStorageApply") waiting.push(message);
          else finishWrite(raw, storage, message);
        }
      }
    };
    take();
    expect(waiting.length).toBe(1);
    while (waiting.length > 0) {
      const message = waiting.shift()!;
      expect(message.entries.length).toBeLessThanOrEqual(3);
      applied.push(...message.entries.map((entry) => entry.index));
      for (const response of message.responses!) raw.step(response);
      take();
    }
    expect(applied).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});
