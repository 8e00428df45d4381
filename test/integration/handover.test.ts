/**
 * A leader that is told to end hands over before it does. How much less a client waits than after a kill is measured where time is virtual:
 * packages/coordinator/test/snapshot/handover.test.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { START_MS } from "./support/orders-cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start({ team: join(import.meta.dirname, "../fixtures/relay-team.ts"), threads: 2 });
  await cluster.steady();
}, START_MS);

afterAll(() => cluster?.[Symbol.asyncDispose](), START_MS);

describe("a leader that is told to end", { timeout: 120_000 }, () => {
  it("hands over first, loses nothing, and is back as a follower", async () => {
    const before = await cluster.steady();
    const leader = before.coordinators.find(({ id }) => id === before.leader)!;
    const order = { input: JSON.stringify({ hops: 6, waitMs: 50 }), requires: { relaying: 1 }, maxTransitions: 8 };
    const running = await Promise.all(Array.from({ length: 8 }, () => cluster.submit(order)));
    process.kill(leader.pid, "SIGTERM");
    running.push(await cluster.submit(order));
    for (const { task } of running) {
      const ended = await cluster.outcome(task);
      expect([ended.status, ended.steps?.length]).toEqual(["completed", 6]);
    }
    const log = readFileSync(join(cluster.dataDir, "logs", `${leader.id}.log`), "utf8");
    expect(log).toContain("leadership was handed over");
    await eventually("the old leader is back, and follows", async () => {
      const now = await cluster.steady();
      return now.coordinators.find(({ id }) => id === leader.id)!.pid !== leader.pid && now.leader !== leader.id;
    });
  });
});
