/** A step's result is proposed until it is answered; one that the cluster can't take fails the step instead of hanging it. */
import type { Command, CommandResult } from "@triad/protocol";
import pino from "pino";
import { describe, expect, test } from "vitest";
import type { WorkerMetrics } from "../../src/services/ports.ts";
import { commandOfOutcome } from "../../src/services/step-command.ts";
import { stepSettler } from "../../src/services/step-settler.ts";
import { dispatchOf } from "../support/make.ts";
import { settle } from "../support/manual-clock.ts";
import { MemoryBus } from "../support/memory-bus.ts";

function bench(judge: (command: Command) => CommandResult) {
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
    cluster: "c",
    metrics,
    log: pino({ level: "silent" }),
    settled: (fence) => void settled.push(fence),
  });
  const outcome = {
    kind: "finished",
    output: "o",
    facts: {},
    usage: { tokensIn: 0, tokensOut: 0, costUsd: 0 },
    serviceMs: 1,
    next: { kind: "finish" },
    bytes: 1,
  } as const;
  const sized = commandOfOutcome(dispatchOf(7, "a", ""), outcome);
  if (sized === undefined) throw new Error("no command");
  sink.settle(sized.command, sized.bytes);
  return { proposed, settled, sink, bus, fenced: () => fenced };
}

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
});
