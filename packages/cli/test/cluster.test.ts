/**
 * `up`, `scale` and `down` as processes, over a real nats-server, with small stand-ins for coordinators and workers (fixtures/): what the
 * supervisor does when any of its processes dies, and what `down` does when the supervisor itself did.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClusterFiles } from "../src/cluster/cluster-files.ts";
import { runningProcesses, stopCluster } from "../src/cluster/stop-cluster.ts";
import { portFree, portServed } from "../src/nats/ports.ts";
import { startOf } from "../src/processes/process-identity.ts";
import { readState } from "../src/supervisor/state-file.ts";
import { eventually } from "./eventually.ts";
import { type Ran, runTriad } from "./run-triad.ts";

interface Report {
  cluster: string;
  nats: string;
  http: string[];
  dataDir: string;
  pids: { supervisor: number; nats: number | null; coordinators: number[]; workers: number[] };
}

const FIXTURES = join(import.meta.dirname, "fixtures");
const TEAM = join(FIXTURES, "team.ts");

let folder = "";
let files: ClusterFiles;
let base = 0;
let extra: Record<string, string> = {};

/** Below 32768, so that no outgoing connection sits on one while its owner restarts. */
async function freeBase(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 6_000);
    const free = await Promise.all([0, 1, 2].map((i) => portFree("127.0.0.1", first + i)));
    if (free.every(Boolean)) return first;
  }
}

