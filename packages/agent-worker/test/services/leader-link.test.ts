/** The way to the leader: batches, hints, silence, refusals; nothing unanswered is ever given up. */
import { type Command, type CommandResult, DISCOVER_SUBJECT, type DiscoverReply, limits, type Message, subjectsOf } from "@triad/protocol";
import fc from "fast-check";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { CoordinatorDirectory } from "../../src/services/coordinator-directory.ts";
import { LeaderLink } from "../../src/services/leader-link.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";
import { MemoryBus } from "../support/memory-bus.ts";

const subjects = subjectsOf("c");
const found = (id: string, leader: string, term = 1): DiscoverReply => ({ kind: "discovered", cluster: "c", id, leader, term, http: "" });
const lost = (fence: number): Command => ({ type: "StepLost", task: "t", step: 1, member: 0, fence, alone: false, assign: [] });
const finished = (fence: number, output: string): Command => ({
  type: "StepFinished",
  task: "t",
  step: 1,
  member: 0,
  fence,
  output,
  facts: {},
  usage: { tokensIn: 0, tokensOut: 0, costUsd: 0 },
  serviceMs: 0,
  next: { kind: "finish" },
  assign: [],
});

interface Bench {
  readonly bus: MemoryBus;
  readonly clock: ManualClock;
  readonly link: LeaderLink;
  readonly directory: CoordinatorDirectory;
}

function bench(...coordinators: readonly DiscoverReply[]): Bench {
  const bus = new MemoryBus();
  const clock = new ManualClock();
  const directory = new CoordinatorDirectory(bus, "c", coordinators);
  const link = new LeaderLink({ bus, clock, directory, worker: "w1", log: pino({ level: "silent" }), soon: setImmediate });
  return { bus, clock, link, directory };
}

/** Every command is ok, and its fence comes back as the index. */
const accepting = (message: Message): Message => ({
  kind: "proposed",
  results:
    message.kind === "propose"
      ? message.commands.map((command): CommandResult => ({ outcome: "ok", index: "fence" in command ? command.fence : 0 }))
      : [],
});
const batches = (bus: MemoryBus): number[] => bus.requests.map(({ message }) => (message.kind === "propose" ? message.commands.length : 0));

