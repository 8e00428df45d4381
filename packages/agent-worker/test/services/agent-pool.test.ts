/** The pool of actors over threads that the test plays: what is taken, what is proposed, what a heartbeat would say. */
import { type Command, type CommandResult, type Dispatch, type LiveEvent, limits } from "@triad/protocol";
import { describe, expect, test } from "vitest";
import { AgentPool } from "../../src/services/agent-pool.ts";
import type { EffectCommand, StepOutcome, Threads, WorkerMetrics } from "../../src/services/ports.ts";
import { dispatchOf } from "../support/make.ts";
import { ManualClock } from "../support/manual-clock.ts";

const DONE: StepOutcome = {
  kind: "finished",
  output: "o",
  facts: {},
  usage: { tokensIn: 0, tokensOut: 0, costUsd: 0 },
  serviceMs: 1,
  next: { kind: "finish" },
  bytes: 1,
};

class FakeThreads implements Threads {
  readonly count: number;
  readonly stateBytes = 0;
  readonly up: boolean[];
  readonly ran: { readonly thread: number | "alone"; readonly fence: number }[] = [];
  readonly aborted: number[] = [];

  constructor(count: number) {
    this.count = count;
    this.up = new Array<boolean>(count).fill(true);
  }

  isReady(thread: number): boolean {
    return this.up[thread] ?? false;
  }

  run(thread: number, dispatch: Dispatch): void {
    if (!this.up[thread]) throw new Error("run on a thread that is down");
    this.ran.push({ thread, fence: dispatch.fence });
  }

  runAlone(dispatch: Dispatch): void {
    this.ran.push({ thread: "alone", fence: dispatch.fence });
  }