function triad(...args: string[]): Promise<Ran> {
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(join(FIXTURES, "fake-cluster.ts")).href}`, FAKE_CLUSTER_DIR: folder, ...extra };
  return runTriad(args, { cwd: folder, env });
}
const upArgs = (...more: string[]): string[] => [
  "up",
  "--http",
  String(base),
  "--data-dir",
  files.dataDir,
  "--team",
  TEAM,
  "--detach",
  "--json",
  ...more,
];
async function up(...more: string[]): Promise<Report> {
  const ran = await triad(...upArgs(...more));
  expect([ran.code, ran.code === 0 ? "" : ran.err]).toEqual([0, ""]);
  return JSON.parse(ran.out) as Report;
}
const down = (): Promise<Ran> => triad("down", "--data-dir", files.dataDir);
const lines = (name: string): string[] =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8").trim().split("\n") : [];
const pidOf = (name: string): number | undefined => readState(files.stateFile)?.children.find((one) => one.name === name)?.process?.pid;
async function expectNothingLeft(report: Report): Promise<void> {
  expect(runningProcesses(files)).toEqual([]);
  for (const pid of [report.pids.supervisor, report.pids.nats, ...report.pids.coordinators, ...report.pids.workers])
    if (pid !== null) expect(startOf(pid)).toBeUndefined();
  for (const port of [base, base + 1, base + 2, Number(new URL(report.nats).port)])
    expect(await portServed("127.0.0.1", port, 500)).toBe(false);
  expect(existsSync(join(files.dataDir, "run"))).toBe(false);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "triad cluster "));
  files = new ClusterFiles(join(folder, "the data"));
  base = await freeBase();
  extra = {};
});
afterEach(async () => {
  if (existsSync(files.dataDir)) await stopCluster(files, () => undefined);
  rmSync(folder, { recursive: true, force: true });
});

describe("up and down", () => {
  it("reports what the contract says, lets go of the caller's streams, and leaves nothing after down; the next up goes on", async () => {
    const first = await up();
    expect(first.http).toEqual([0, 1, 2].map((i) => `http://127.0.0.1:${base + i}`));
    expect([first.pids.coordinators.length, first.pids.workers.length, first.dataDir]).toEqual([3, 2, files.dataDir]);
    expect(await portServed("127.0.0.1", Number(new URL(first.nats).port), 500)).toBe(true);
    expect(lines("starts.log").toSorted()).toEqual(["c1 bootstrap", "c2 bootstrap", "c3 bootstrap"]);
    await eventually("the mark that all were ready once", () => files.bootstrapped);
    expect((await triad("status", "--data-dir", files.dataDir, "--json")).code).toBe(0);

    const twice = await triad(...upArgs());
    expect(twice.code).toBe(1);
    expect(twice.err).toMatch(/^error TRIAD_CLUSTER_RUNNING: /);

    expect((await down()).code).toBe(0);
    await expectNothingLeft(first);
    const ends = lines("ends.log");
    expect([ends.slice(0, 2).toSorted(), ends.slice(2).toSorted()]).toEqual([
      ["w1", "w2"],
      ["c1", "c2", "c3"],
    ]);
    expect((await down()).out).toMatch(/^nothing runs on /);

    const second = await up();
    expect([second.cluster, second.nats, second.http]).toEqual([first.cluster, first.nats, first.http]);
    expect(lines("starts.log").slice(3).toSorted()).toEqual(["c1 again", "c2 again", "c3 again"]);
    expect((await down()).code).toBe(0);
    await expectNothingLeft(second);
  });

  it("starts again whichever process dies: a worker under its id, nats-server at its address", async () => {
    const report = await up();
    for (const [name, pid] of [
      ["w1", report.pids.workers[0]],
      ["c2", report.pids.coordinators[1]],
      ["nats", report.pids.nats],
    ] as const) {
      process.kill(pid ?? 0, "SIGKILL");
      await eventually(`${name} is back`, () => pidOf(name) !== pid && pidOf(name));
    }
    await eventually("nats-server listens again", () => portServed("127.0.0.1", Number(new URL(report.nats).port), 500));
    expect((await down()).code).toBe(0);
    await expectNothingLeft(report);
  });

  it("cleans up after the supervisor was killed, processes that no file names included", async () => {
    const report = await up();
    process.kill(report.pids.supervisor, "SIGKILL");
    await eventually("the supervisor is gone", () => startOf(report.pids.supervisor) === undefined);
    // As after a power cut: the file is cut, and the processes are found by their environment alone.
    writeFileSync(files.stateFile, '{"version":');
    const ran = await down();
    expect([ran.code, ran.out]).toEqual([0, expect.stringContaining("6 processes ended")]);
    expect(lines("ends.log").slice(0, 2).toSorted()).toEqual(["w1", "w2"]);
    await expectNothingLeft(report);
  });

  it("ends processes that are stopped", async () => {
    const report = await up();
    for (const pid of [report.pids.supervisor, report.pids.workers[0] ?? 0]) process.kill(pid, "SIGSTOP");
    expect((await down()).code).toBe(0);
    await expectNothingLeft(report);
  });

  it("does not signal a process that got the pid of one of ours", async () => {
    await up();
    expect((await down()).code).toBe(0);
    // A state file left behind by a crash, whose pid is that of this test now.
    const state = { version: 1, supervisor: { pid: process.pid, start: "an earlier boot:1" }, stopping: false, children: [] };
    rmSync(join(files.dataDir, "run"), { recursive: true, force: true });
    const { mkdirSync } = await import("node:fs");
    mkdirSync(join(files.dataDir, "run"));
    writeFileSync(files.stateFile, JSON.stringify(state));
    const ran = await down();
    expect([ran.code, ran.out]).toEqual([0, expect.stringMatching(/^nothing runs/)]);
  });

  it("stops what it started and names the log when a coordinator does not come up", async () => {
    extra = { FAKE_COORDINATOR_FAILS: "c2" };
    const ran = await triad(...upArgs());
    expect([ran.code, ran.out]).toEqual([1, ""]);
    expect(ran.err).toContain(
      `error TRIAD_UP_FAILED: c2 died 5 times (exit 1): error TRIAD_STORE_CORRUPT: as told (log: ${files.logFile("c2")})`,
    );
    expect(runningProcesses(files)).toEqual([]);
    expect(files.bootstrapped).toBe(false);
  });

  it("goes on with two of three that were up before, and says which one is missing and why", async () => {
    await up();
    await eventually("the mark that all were ready once", () => files.bootstrapped);
    await down();
    extra = { FAKE_COORDINATOR_FAILS: "c2" };
    const ran = await triad(...upArgs());
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/warning: the cluster goes on without one of its coordinators: c2 died \d+ times .*TRIAD_STORE_CORRUPT/);
    expect((JSON.parse(ran.out) as Report).pids.workers).toHaveLength(2);
  });

  it("stays in the foreground until it is interrupted, and then leaves nothing", async () => {
    const { spawn } = await import("node:child_process");
    const { cleanEnvironment, ENTRY } = await import("./run-triad.ts");
    const args = upArgs().filter((word) => word !== "--detach");
    const env = cleanEnvironment({
      NODE_OPTIONS: `--import ${pathToFileURL(join(FIXTURES, "fake-cluster.ts")).href}`,
      FAKE_CLUSTER_DIR: folder,
    });
    const child = spawn(process.execPath, [ENTRY, ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const report = await new Promise<Report>((resolve) =>
      child.stdout.on("data", (chunk: Buffer) => resolve(JSON.parse(chunk.toString("utf8")) as Report)),
    );
    expect(child.exitCode).toBeNull();
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    await expectNothingLeft(report);
  });
});

