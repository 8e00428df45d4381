/** A worker as a process of its own: signals, exit codes, the one line of an error. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerOptions } from "../src/worker.ts";
import { FakeCoordinator } from "./support/fake-coordinator.ts";
import { dispatchOf, until } from "./support/make.ts";
import { freePort, type NatsServer, startNatsServer } from "./support/nats-server.ts";

const SCRIPT = fileURLToPath(new URL("./fixtures/process.ts", import.meta.url));
const TEAM = fileURLToPath(new URL("./fixtures/team.ts", import.meta.url));

interface Process {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly stderr: () => string;
}

function start(options: Partial<WorkerOptions>): Process {
  const all = { team: TEAM, id: "w1", threads: 1, log: "silent", ...options };
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(all)], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr?.on("data", (data) => {
    text += String(data);
  });
  return { child, exit: new Promise((resolve) => child.once("close", resolve)), stderr: () => text };
}

describe("a worker process", () => {
  let nats: NatsServer;
  let coordinator: FakeCoordinator;
  beforeAll(async () => {
    nats = await startNatsServer();
    coordinator = await FakeCoordinator.start(nats.url, { cluster: "main" });
  });
  afterAll(async () => {
    await coordinator[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
  });

  test("SIGTERM lets what runs finish, leaves, and exits 0 with nothing on stderr", async () => {
    const worker = start({ nats: nats.url });
    await until(() => coordinator.heartbeats.at(-1)?.token === coordinator.token, "registration");
    coordinator.send("w1", { kind: "dispatch", term: 1, leader: "c1", items: [dispatchOf(1, "waits", "500")] });
    await until(() => coordinator.live.some((event) => event.fence === 1), "start");
    worker.child.kill("SIGTERM");
    expect(await worker.exit).toBe(0);
    expect(coordinator.of("StepFinished")[0]).toMatchObject({ fence: 1, output: "waited" });
    expect(coordinator.of("WorkerLost")).toHaveLength(1);
    expect(worker.stderr()).toBe("");
  });

  test.each<[string, Partial<WorkerOptions>, string]>([
    ["no team file", { team: "/nowhere/team.ts" }, "TRIAD_TEAM_NOT_FOUND: there is no team file at /nowhere/team.ts"],
    ["no nats-server", { nats: "nats://127.0.0.1:1" }, "TRIAD_NATS_UNREACHABLE: no nats-server answers at 127.0.0.1:1"],
    ["an address that is none", { nats: "nats://:::" }, "TRIAD_NATS_UNREACHABLE: "],
  ])("%s: one line, exit 1", async (_what, options, line) => {
    const worker = start({ nats: nats.url, ...options });
    expect(await worker.exit).toBe(1);
    expect(worker.stderr()).toMatch(/^[^\n]+\n$/);
    expect(worker.stderr()).toContain(line);
  });

  test("a port that is taken: TRIAD_PORT_TAKEN", async () => {
    const port = Number(new URL(nats.url).port);
    const worker = start({ nats: nats.url, id: "w2", http: { host: "127.0.0.1", port } });
    expect(await worker.exit).toBe(1);
    expect(worker.stderr()).toMatch(/^error TRIAD_PORT_TAKEN: .*\n$/);
  });

  test("SIGTERM while it still looks for a cluster: exits 0", async () => {
    await using empty = await startNatsServer([], await freePort());
    const worker = start({ nats: empty.url });
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // Nothing tells from outside that it is looking; long enough to be there.
    worker.child.kill("SIGTERM");
    expect(await worker.exit).toBe(0);
  });
});
