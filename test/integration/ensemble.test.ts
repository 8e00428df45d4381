/**
 * An ensemble through real processes: it ends as soon as nothing could change its answer, says who is missing where a deadline cut it short, and
 * goes on without a member that fails, or with one that lost its worker.
 */
import { eventually, type TaskView, type TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Ledger } from "./support/ledger.ts";
import { START_MS, type StepDetail, startOrders, stepsOf, teamFile } from "./support/orders-cluster.ts";
import type { PanelOrder } from "./teams/panel.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startOrders({ team: teamFile("panel") });
}, START_MS);

afterAll(() => cluster?.[Symbol.asyncDispose](), START_MS);

interface Panel {
  readonly aggregate?: "first" | "majority" | "weighted";
  readonly quorum?: number;
  readonly deadlineMs?: number;
}

async function submit(order: PanelOrder, { aggregate = "majority", quorum, deadlineMs }: Panel = {}): Promise<string> {
  const strategy = { kind: "ensemble", agents: 3, aggregate, ...(quorum === undefined ? {} : { quorum }) };
  const body = { input: JSON.stringify(order), requires: { judging: 1 }, strategy, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  return (await cluster.submit(body)).task;
}

const run = async (
  order: PanelOrder,
  panel: Panel = {},
): Promise<TaskView & { readonly partial?: { readonly missing: readonly number[] } }> => cluster.outcome(await submit(order, panel));

const membersOf = (task: TaskView): NonNullable<StepDetail["members"]> => stepsOf(task)[0]?.members ?? [];
const outcomes = (task: TaskView): Readonly<Record<string, string>> =>
  Object.fromEntries(membersOf(task).map(({ agent, outcome }) => [agent, outcome]));

describe("an ensemble", { timeout: 60_000 }, () => {
  it("stops as soon as nothing could change its answer, and ends the step of whoever still works on it", async () => {
    using ledger = new Ledger();
    const judges = { ada: { answer: "left" }, ben: { answer: " left\n" }, cyd: { answer: "right", waitMs: 50_000 } };
    const task = await run({ ledger: ledger.file, judges });
    expect([task.status, task.output?.trim(), task.partial]).toEqual(["completed", "left", undefined]);
    expect(outcomes(task)).toMatchObject({ cyd: "voided" });
    expect(Object.values(outcomes(task)).toSorted()).toEqual(["agreed", "voided", "won"]);
    await eventually("the third judge is told to stop", () =>
      ledger.lines.some(({ agent, event }) => agent === "cyd" && event === "aborted"),
    );
    // Only the winner's facts are merged.
    expect(Object.keys(task.facts ?? {})).toHaveLength(1);
  });

  it("at a deadline with a quorum answers with what is there, and says who is missing", async () => {
    const judges = { ada: { answer: "left" }, ben: { answer: "right" }, cyd: { answer: "right", waitMs: 50_000 } };
    const task = await run({ judges }, { quorum: 2, deadlineMs: 1_500 });
    expect(task.status).toBe("completed");
    const missing = membersOf(task).findIndex(({ agent }) => agent === "cyd");
    expect(task.partial).toEqual({ missing: [missing] });
  });

  it("at a deadline without a quorum expires", async () => {
    const judges = { ada: { answer: "left" }, ben: { answer: "right" }, cyd: { answer: "right", waitMs: 50_000 } };
    const task = await run({ judges }, { deadlineMs: 1_000 });
    expect([task.status, task.error?.code, task.steps]).toEqual(["expired", "TRIAD_DEADLINE", []]);
  });

  it("goes on without a member that fails for good; where all fail, the task fails with their error", async () => {
    const one = await run({ judges: { ada: { does: "throw" }, ben: { answer: "right" }, cyd: { answer: "right" } } });
    expect([one.status, one.output, outcomes(one)["ada"]]).toEqual(["completed", "right", "failed"]);
    const all = await run({ judges: { ada: { does: "throw" }, ben: { does: "throw" }, cyd: { does: "throw" } } });
    expect([all.status, all.error?.code]).toEqual(["failed", "TRIAD_STEP_FAILED"]);
    expect(JSON.stringify(all.error)).toMatch(/(ada|ben|cyd) cannot judge/);
  });

  it("lets its members only finish", async () => {
    const task = await run({ judges: { ada: { does: "handoff" }, ben: { does: "handoff" }, cyd: { does: "handoff" } } });
    expect([task.status, task.error?.code]).toEqual(["failed", "TRIAD_STEP_INVALID"]);
  });

  it("starts a member that lost its worker again, alone, under the key that it had", async () => {
    using ledger = new Ledger();
    const waitMs = 4_000;
    const judges = { ada: { answer: "left", waitMs }, ben: { answer: "right", waitMs }, cyd: { answer: "left", waitMs } };
    const task = await submit({ ledger: ledger.file, judges });
    await eventually("all three judge", () => ledger.count("start") === 3);
    const killed = await cluster.killWorker();
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.output]).toEqual(["completed", "left"]);
    const starts = ledger.lines.filter(({ event }) => event === "start");
    const lost = new Set(starts.filter(({ pid }) => pid === killed).map(({ agent }) => agent));
    expect(lost.size).toBeGreaterThan(0);
    for (const agent of ["ada", "ben", "cyd"]) {
      const own = starts.filter((line) => line.agent === agent);
      expect([own.length, new Set(own.map(({ key }) => key)).size]).toEqual([lost.has(agent) ? 2 : 1, 1]);
    }
    expect(starts.every(({ attempt }) => attempt === 1)).toBe(true);
    await cluster.steady();
  });
});