describe("a worker that was drained", () => {
  it("is replaced under another id, and its own is not used again", async () => {
    const report = await up();
    const drained = report.pids.workers[0] ?? 0;
    process.kill(drained, "SIGTERM"); // as the real one does after POST /v1/workers/w1/drain: it ends with 0
    await eventually("another worker", () => pidOf("w3"));
    expect(startOf(drained)).toBeUndefined();
    expect(pidOf("w1")).toBeUndefined();
    expect(pidOf("w2")).toBe(report.pids.workers[1]);
  });
});

describe("scale workers", () => {
  it("adds under new ids and drains the latest", async () => {
    const report = await up();
    const four = JSON.parse((await triad("scale", "workers", "4", "--data-dir", files.dataDir, "--json")).out) as {
      workers: { id: string; pid: number }[];
    };
    expect(four.workers.map(({ id }) => id)).toEqual(["w1", "w2", "w3", "w4"]);
    expect(four.workers.slice(0, 2).map(({ pid }) => pid)).toEqual(report.pids.workers);
    expect((await triad("scale", "workers", "1", "--data-dir", files.dataDir)).code).toBe(0);
    expect(lines("ends.log").toSorted()).toEqual(["w2", "w3", "w4"]);
    for (const { pid } of four.workers.slice(1)) expect(startOf(pid)).toBeUndefined();
  });
});

describe("what `up` refuses before it starts anything", () => {
  let taken: Server | undefined;
  afterEach(() => taken?.close());
  const untouched = (): void => expect(existsSync(files.dataDir)).toBe(false);

  it("a port that is taken", async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken?.listen(base + 1, "127.0.0.1", resolve));
    const ran = await triad(...upArgs());
    expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(new RegExp(`^error TRIAD_PORT_TAKEN: port ${base + 1} `))]);
    untouched();
  });

  it("a team that is not there, is none, or can't be loaded", async () => {
    const broken = join(folder, "broken.ts");
    writeFileSync(broken, "export default {");
    const empty = join(folder, "empty.ts");
    writeFileSync(empty, "export const x = 1;");
    for (const [team, code] of [
      [join(folder, "none.ts"), "TRIAD_TEAM_NOT_FOUND"],
      [empty, "TRIAD_TEAM_INVALID"],
      [broken, "TRIAD_[A-Z_]+"],
    ] as const) {
      const ran = await triad(...upArgs().map((word) => (word === TEAM ? team : word)));
      expect([ran.code, ran.out]).toEqual([1, ""]);
      expect(ran.err).toMatch(new RegExp(`^error ${code}: .*\n$`));
    }
    untouched();
  });

  it("a nats-server that is not there, or none at all", async () => {
    const away = await triad(...upArgs("--nats", `nats://127.0.0.1:${base}`));
    expect([away.code, away.err]).toEqual([1, expect.stringMatching(/^error TRIAD_NATS_UNREACHABLE: /)]);
    extra = { PATH: "/nonexistent" };
    const missing = await triad(...upArgs());
    expect([missing.code, missing.err]).toEqual([1, expect.stringMatching(/^error TRIAD_NATS_MISSING: .*apt-get/)]);
    untouched();
  });

  it("another number of coordinators than the data directory has", async () => {
    await up();
    await down();
    const ran = await triad(...upArgs("--coordinators", "5"));
    expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(/^error TRIAD_NOT_AVAILABLE: .*has 3 coordinators, not 5/)]);
  });

  it("a second `up` while one is at work", async () => {
    const { takeUpLock } = await import("../src/cluster/up-lock.ts");
    using _held = takeUpLock(files.lockFile);
    const ran = await triad(...upArgs());
    expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(/^error TRIAD_CLUSTER_RUNNING: another/)]);
    appendFileSync(files.lockFile, ""); // still ours: the other one did not take it away
  });
});
