/** A step's result is proposed until it is answered; one that the cluster can't take fails the step instead of hanging it. */
import { type BodyRef, type Command, type CommandResult, limits } from "@triad/protocol";
import pino from "pino";
import { describe, expect, test } from "vitest";
import type { BodyUploader } from "../../src/services/body-uploader.ts";
import type { WorkerMetrics } from "../../src/services/ports.ts";
import { commandOfOutcome } from "../../src/services/step-command.ts";
import { stepSettler } from "../../src/services/step-settler.ts";
import { dispatchOf } from "../support/make.ts";
import { settle } from "../support/manual-clock.ts";
import { MemoryBus } from "../support/memory-bus.ts";

type Upload = BodyUploader["upload"];

const nothingToUpload: Upload = () => Promise.reject(new Error("nothing was to be uploaded"));

function bench(judge: (command: Command) => CommandResult, output = "o", upload = nothingToUpload) {
  const proposed: Command[] = [];
  const settled: number[] = [];
  let fenced = 0;
  const fencedWrites = (count: number): void => {
    fenced += count;
  };
  const metrics = { fencedWrites } as unknown as WorkerMetrics;
  const link = {
    propose: async (command: Command) => {
      proposed.push(command);
      return judge(command);
    },
  };
  const bus = new MemoryBus();
  const sink = stepSettler({
    bus,
    link,
    uploader: { upload: (text, signal) => upload(text, signal) },
    cluster: "c",
    metrics,
    log: pino({ level: "silent" }),
    settled: (fence) => void settled.push(fence),
  });
  const outcome = {
    kind: "finished",
    output,
    facts: {},
    usage: { tokensIn: 0, tokensOut: 0, costUsd: 0 },
    serviceMs: 1,
    next: { kind: "finish" },
    bytes: output.length,
  } as const;
  const sized = commandOfOutcome(dispatchOf(7, "a", ""), outcome);
  if (sized === undefined) throw new Error("no command");
  sink.settle(sized.command, sized.bytes);
  return { proposed, settled, sink, bus, fenced: () => fenced };
}

describe("a step's effects", () => {
  const place = { task: "t-7", step: 1, member: 0, fence: 7 };
  const done = { type: "EffectDone", ...place, n: 1, outcome: { kind: "returned", value: "1" } } as const;
  const failed = (fence: number) =>
    ({
      type: "StepFailed",
      ...place,
      fence,
      cause: "threw",
      terminal: false,
      error: { code: "TRIAD_STEP_FAILED", message: "x" },
      retryAt: 0,
      assign: [],
    }) as const;

  test("a failure goes after the outcomes of its own effects, a finish does not wait for them", async () => {
    const order: string[] = [];
    const answer = Promise.withResolvers<CommandResult>();
    const link = {
      propose: (command: Command) => {
        order.push(`${command.type} ${"fence" in command ? command.fence : ""}`);
        return command.type === "EffectDone" ? answer.promise : Promise.resolve<CommandResult>({ outcome: "ok" });
      },
    };
    const metrics = { fencedWrites: () => undefined } as unknown as WorkerMetrics;
    const settled: number[] = [];
    const log = pino({ level: "silent" });
    const sink = stepSettler({
      bus: new MemoryBus(),
      link,
      uploader: { upload: nothingToUpload },
      cluster: "c",
      metrics,
      log,
      settled: (fence) => void settled.push(fence),
    });
    const recorded = sink.record(done, 1);
    sink.settle(failed(7), 1);
    sink.settle(failed(8), 1);
    await settle();
    expect([order, settled]).toEqual([["EffectDone 7", "StepFailed 8"], [8]]);
    answer.resolve({ outcome: "ok" });
    expect(await recorded).toEqual({ outcome: "ok" });
    await settle();
    expect([order.at(-1), settled]).toEqual(["StepFailed 7", [8, 7]]);
  });
});

describe("stepSettler", () => {
  test.each(["ok", "duplicate", "ended", "fenced"] as const)("%s settles it", async (outcome) => {
    const b = bench(() => ({ outcome }));
    await settle();
    expect([b.settled, b.proposed.length, b.fenced()]).toEqual([[7], 1, outcome === "fenced" ? 1 : 0]);
  });

  test("a refused result becomes the step's failure, terminal, with the cluster's reason", async () => {
    const b = bench((command) =>
      command.type === "StepFinished" ? { outcome: "refused", code: "TRIAD_FACTS_TOO_LARGE", message: "too many" } : { outcome: "ok" },
    );
    await settle();
    expect(b.proposed[1]).toMatchObject({
      type: "StepFailed",
      fence: 7,
      cause: "invalid",
      terminal: true,
      error: { code: "TRIAD_FACTS_TOO_LARGE", message: "too many" },
    });
    expect(b.settled).toEqual([7]);
  });

  test("live events go to the task's subject", () => {
    const b = bench(() => ({ outcome: "ok" }));
    b.sink.live({
      kind: "live",
      task: "t-7",
      fence: 7,
      step: 1,
      member: 0,
      attempt: 1,
      start: 1,
      n: 0,
      event: "started",
      agent: "a",
      worker: "w",
      text: "",
    });
    expect(b.bus.published).toMatchObject([{ subject: "triad.c.task.t-7.events", message: { kind: "live", fence: 7 } }]);
  });

  test("an output above the inline bound is stored before its reference is proposed; one that fits is proposed as it is", async () => {
    const body: BodyRef = { ref: "r", bytes: 1, chunks: ["c"], head: "h" };
    const stored = Promise.withResolvers<BodyRef>();
    const large = "x".repeat(limits.INLINE_BODY_BYTES_MAX + 1);
    const b = bench(
      () => ({ outcome: "ok" }),
      large,
      (text) => (text === large ? stored.promise : nothingToUpload(text, never)),
    );
    await settle();
    expect([b.proposed, b.settled]).toEqual([[], []]);
    stored.resolve(body);
    await settle();
    expect([b.proposed, b.settled]).toMatchObject([[{ type: "StepFinished", output: body }], [7]]);
    const fits = bench(() => ({ outcome: "ok" }), large.slice(1));
    await settle();
    expect(fits.proposed).toMatchObject([{ output: large.slice(1) }]);
  });

  test("a step that is void while its output is stored is settled and never proposed", async () => {
    const upload: Upload = (_text, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const b = bench(() => ({ outcome: "ok" }), "x".repeat(limits.INLINE_BODY_BYTES_MAX + 1), upload);
    b.sink.abandon(7);
    await settle();
    expect([b.proposed, b.settled]).toEqual([[], [7]]);
  });
});

const never = new AbortController().signal;
