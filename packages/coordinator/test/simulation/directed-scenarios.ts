/**
 * Scenarios in a few messages for mistakes that random schedules reach too seldom. Each throws if the code gets it wrong; they run as
 * tests, and before the schedules over every mutant.
 */
import { MemoryStorage } from "../../src/core/raft/memory-storage.ts";
import { createMessage, type MessageFields } from "../../src/core/raft/message.ts";
import { RawNode } from "../../src/core/raft/raw-node.ts";
import {
  type ConfState,
  type Entry,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  type Message,
  type MessageType,
} from "../../src/core/raft/types.ts";
import { append, bench, entry, FIRST_SEGMENT, filled, settle } from "../wal/wal-fixture.ts";
import { Violation } from "./invariants.ts";

const CONF_STATE: ConfState = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

function check(holds: boolean, detail: string): void {
  if (!holds) throw new Violation("directedScenario", detail);
}

function logEntry(index: number, term: number): Entry {
  return { index, term, type: "EntryNormal", data: new Uint8Array([index, term]) };
}

/** Node 1 of three. Its storage answers only when the test says so. */
class Subject {
  readonly storage = new MemoryStorage();
  readonly node: RawNode;
  readonly applied: number[] = [];

  constructor(entries: readonly Entry[], term: number) {
    this.storage.applySnapshot({ index: 0, term: 0, confState: CONF_STATE, data: new Uint8Array(0) });
    this.storage.append(entries);
    this.storage.setHardState({ term, vote: 0, commit: 0 });
    this.node = new RawNode({ id: 1, electionTick: 10, heartbeatTick: 1, storage: this.storage, asyncStorageWrites: true, rng: () => 0 });
  }

  receive(type: MessageType, from: number, fields: MessageFields): void {
    this.node.step(createMessage(type, 1, { ...fields, from }));
  }

  /** Takes one Ready; returns its write, not yet done. */
  write(): Message | undefined {
    if (!this.node.hasReady()) return undefined;
    let write: Message | undefined;
    for (const message of this.node.ready().messages) {
      if (message.to === LOCAL_APPEND_THREAD) write = message;
      if (message.to === LOCAL_APPLY_THREAD) for (const { index } of message.entries) this.applied.push(index);
    }
    return write;
  }

  complete(write: Message | undefined): void {
    if (write === undefined) return;
    this.storage.append(write.entries);
    for (const response of write.responses ?? []) if (response.to === 1) this.node.step(response);
  }

  settle(): void {
    while (this.node.hasReady()) this.complete(this.write());
  }
}

function commitOfOldTermByCounting(): void {
  const subject = new Subject([logEntry(1, 1), logEntry(2, 2)], 3);
  subject.node.campaign();
  subject.settle();
  subject.receive("MsgVoteResp", 2, { term: 4 });
  subject.settle();
  check(subject.node.status().role === "StateLeader", "node 1 did not win its election");
  subject.receive("MsgAppResp", 2, { term: 4, index: 2 });
  check(subject.node.status().commit === 0, "a leader of term 4 commits an entry of term 2 by counting replicas (figure 8)");
  subject.receive("MsgAppResp", 2, { term: 4, index: 3 });
  check(subject.node.status().commit === 3, "a leader does not commit its own entry, and with it the earlier ones");
}

function longerButOlderLogWins(): void {
  const subject = new Subject([logEntry(1, 1), logEntry(2, 2)], 2);
  subject.receive("MsgVote", 3, { term: 4, index: 5, logTerm: 1 });
  subject.settle();
  check(subject.node.status().vote === 0, "a vote is given to a candidate whose log is longer, but ends in an older term");
  subject.receive("MsgVote", 2, { term: 4, index: 2, logTerm: 2 });
  subject.settle();
  check(subject.node.status().vote === 2, "a vote is refused to a candidate whose log is as good");
}

function readWithoutQuorum(): void {
  const subject = new Subject([], 1);
  subject.node.campaign();
  subject.settle();
  subject.receive("MsgVoteResp", 2, { term: 2 });
  subject.settle();
  subject.receive("MsgAppResp", 2, { term: 2, index: 1 });
  subject.settle();
  check(subject.node.status().commit === 1, "a leader does not commit its first entry");
  subject.node.readIndex(new Uint8Array([1]));
  const { messages, readStates } = subject.node.ready();
  check(readStates.length === 0, "a leader answers a read before a quorum has confirmed that it still leads");
  const context = messages.find(({ type, to }) => type === "MsgHeartbeat" && to === 2)?.context;
  subject.receive("MsgHeartbeatResp", 2, { term: 2, context });
  check(subject.node.ready().readStates.length === 1, "a read is not answered when a quorum has confirmed the leader");
}

