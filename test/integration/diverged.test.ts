/** A record of one coordinator's state is changed behind its back: it stops, loudly and for good, and the others go on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeCanonical } from "@triad/protocol";
import { eventually, TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StateStore } from "../../packages/coordinator/src/adapters/store/state-store.ts";
import { keys } from "../../packages/coordinator/src/core/state/keys.ts";
import type { AgentRecord } from "../../packages/coordinator/src/core/state/records.ts";
import { START_MS } from "./support/orders-cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start({ team: join(import.meta.dirname, "../fixtures/relay-team.ts"), threads: 2 });
  await cluster.steady();
}, START_MS);

afterAll(() => cluster?.[Symbol.asyncDispose](), START_MS);

async function load(): Promise<void> {
  const order = { input: JSON.stringify({ hops: 4, waitMs: 0 }), requires: { relaying: 1 }, maxTransitions: 6 };
  const tasks = await Promise.all(Array.from({ length: 12 }, () => cluster.submit(order)));
  for (const { task } of tasks) expect((await cluster.outcome(task)).status).toBe("completed");
}

/** Gives an agent one step that it never made. */
async function poison(id: string): Promise<void> {
  const store = StateStore.open(join(cluster.dataDir, id, "state"), (error) => {
    throw error;
  });
  const key = keys.agent("left");
  const record = store.get(key) as AgentRecord;
  const changed = { ...record, steps: record.steps + 1 };
  store.commit(
    new Map([[key, changed]]),
    new Map([[key, encodeCanonical(changed as unknown as Parameters<typeof encodeCanonical>[0])]]),
    store.applied,
  );
  await store.close();
}

describe("a state that differs", { timeout: 240_000 }, () => {
  it("stops the coordinator that has it, and a restart does not bring it back", async () => {
    await load();
    expect((await cluster.down()).code).toBe(0);
    await poison("c2");
    await cluster.up();
    await cluster.steady();
    const log = (): string => readFileSync(join(cluster.dataDir, "logs", "c2.log"), "utf8");
    await eventually(
      "the one that differs stops",
      async () => {
        await load();
        return log().includes('"code":"TRIAD_STATE_DIVERGED"');
      },
      { withinMs: 120_000 },
    );
    expect(readdirSync(join(cluster.dataDir, "c2"))).toContain("diverged.json");
    // Its supervisor starts it again, and it refuses.
    await eventually("it refuses to start", () => log().includes("holds a state that differs from the majority's"), {
      withinMs: 30_000,
    }).catch((error: unknown) => {
      throw new Error(`the end of its log: ${log().slice(-1500)}`, { cause: error });
    });
    await load();
    const view = await cluster.view();
    const others = view.coordinators.filter(({ id }) => id !== "c2");
    expect(others.map(({ id }) => id)).toContain(view.leader);
    expect(log()).not.toContain('"code":"TRIAD_INTERNAL"');
  });
});