describe("LeaderLink", () => {
  test("L1: one message a loop turn, at most 256 commands, results in order", async () => {
    const { bus, link } = bench(found("c1", "c1"));
    bus.answer(subjects.propose("c1"), accepting);
    const results = await Promise.all(Array.from({ length: 600 }, (_, i) => link.propose(lost(i), 100)));
    expect(batches(bus)).toEqual([256, 256, 88]);
    expect(results.map((result) => result.index)).toEqual(Array.from({ length: 600 }, (_, i) => i));
    expect(link.unanswered).toBe(0);
  });

  test("L1: never above the frame, and no command is left behind for its size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: limits.INLINE_BODY_BYTES_MAX - 200 }), { minLength: 1, maxLength: 40 }),
        async (sizes) => {
          const { bus, link } = bench(found("c1", "c1"));
          bus.answer(subjects.propose("c1"), accepting);
          const results = await Promise.all(sizes.map((size, i) => link.propose(finished(i, "x".repeat(size)), size + 768)));
          expect(results.map((result) => result.index)).toEqual(sizes.map((_, i) => i));
        },
      ),
      { numRuns: 30 },
    );
  });

  test("L3: a hint is followed at once", async () => {
    const { bus, link } = bench(found("c1", "c1"), found("c2", "c1"));
    bus.answer(subjects.propose("c1"), () => ({ kind: "notLeader", leader: "c2" }));
    bus.answer(subjects.propose("c2"), accepting);
    expect(await link.propose(lost(1), 10)).toMatchObject({ outcome: "ok" });
    expect(bus.requests.map(({ subject }) => subject)).toEqual([subjects.propose("c1"), subjects.propose("c2")]);
  });

  test("L3: two that point at each other do not spin: after one hint it waits", async () => {
    const { bus, clock, link } = bench(found("c1", "c1"), found("c2", "c1"));
    bus.answer(subjects.propose("c1"), () => ({ kind: "notLeader", leader: "c2" }));
    bus.answer(subjects.propose("c2"), () => ({ kind: "notLeader", leader: "c1" }));
    const result = link.propose(lost(1), 10);
    await settle();
    expect(bus.requests.length).toBe(2);
    bus.answer(subjects.propose("c2"), accepting);
    await clock.advance(5_000);
    expect(await result).toMatchObject({ outcome: "ok" });
  });

  test("L2: no responder, silence and a cut line: it goes round until somebody answers", async () => {
    const { bus, clock, link } = bench(found("c1", "c1"), found("c2", ""), found("c3", ""));
    bus.answer(subjects.propose("c1"), () => "silent");
    let settled = false;
    const result = link.propose(lost(5), 10).finally(() => {
      settled = true;
    });
    await clock.advance(3_000);
    expect(new Set(bus.requests.map(({ subject }) => subject)).size).toBe(3);
    bus.connected = false;
    const before = bus.requests.length;
    await clock.advance(30_000);
    expect([settled, bus.requests.length]).toEqual([false, before]);
    bus.connected = true;
    bus.answer(subjects.propose("c3"), accepting);
    bus.answer(DISCOVER_SUBJECT, () => found("c3", "c3", 2));
    await clock.advance(5_000);
    expect(await result).toEqual({ outcome: "ok", index: 5 });
  });

  test("a retryable refusal of one command repeats that one only", async () => {
    const { bus, clock, link } = bench(found("c1", "c1"));
    let refusals = 2;
    bus.answer(subjects.propose("c1"), (message) => ({
      kind: "proposed",
      results:
        message.kind === "propose"
          ? message.commands.map(
              (command): CommandResult =>
                "fence" in command && command.fence === 2 && refusals-- > 0
                  ? { outcome: "refused", code: "TRIAD_UNKNOWN_OUTCOME" }
                  : { outcome: "ok" },
            )
          : [],
    }));
    const all = Promise.all([1, 2, 3].map((fence) => link.propose(lost(fence), 10)));
    await clock.advance(2_000);
    expect((await all).map((result) => result.outcome)).toEqual(["ok", "ok", "ok"]);
    expect(batches(bus)).toEqual([3, 1, 1]);
  });

  test("a batch that is refused for one of its commands is tried one by one; the one at fault hears why", async () => {
    const { bus, link } = bench(found("c1", "c1"));
    bus.answer(subjects.propose("c1"), (message) =>
      message.kind === "propose" && message.commands.some((command) => "fence" in command && command.fence === 2)
        ? { kind: "refused", code: "TRIAD_FRAME_INVALID", message: "bad" }
        : accepting(message),
    );
    const results = await Promise.all([1, 2, 3].map((fence) => link.propose(lost(fence), 10)));
    expect(results.map((result) => result.outcome)).toEqual(["ok", "refused", "ok"]);
    expect(results[1]).toMatchObject({ code: "TRIAD_FRAME_INVALID", message: "bad" });
  });

  test("a command that no frame can hold is refused, its neighbours go", async () => {
    const { bus, link } = bench(found("c1", "c1"));
    bus.answer(subjects.propose("c1"), accepting);
    const results = await Promise.all([link.propose(lost(1), 10), link.propose(finished(2, "x".repeat(limits.FRAME_BYTES_MAX)), 10)]);
    expect(results.map((result) => result.outcome)).toEqual(["ok", "refused"]);
    expect(results[1]?.code).toBe("TRIAD_FRAME_TOO_LARGE");
  });

  test("the leader of a higher term is believed, of a lower one not", async () => {
    const { bus, link, directory } = bench(found("c1", "c1", 5));
    bus.answer(subjects.propose("c2"), accepting);
    directory.heard("c3", 4);
    directory.heard("c2", 6);
    await link.propose(lost(1), 10);
    expect(bus.requests.map(({ subject }) => subject)).toEqual([subjects.propose("c2")]);
  });
});
