/** A slot without a real thread: the test plays the thread at the other end of the port, on a clock of its own. */
import type { MessagePort } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { FrameChannel, type FromThread, type ToThread } from "../src/adapters/threads/frames.ts";
import { ThreadSlot } from "../src/adapters/threads/thread-slot.ts";
import { dispatchOf, until } from "./support/make.ts";

function bench(alone = false) {
  let nowMs = 0;
  const frames: ToThread[] = [];
  const verdicts: [number, string][] = [];
  const reasons: string[] = [];
  const threads: { begun: Int32Array; die: (reason: string) => void; channel: FrameChannel<FromThread, ToThread> }[] = [];
  const slot = new ThreadSlot(alone, {
    nowMs: () => nowMs,
    launch: (port: MessagePort, begun, signal) => {
      const run = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => run.reject(new Error("aborted")));
      const channel = new FrameChannel<FromThread, ToThread>(port, (frame) => frames.push(frame));
      threads.push({ begun: new Int32Array(begun), die: (reason) => run.reject(new Error(reason)), channel });
      return run.promise;
    },
    received: (frame) => void (frame.kind === "ready" && slot.markReady()),
    died: (list, reason) => {
      reasons.push(reason);
      verdicts.push(...list.map(({ fence, outcome }): [number, string] => [fence, `${outcome}: ${reason}`]));
    },
  });
  const advance = (ms: number): void => {
    nowMs += ms;
  };
  const begin = (seq: number): void => {
    const current = threads.at(-1);
    if (current) Atomics.store(current.begun, 0, seq);
  };
  return { slot, frames, verdicts, reasons, threads, advance, begin };
}

describe("ThreadSlot", () => {
  test("a team that never ends loading is ended, and says so", async () => {
    const b = bench();
    b.slot.start();
    b.advance(60_001);
    b.slot.watch();
    await until(() => b.threads.length === 2, "the next thread");
    expect(b.reasons).toEqual(["the team did not load within 60 s"]);
    await b.slot.close();
  });

  test("a thread that does not answer is ended only when a step that it began is over its time", async () => {
    const b = bench();
    b.slot.start();
    b.slot.markReady();
    b.slot.run(dispatchOf(1, "a", ""), 1_000);
    b.slot.watch();
    b.advance(60_000);
    b.slot.watch(); // Not begun: no step can be over its time.
    b.begin(1);
    b.slot.watch();
    b.advance(1_999);
    b.slot.watch();
    expect(b.threads.length).toBe(1);
    b.advance(1);
    b.slot.watch();
    await until(() => b.verdicts.length === 1, "the judgement");
    expect(b.verdicts).toEqual([[1, "killed: blocked beyond its timeout"]]);
    await b.slot.close();
  });

  test("an excuse (the worker itself was stopped) gives it another ping to answer", async () => {
    const b = bench();
    b.slot.start();
    b.slot.markReady();
    b.slot.run(dispatchOf(1, "a", ""), 1_000);
    b.begin(1);
    b.slot.watch();
    b.advance(60_000);
    b.slot.excuse();
    b.slot.watch();
    b.advance(499);
    b.slot.watch();
    await until(() => b.frames.filter((frame) => frame.kind === "ping").length === 2, "the second ping");
    b.threads[0]?.channel.send({ kind: "pong", n: 2, stateBytes: 5 });
    await until(() => b.slot.stateBytes === 5, "the answer");
    b.advance(60_000);
    b.slot.watch(); // It answers: its own timer ends the step, not the watchdog.
    expect(b.verdicts).toEqual([]);
    await b.slot.close();
  });

  test("T2: what a thread said before it died is heard before the judgement", async () => {
    const b = bench();
    b.slot.start();
    for (const fence of [1, 2]) b.slot.run(dispatchOf(fence, "a", ""), 1_000);
    b.begin(2);
    b.threads[0]?.channel.send({ kind: "ended", fence: 1, outcome: { kind: "aborted", serviceMs: 0 } });
    b.threads[0]?.channel.flush();
    b.threads[0]?.die("exit 7");
    await until(() => b.verdicts.length > 0, "the judgement");
    expect(b.verdicts).toEqual([[2, "killed: exit 7"]]);
    await b.slot.close();
  });

  test("frames of one loop turn leave as one buffer, in order", async () => {
    const b = bench();
    b.slot.start();
    for (let fence = 1; fence <= 50; fence++) b.slot.run(dispatchOf(fence, "a", ""), 1_000);
    await until(() => b.frames.length > 0, "frames");
    expect(b.frames.length).toBe(50);
    expect(b.frames.map((frame) => (frame.kind === "run" ? frame.seq : 0))).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    await b.slot.close();
  });

  test("the next thread starts by itself, ever later if it dies at once; the extra one waits to be asked", async () => {
    const b = bench();
    b.slot.start();
    b.threads[0]?.die("exit 1");
    await until(() => b.threads.length === 2, "the second thread");
    await b.slot.close();
    const extra = bench(true);
    extra.slot.start();
    for (const expected of [true, true, false]) {
      extra.threads.at(-1)?.die("exit 1");
      await until(() => !extra.slot.isReady && extra.threads.length > 0 && extra.slot.mayStart === expected, "down");
      if (expected) extra.slot.start();
    }
    extra.advance(100);
    expect(extra.slot.mayStart).toBe(true);
    await extra.slot.close();
  });
});
