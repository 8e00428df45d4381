/**
 * A disk that is full, for real: one coordinator's folder lies on a small file system of its own. Its process ends before anyone is told of
 * what it could not write, the others go on, and it comes back when there is room. Needs root, for the mount.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { START_MS } from "./support/orders-cluster.ts";

const DISK_MIB = 48;
const FULL = "c3";

/** Whether a file can be mounted here as a file system: root, a kernel with loop devices, Linux. */
function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !existsSync("/dev/loop-control")) return false;
  try {
    execFileSync("mkfs.ext4", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const able = canMount();
let cluster: TestCluster;
let mounted: string | undefined;

beforeAll(async () => {
  if (!able) return;
  cluster = await TestCluster.start({
    team: join(import.meta.dirname, "../fixtures/relay-team.ts"),
    threads: 2,
    env: { TRIAD_LOG_SEGMENT_BYTES: String(64 * 1024) },
  });
  await cluster.steady();
  await cluster.down();
  mountStore();
  await cluster.up();
  await cluster.steady();
}, START_MS);

afterAll(async () => {
  if (!able) return;
  try {
    await cluster?.down();
  } finally {
    if (mounted !== undefined) execFileSync("umount", [mounted]);
    await cluster?.[Symbol.asyncDispose]();
  }
}, START_MS);

/** Puts what the coordinator has onto a disk of its own. */
function mountStore(): void {
  const store = join(cluster.dataDir, FULL);
  const kept = join(cluster.folder, "kept");
  cpSync(store, kept, { recursive: true });
  const image = join(cluster.folder, "disk.img");
  execFileSync("truncate", ["-s", `${DISK_MIB}M`, image]);
  execFileSync("mkfs.ext4", ["-q", "-m", "0", image]);
  rmSync(store, { recursive: true });
  mkdirSync(store);
  execFileSync("mount", ["-o", "loop", image, store]);
  mounted = store;
  cpSync(kept, store, { recursive: true });
}

async function load(): Promise<void> {
  const input = JSON.stringify({ hops: 4, waitMs: 0, filler: "x".repeat(4_000) });
  const tasks = await Promise.all(
    Array.from({ length: 12 }, () => cluster.submit({ input, requires: { relaying: 1 }, maxTransitions: 6 })),
  );
  for (const { task } of tasks) expect((await cluster.outcome(task)).status).toBe("completed");
}

/** Takes every free byte. */
function fill(file: string): void {
  const block = Buffer.alloc(64 * 1024, 1);
  for (const size of [block.length, 4_096, 512]) {
    try {
      for (;;) writeFileSync(file, block.subarray(0, size), { flag: "a" });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
  }
}

describe.skipIf(!able)("a full disk (needs root and loop devices)", { timeout: 240_000 }, () => {
  it("ends the process that cannot write, and nothing else", async () => {
    const log = (): string => readFileSync(join(cluster.dataDir, "logs", `${FULL}.log`), "utf8");
    const ballast = join(cluster.dataDir, FULL, "ballast");
    await load();
    fill(ballast);
    await eventually(
      "the coordinator on the full disk ends, and says why",
      async () => {
        await load();
        return /"code":"TRIAD_STORE_FAILED"/.test(log()) && /ENOSPC|No space left/.test(log());
      },
      { withinMs: 120_000 },
    );
    // The others go on without it.
    await load();
    await load();
    rmSync(ballast);
    const view = await cluster.steady();
    expect(view.coordinators).toHaveLength(3);
    await eventually("all say the same of the same entry", async () => {
      const { coordinators } = await cluster.view();
      return new Set(coordinators.map(({ stateHash }) => stateHash)).size === 1;
    });
    await load();
  });
});
