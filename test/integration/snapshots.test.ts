/**
 * A coordinator that was away for so long that the others' logs do not reach back to it any more: it is brought a snapshot while work goes on,
 * and then says the same as the others. Logs are kept tiny here, so that "long" is a matter of seconds.
 */
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually, TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { START_MS } from "./support/orders-cluster.ts";
import { scrape } from "./support/prometheus.ts";

const SEGMENT_BYTES = 64 * 1024;
const LOG_BYTES_MAX = 8 * SEGMENT_BYTES;
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start({
    team: join(import.meta.dirname, "../fixtures/relay-team.ts"),
    threads: 2,
    env: {
      TRIAD_LOG_SEGMENT_BYTES: String(SEGMENT_BYTES),
      TRIAD_LOG_TAIL_ENTRIES: "20",
      TRIAD_LOG_TAIL_BYTES: String(2 * SEGMENT_BYTES),
      TRIAD_LOG_BYTES_MAX: String(LOG_BYTES_MAX),
    },
  });
  await cluster.steady();
}, START_MS);

afterAll(() => cluster?.[Symbol.asyncDispose](), START_MS);

const FILLER = "x".repeat(4_000);
const submit = (hops: number) =>
  cluster.submit({ input: JSON.stringify({ hops, waitMs: 0, filler: FILLER }), requires: { relaying: 1 }, maxTransitions: hops + 2 });

/** A dozen tasks, ended. */
async function load(): Promise<void> {
  const tasks = await Promise.all(Array.from({ length: 12 }, () => submit(4)));
  for (const { task } of tasks) expect((await cluster.outcome(task)).status).toBe("completed");
}

const figure = async (http: string, name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> =>
  (await scrape(http)).sum(name, labels);

describe("a log that is cut", { timeout: 240_000 }, () => {
  it("stays small under load, and brings a snapshot to whoever was away for long", async () => {
    const before = await cluster.steady();
    const followers = before.coordinators.filter(({ id }) => id !== before.leader);
    const away = followers[randomInt(followers.length)]!;
    const staying = before.coordinators.filter(({ id }) => id !== away.id);
    process.kill(away.pid, "SIGSTOP");
    await eventually(
      "the others' logs begin after what the one who is away has",
      async () => {
        await load();
        const first = await Promise.all(staying.map(({ http }) => figure(http, "triad_log_first_index")));
        return first.every((index) => index > away.appliedIndex + 1);
      },
      { withinMs: 120_000 },
    );
    for (const { http, id } of staying) {
      expect(await figure(http, "triad_log_bytes")).toBeLessThanOrEqual(LOG_BYTES_MAX + 4 * SEGMENT_BYTES);
      const files = readdirSync(join(cluster.dataDir, id, "log"));
      expect(files.length * SEGMENT_BYTES).toBeLessThanOrEqual(LOG_BYTES_MAX + 6 * SEGMENT_BYTES);
    }

    // Gone for good as a process; its supervisor starts another one on the same folder.
    process.kill(away.pid, "SIGKILL");
    let working = true;
    const work = (async () => {
      while (working) await load();
    })();
    try {
      await eventually(
        "it is up again, by a snapshot",
        async () => (await figure(away.http, "triad_snapshots_total", { event: "installed" }).catch(() => 0)) >= 1,
        { withinMs: 60_000 },
      );
    } finally {
      working = false;
      await work;
    }
    await eventually("all say the same of the same entry", async () => {
      const view = await cluster.view();
      const indexes = new Set(view.coordinators.map(({ appliedIndex }) => appliedIndex));
      const hashes = new Set(view.coordinators.map(({ stateHash }) => stateHash));
      return indexes.size === 1 && hashes.size === 1;
    });
    const sent = await Promise.all(staying.map(({ http }) => figure(http, "triad_snapshots_total", { event: "sent" })));
    expect(Math.max(...sent)).toBeGreaterThanOrEqual(1);

    // What it was brought is on its disk: it comes back with it.
    const pid = (await cluster.view()).coordinators.find(({ id }) => id === away.id)!.pid;
    process.kill(pid, "SIGKILL");
    const again = await cluster.steady();
    expect(again.coordinators.find(({ id }) => id === away.id)!.pid).not.toBe(pid);
    await load();
  });

  it("is no log to start from where the applied state is gone: that coordinator refuses and says why, the others go on", async () => {
    const view = await cluster.steady();
    const victim = view.coordinators.find(({ id }) => id !== view.leader)!;
    expect(await figure(victim.http, "triad_log_first_index")).toBeGreaterThan(1);
    process.kill(victim.pid, "SIGSTOP");
    rmSync(join(cluster.dataDir, victim.id, "state"), { recursive: true });
    process.kill(victim.pid, "SIGKILL");
    await eventually("it refuses to start, in words for an operator", () => {
      const log = readFileSync(join(cluster.dataDir, "logs", `${victim.id}.log`), "utf8");
      return /TRIAD_STORE_CORRUPT.*The applied state beside .* but the log begins at entry \d+/.test(log);
    });
    await load();
    await load();
  });
});