  abort(fence: number): void {
    this.aborted.push(fence);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  threadOf(fence: number): number | "alone" | undefined {
    return this.ran.findLast((run) => run.fence === fence)?.thread;
  }
}

function bench(count = 2) {
  const threads = new FakeThreads(count);
  const clock = new ManualClock();
  const commands: Command[] = [];
  const abandoned: number[] = [];
  const live: LiveEvent[] = [];
  const ended: string[] = [];
  let depth = 0;
  const metrics: WorkerMetrics = {
    stepEnded: (agent, outcome) => ended.push(`${agent} ${outcome}`),
    mailboxDepth: (value) => {
      depth = value;
    },
    inFlight: () => undefined,
    fencedWrites: () => undefined,
    modelCalled: () => undefined,
    viewRecall: () => undefined,
    frameDropped: () => undefined,
  };
  const answers: { readonly command: EffectCommand; readonly answer: (result: CommandResult) => void }[] = [];
  const sink = {
    settle: (command: Command) => void commands.push(command),
    abandon: (fence: number) => void abandoned.push(fence),
    live: (event: LiveEvent) => void live.push(event),
    record: (command: EffectCommand) => new Promise<CommandResult>((answer) => void answers.push({ command, answer })),
  };
  const pool = new AgentPool({ worker: "w1", threads, sink, metrics, clock, timeoutMsOf: () => 1_000 });
  return { pool, threads, clock, commands, abandoned, answers, live, ended, depth: () => depth };
}

const same = { conversation: "c-same" };

describe("effects of a step", () => {
  const intent = (fence: number) =>
    ({
      type: "EffectIntended",
      task: `t-${fence}`,
      step: 1,
      member: 0,
      fence,
      n: 1,
      name: "pay",
      inputDigest: "",
      onDoubt: "sameKey",
    }) as const;

  test.each<[CommandResult, number[]]>([
    [{ outcome: "ok", effect: { round: 0, parked: false } }, []],
    [{ outcome: "refused", code: "TRIAD_EFFECT_MISMATCH" }, []],
    [{ outcome: "fenced" }, [1]],
    [{ outcome: "ended" }, [1]],
    [{ outcome: "ok", effect: { round: 0, parked: true } }, [1]],
  ])("answered %j", async (result, aborted) => {
    const { pool, threads, answers, commands } = bench();
    pool.deliver(dispatchOf(1, "a", ""));
    const recorded = pool.record(intent(1), 100);
    answers[0]?.answer(result);
    expect(await recorded).toEqual(result);
    expect(threads.aborted).toEqual(aborted);
    // Ended here, it has nothing to say any more, whatever its thread makes of it.
    pool.ended(1, DONE);
    expect(commands.length).toBe(aborted.length === 0 ? 1 : 0);
  });

  test("of a step that is not running, or was voided, go nowhere", async () => {
    const { pool, answers } = bench();
    expect(await pool.record(intent(7), 100)).toEqual({ outcome: "fenced" });
    pool.deliver(dispatchOf(1, "a", ""));
    pool.abort([1]);
    expect(await pool.record(intent(1), 100)).toEqual({ outcome: "fenced" });
    expect(answers).toEqual([]);
  });
});

describe("AgentPool", () => {
  test("an actor is serial; actors are not serial to each other", () => {
    const { pool, threads, commands, depth } = bench();
    for (const fence of [1, 2, 3]) pool.deliver(dispatchOf(fence, "a", "", same));
    pool.deliver(dispatchOf(4, "b", "", same));
    expect(threads.ran.map(({ fence }) => fence)).toEqual([1, 4]);
    expect(depth()).toBe(2);
    pool.ended(1, DONE);
    expect(threads.ran.map(({ fence }) => fence)).toEqual([1, 4, 2]);
    expect(commands).toMatchObject([{ type: "StepFinished", fence: 1 }]);
    expect(pool.fences).toEqual([1, 2, 3, 4]);
    pool.settled(1);
    expect(pool.fences).toEqual([2, 3, 4]);
  });

  test("a step that is settling and void need not be proposed any more; one that runs is ended in its thread", () => {
    const { pool, threads, abandoned } = bench();
    for (const fence of [1, 2]) pool.deliver(dispatchOf(fence, "a", ""));
    pool.ended(1, DONE);
    pool.abort([1, 2]);
    expect([abandoned, threads.aborted]).toEqual([[1], [2]]);
    pool.abortAll();
    expect([abandoned, threads.aborted]).toEqual([[1, 1], [2]]);
  });

  test("P1: a fence is taken once, also after it ended, until it may be forgotten", async () => {
    const { pool, threads, clock } = bench();
    pool.deliver(dispatchOf(1, "a", ""));
    pool.deliver(dispatchOf(1, "a", ""));
    pool.ended(1, DONE);
    pool.deliver(dispatchOf(1, "a", ""));
    pool.settled(1);
    await clock.advance(limits.ENDED_FENCES_MS - 1);
    pool.deliver(dispatchOf(1, "a", ""));
    expect(threads.ran.length).toBe(1);
    await clock.advance(2);
    pool.deliver(dispatchOf(1, "a", ""));
    expect(threads.ran.length).toBe(2);
  });

  test("P3: an actor comes back to its thread, a new one goes where least is in flight", () => {
    const { pool, threads } = bench();
    pool.deliver(dispatchOf(1, "a", "", { conversation: "c-1" }));
    pool.deliver(dispatchOf(2, "a", "", { conversation: "c-2" }));
    const [first, second] = [threads.threadOf(1), threads.threadOf(2)];
    expect(first).not.toBe(second);
    pool.ended(1, DONE);
    pool.ended(2, DONE);
    pool.deliver(dispatchOf(3, "a", "", { conversation: "c-2" }));
    pool.deliver(dispatchOf(4, "a", "", { conversation: "c-1" }));
    expect([threads.threadOf(3), threads.threadOf(4)]).toEqual([second, first]);
  });

  test("with no thread ready a step waits, and runs when one is", () => {
    const { pool, threads } = bench();
    threads.up.fill(false);
    pool.deliver(dispatchOf(1, "a", ""));
    expect(threads.ran).toEqual([]);
    expect(pool.fences).toEqual([1]);
    threads.up[1] = true;
    pool.ready(1);
    expect(threads.ran).toEqual([{ thread: 1, fence: 1 }]);
  });

  test("a full mailbox refuses: the fence is not held, and may be sent again", () => {
    const { pool, threads } = bench();
    for (let fence = 1; fence <= limits.MAILBOX_MAX + 2; fence++) pool.deliver(dispatchOf(fence, "a", "", same));
    expect(pool.fences.length).toBe(limits.MAILBOX_MAX + 1);
    pool.ended(1, DONE);
    pool.deliver(dispatchOf(limits.MAILBOX_MAX + 2, "a", "", same));
    expect(pool.fences).toContain(limits.MAILBOX_MAX + 2);
    expect(threads.ran.length).toBe(2);
  });

  test("abort: what waits is gone, what runs is signalled and proposes nothing", () => {
    const { pool, threads, commands, ended } = bench();
    pool.deliver(dispatchOf(1, "a", "", same));
    pool.deliver(dispatchOf(2, "a", "", same));
    pool.abort([1, 2, 3]);
    expect([threads.aborted, pool.fences]).toEqual([[1], [1]]);
    pool.ended(1, DONE);
    expect([commands, pool.fences, ended]).toEqual([[], [], ["a aborted"]]);
    expect(pool.isIdle).toBe(true);
  });

  test("abortAll ends what has not finished and leaves results to be answered", () => {
    const { pool, commands } = bench();
    for (const fence of [1, 2, 3]) pool.deliver(dispatchOf(fence, "a", ""));
    pool.ended(1, DONE);
    expect(pool.abortAll()).toBe(2);
    expect(pool.abortAll()).toBe(0);
    expect(pool.fences).toEqual([1, 2, 3]);
    expect(commands.length).toBe(1);
  });

  test("a thread dies: killed uses an attempt, lost starts again alone, what had not begun goes to another thread", () => {
    const { pool, threads, commands } = bench();
    for (const fence of [1, 2, 3]) pool.deliver(dispatchOf(fence, "a", ""));
    const dead = threads.threadOf(1);
    if (typeof dead !== "number") throw new Error("not on a thread");
    threads.up[dead] = false;
    pool.died(dead, [{ fence: 1, outcome: "killed" }], "it exited with 7");
    pool.died(dead, [{ fence: 3, outcome: "again" }], "it exited with 7");
    expect(commands).toMatchObject([
      { type: "StepFailed", fence: 1, cause: "killed", terminal: false, error: { code: "TRIAD_STEP_KILLED" } },
    ]);
    expect(threads.ran.at(-1)).toEqual({ thread: 1 - dead, fence: 3 });
    pool.died(1 - dead, [{ fence: 2, outcome: "lost" }], "gone");
    expect(commands.at(-1)).toMatchObject({ type: "StepLost", fence: 2, alone: true });
  });

  test("the next of an actor whose thread died waits for a thread", () => {
    const { pool, threads } = bench(1);
    pool.deliver(dispatchOf(1, "a", "", same));
    pool.deliver(dispatchOf(2, "a", "", same));
    threads.up[0] = false;
    pool.died(0, [{ fence: 1, outcome: "killed" }], "gone");
    expect(threads.ran.length).toBe(1);
    threads.up[0] = true;
    pool.ready(0);
    expect(threads.ran.at(-1)).toEqual({ thread: 0, fence: 2 });
  });

  test("a step marked alone runs on the extra thread", () => {
    const { pool, threads, commands } = bench();
    pool.deliver(dispatchOf(1, "a", "", { alone: true }));
    expect(threads.ran).toEqual([{ thread: "alone", fence: 1 }]);
    pool.died(-1, [{ fence: 1, outcome: "killed" }], "it blocked");
    expect(commands).toMatchObject([{ type: "StepFailed", cause: "killed" }]);
  });

  test("live events are numbered from 0 within a start; long text is cut; none after the end", () => {
    const { pool, live } = bench();
    pool.deliver(dispatchOf(1, "a", "", { attempt: 2, start: 3 }));
    pool.started(1);
    const text = "🙂".repeat(limits.DELTA_BYTES_MAX / 4);
    pool.delta(1, text);
    pool.ended(1, DONE);
    pool.delta(1, "late");
    expect(live.map((event) => event.n)).toEqual(Array.from({ length: live.length }, (_, i) => i));
    expect(live.length).toBeGreaterThan(2);
    expect(live.every((event) => event.text.isWellFormed())).toBe(true);
    expect(live[0]).toMatchObject({ event: "started", fence: 1, attempt: 2, start: 3, agent: "a", worker: "w1" });
    expect(
      live
        .slice(1)
        .map((event) => event.text)
        .join(""),
    ).toBe(text);
    expect(live.every((event) => Buffer.byteLength(event.text) <= limits.DELTA_BYTES_MAX)).toBe(true);
  });
});