function commitBeyondWhatWasVerified(): void {
  const subject = new Subject([], 1);
  subject.receive("MsgApp", 2, { term: 1, entries: [logEntry(1, 1), logEntry(2, 1), logEntry(3, 1)] });
  subject.settle();
  subject.receive("MsgApp", 3, { term: 2, index: 1, logTerm: 1, commit: 3 });
  check(subject.node.status().commit === 1, "a follower commits entries that its leader has not verified");
}

function staleAppendTruncates(): void {
  const subject = new Subject([], 1);
  subject.receive("MsgApp", 2, { term: 1, entries: [logEntry(1, 1), logEntry(2, 1), logEntry(3, 1)] });
  subject.settle();
  subject.receive("MsgApp", 2, { term: 1, entries: [logEntry(1, 1)] });
  check(subject.node.status().lastIndex === 3, "an append that arrives late cuts off entries that do not conflict");
}

function oldWriteAttestsNewLog(): void {
  const subject = new Subject([], 1);
  subject.receive("MsgApp", 2, { term: 1, entries: [logEntry(1, 1), logEntry(2, 1)] });
  const first = subject.write();
  subject.receive("MsgVote", 3, { term: 2, index: 2, logTerm: 1 });
  const vote = subject.write();
  subject.receive("MsgApp", 3, { term: 2, index: 1, logTerm: 1, entries: [logEntry(2, 2)], commit: 2 });
  const second = subject.write();
  subject.complete(first);
  subject.complete(vote);
  subject.write();
  check(!subject.applied.includes(2), "an entry is applied whose write has not ended: a write of what stood there before attested it");
  subject.complete(second);
  subject.settle();
  check(subject.applied.includes(2), "an entry that is durable and committed is not applied");
}

/** `flushFailure` 0: the process is killed before its flush ends. 1: its flush fails, which leaves the pages clean, and it ends itself. */
function pageCacheBelieved(flushFailure: number): void {
  for (let seed = 1; seed <= 20; seed++) {
    const target = bench(seed);
    const log = target.open({ bootstrap: true });
    target.disk.flushFailure = flushFailure;
    append(log, [entry(1, 5)], { term: 5, vote: 2, commit: 0 });
    if (flushFailure > 0) settle(target.queue);
    target.disk.flushFailure = 0;
    target.kill();
    const seen = target.open().initialState().hardState;
    target.crash();
    const after = target.open().initialState().hardState;
    check(
      after.vote === seen.vote && after.term === seen.term,
      "a log that was opened, and may have been answered from, was not on the disk",
    );
  }
}

function tornTailStays(): void {
  const target = bench();
  filled(target, 5);
  target.disk.flipByte(FIRST_SEGMENT, 16_384 - 16);
  const log = target.open();
  check(log.tailWasCut, "garbage behind the end goes unnoticed");
  const content = target.disk.contentOf(FIRST_SEGMENT);
  check(content[16_384 - 16] === 0, "what stands behind the end is not wiped before the log goes on");
  append(log, [entry(6, 1)]);
  settle(target.queue);
  check(target.open().lastIndex() === 6, "the log does not go on behind a cut tail");
}

export const DIRECTED_SCENARIOS: Readonly<Record<string, () => void>> = {
  "a leader commits by counting only what is of its own term (figure 8)": commitOfOldTermByCounting,
  "a vote goes to no log that is longer but older": longerButOlderLogWins,
  "a read is answered when a quorum has confirmed the leader, and not before": readWithoutQuorum,
  "what a killed process left unflushed is flushed before anything rests on it": () => pageCacheBelieved(0),
  "what a failed flush left in the page cache is written again before anything rests on it": () => pageCacheBelieved(1),
  "a follower commits only what its leader's append verified": commitBeyondWhatWasVerified,
  "an append that arrives late cuts nothing off": staleAppendTruncates,
  "the end of an overwritten write attests nothing": oldWriteAttestsNewLog,
  "what stands behind the log's end is wiped": tornTailStays,
};
