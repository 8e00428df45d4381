/** A worker in this process against a real nats-server and a coordinator that answers as told: registration, steps, losses, drain. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningWorker, runWorker, type WorkerOptions } from "../src/worker.ts";
import { FakeCoordinator, type FakeCoordinatorOptions } from "./support/fake-coordinator.ts";
import { chainOf, dispatchOf, factsOf, until } from "./support/make.ts";
import { freePort, type NatsServer, startNatsServer } from "./support/nats-server.ts";

const TEAM = fileURLToPath(new URL("./fixtures/team.ts", import.meta.url));
let nats: NatsServer;
let clusters = 0;

beforeAll(async () => {
  nats = await startNatsServer();
});

afterAll(async () => {
  await nats[Symbol.asyncDispose]();
});

interface Scene extends AsyncDisposable {
  readonly coordinator: FakeCoordinator;
  readonly worker: RunningWorker;
  readonly id: string;
}

/** Each test has a cluster of its own on the one server. */
async function scene(options: Partial<WorkerOptions> = {}, coordinatorOptions: FakeCoordinatorOptions = {}): Promise<Scene> {
  const cluster = `cluster-${++clusters}`;
  const coordinator = await FakeCoordinator.start(nats.url, { cluster, ...coordinatorOptions });
  const worker = await runWorker({
    nats: nats.url,
    cluster,
    team: TEAM,
    id: "w1",
    threads: 2,
    log: "silent",
    http: { host: "127.0.0.1", port: 0 },
    ...options,
  });
  return {
    coordinator,
    worker,
    id: "w1",
    [Symbol.asyncDispose]: async () => {
      await worker.stop();
      await coordinator[Symbol.asyncDispose]();
    },
  };
}

const registered = (coordinator: FakeCoordinator): Promise<void> =>
  until(() => coordinator.heartbeats.some((beat) => beat.token === coordinator.token), "registration");
const header = (coordinator: FakeCoordinator) => ({ term: coordinator.term, leader: coordinator.id });

describe("a worker and its leader", () => {
  test("registers its team, then itself, and beats with its token", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    const [team] = s.coordinator.of("RegisterTeam");
    expect(team?.manifest.name).toBe("threads");
    expect(team?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(s.coordinator.of("RegisterWorker")[0]).toMatchObject({
      worker: "w1",
      digest: team?.digest,
      threads: 2,
      pid: process.pid,
      http: s.worker.http,
    });
    expect(s.coordinator.commands.map((command) => command.type).slice(0, 2)).toEqual(["RegisterTeam", "RegisterWorker"]);
  });

  test("runs what it is sent and proposes what came of it, with live events in order", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    s.coordinator.send("w1", {
      kind: "dispatch",
      ...header(s.coordinator),
      items: [dispatchOf(1, "talks", "a b c"), dispatchOf(2, "throws", "")],
    });
    await until(() => s.coordinator.of("StepFinished").length === 1 && s.coordinator.of("StepFailed").length === 1, "both ends");
    expect(s.coordinator.of("StepFinished")[0]).toMatchObject({
      fence: 1,
      task: "t-1",
      output: "said",
      next: { kind: "finish" },
      assign: [],
    });
    expect(s.coordinator.of("StepFailed")[0]).toMatchObject({
      fence: 2,
      cause: "threw",
      terminal: false,
      error: { code: "TRIAD_STEP_FAILED", message: "as told" },
    });
    await until(() => s.coordinator.live.filter((event) => event.fence === 1).length === 4, "live events");
    const live = s.coordinator.live.filter((event) => event.fence === 1);
    expect(live.map((event) => [event.n, event.event, event.text])).toEqual([
      [0, "started", ""],
      [1, "delta", "a"],
      [2, "delta", "b"],
      [3, "delta", "c"],
    ]);
    await until(() => s.coordinator.heartbeats.at(-1)?.echoNo === 2, "echo");
    expect(s.coordinator.heartbeats.at(-1)).toMatchObject({ echoTerm: 1, fences: [] });
  });

  test("an unanswered result is repeated, and named by heartbeats until it is answered; the same fence is never run twice", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    let deaf = true;
    s.coordinator.judge = (command) => (command.type === "StepFinished" && deaf ? undefined : s.coordinator.accept(command));
    const dispatch = { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(7, "echo", "x")] } as const;
    s.coordinator.send("w1", dispatch);
    await until(() => s.coordinator.of("StepFinished").length >= 2, "a repetition");
    await until(() => s.coordinator.heartbeats.at(-1)?.fences.includes(7) === true, "the fence in a heartbeat");
    deaf = false;
    await until(() => s.coordinator.heartbeats.at(-1)?.fences.length === 0, "the answer");
    const count = s.coordinator.of("StepFinished").length;
    s.coordinator.send("w1", dispatch);
    s.coordinator.send("w1", { ...dispatch, items: [dispatchOf(8, "echo", "y")] });
    await until(() => s.coordinator.of("StepFinished").some((command) => command.fence === 8), "the next step");
    expect(s.coordinator.of("StepFinished").length).toBe(count + 1);
  });

  test("follows the hint of a coordinator that does not lead", async () => {
    const cluster = `hint-${++clusters}`;
    await using follower = await FakeCoordinator.start(nats.url, { cluster, id: "c1", leader: "c2" });
    await using leader = await FakeCoordinator.start(nats.url, { cluster, id: "c2" });
    follower.term = 5; // Its word on who leads is the newer one.
    const worker = await runWorker({ nats: nats.url, cluster, team: TEAM, id: "w1", threads: 1, log: "silent" });
    await until(() => leader.of("RegisterWorker").length === 1, "registration at the leader");
    expect(follower.commands).toEqual([]);
    await worker.stop();
  });

  test("abort fires the signal and nothing is proposed for the step", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(3, "waits", "60000")] });
    await until(() => s.coordinator.live.some((event) => event.fence === 3), "start");
    s.coordinator.send("w1", { kind: "abort", ...header(s.coordinator), fences: [3] });
    await until(() => s.coordinator.heartbeats.at(-1)?.fences.length === 0, "the end");
    expect([...s.coordinator.of("StepFinished"), ...s.coordinator.of("StepFailed")]).toEqual([]);
  });

  test("a dead token: everything is ended, it registers anew and counts it", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(3, "waits", "60000")] });
    await until(() => s.coordinator.live.some((event) => event.fence === 3), "start");
    s.coordinator.token = 200;
    s.coordinator.send("w1", { kind: "reregister", ...header(s.coordinator), token: 100 });
    await registered(s.coordinator);
    expect(s.coordinator.of("RegisterWorker").length).toBe(2);
    s.coordinator.send("w1", { kind: "reregister", ...header(s.coordinator), token: 100 }); // Late: speaks of the first one.
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(4, "echo", "x")] });
    await until(() => s.coordinator.of("StepFinished").some((command) => command.fence === 4), "work goes on");
    expect(s.coordinator.of("RegisterWorker").length).toBe(2);
    expect(await (await fetch(`${s.worker.http}/metrics`)).text()).toMatch(/triad_fenced_writes_total 1\b/);
  });

  test("a fenced result is counted and settled", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    s.coordinator.judge = (command) => (command.type === "StepFinished" ? { outcome: "fenced" } : s.coordinator.accept(command));
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(9, "echo", "x")] });
    await until(() => s.coordinator.of("StepFinished").length === 1 && s.coordinator.heartbeats.at(-1)?.fences.length === 0, "settled");
    const metrics = await (await fetch(`${s.worker.http}/metrics`)).text();
    expect(metrics).toMatch(/triad_fenced_writes_total 1\b/);
    expect(metrics).toMatch(/triad_steps_total\{agent="echo",outcome="finished"\} 1/);
    expect(metrics).toMatch(/triad_worker_threads 2/);
  });

  test("recall reads older events through a coordinator and checks them against the chain", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    const events = chainOf(
      Array.from({ length: 40 }, (_, i) => ({ by: "hotels", text: i === 3 ? "the Acorn has free parking" : `line ${i}` })),
    );
    s.coordinator.read = ({ from, to }) => ({ kind: "transcript", events: events.slice(from - 1, to).slice(0, 20) });
    const more = { conversation: "c-long", events: events.slice(30), eventsTotal: 40, root: events[39]?.id ?? "" };
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(20, "recalls", "parking", more)] });
    await until(() => s.coordinator.of("StepFinished").length === 1, "the recall");
    expect(s.coordinator.of("StepFinished")[0]?.output).toBe("the Acorn has free parking");

    s.coordinator.read = ({ from, to }) => ({
      kind: "transcript",
      events: events
        .slice(from - 1, to)
        .map((event) => (event.seq === 4 ? { ...event, text: "forged" } : event))
        .slice(0, 40),
    });
    s.coordinator.send("w1", {
      kind: "dispatch",
      ...header(s.coordinator),
      items: [dispatchOf(21, "recalls", "parking", { ...more, conversation: "c-forged" })],
    });
    await until(() => s.coordinator.of("StepFailed").length === 1, "the refusal");
    expect(s.coordinator.of("StepFailed")[0]?.error).toMatchObject({
      code: "TRIAD_FRAME_INVALID",
      message: expect.stringContaining("hash chain"),
    });
  });

  test("facts and transcript stand in the prompt", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    const events = chainOf([{ by: "hotels", text: "the Acorn is in the north", facts: { area: "north" } }]);
    const more = { facts: factsOf({ area: "north" }), events, eventsTotal: 1, root: events[0]?.id ?? "" };
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(30, "prompts", "a train", more)] });
    await until(() => s.coordinator.of("StepFinished").length === 1, "the prompt");
    expect(s.coordinator.of("StepFinished")[0]).toMatchObject({
      output: 'prompts: a train {"area":"north"} hotels: the Acorn is in the north',
      view: { factsShown: 1, factsLeftOut: 0, eventsShown: 1, eventsLeftOut: 0 },
    });
  });
});

describe("how a worker ends", () => {
  test("stop drains: tells the cluster, lets what runs finish, leaves", async () => {
    const s = await scene();
    await registered(s.coordinator);
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(5, "waits", "400")] });
    await until(() => s.coordinator.live.some((event) => event.fence === 5), "start");
    await s.worker.stop();
    expect(await s.worker.done).toBe(0);
    expect(s.coordinator.of("DrainWorker")).toEqual([{ type: "DrainWorker", worker: "w1" }]);
    expect(s.coordinator.of("StepFinished")[0]).toMatchObject({ fence: 5, output: "waited" });
    expect(s.coordinator.commands.at(-1)).toMatchObject({ type: "WorkerLost", worker: "w1", token: 100, reason: "left" });
    await s.coordinator[Symbol.asyncDispose]();
  });

  test("drain by the leader ends it when its work has ended", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(6, "waits", "300")] });
    await until(() => s.coordinator.live.some((event) => event.fence === 6), "start");
    s.coordinator.send("w1", { kind: "drain", ...header(s.coordinator) });
    expect(await s.worker.done).toBe(0);
    expect(s.coordinator.of("StepFinished")[0]).toMatchObject({ fence: 6, output: "waited" });
  });

  test("another process under its id: it ends with TRIAD_WORKER_REPLACED", async () => {
    await using s = await scene();
    await registered(s.coordinator);
    const bootId = s.coordinator.of("RegisterWorker")[0]?.bootId ?? "";
    // Both processes hear the inbox of their id: the one that took it goes on.
    s.coordinator.send("w1", { kind: "replaced", ...header(s.coordinator), bootId: "b-other" });
    s.coordinator.send("w1", { kind: "dispatch", ...header(s.coordinator), items: [dispatchOf(1, "echo", "still here")] });
    await until(() => s.coordinator.of("StepFinished").length === 1, "work goes on");
    s.coordinator.send("w1", { kind: "replaced", ...header(s.coordinator), bootId });
    expect(await s.worker.done).toBe(1);
    expect(s.worker.failure()?.code).toBe("TRIAD_WORKER_REPLACED");
  });

  test.each(["TRIAD_TEMPLATE_CONFLICT", "TRIAD_STEP_TOO_LARGE", "TRIAD_TEAM_VERSION"] as const)(
    "a registration refused with %s ends it with that error",
    async (code) => {
      const cluster = `refuse-${++clusters}`;
      await using coordinator = await FakeCoordinator.start(nats.url, { cluster });
      coordinator.judge = () => ({ outcome: "refused", code, message: "because" });
      const worker = await runWorker({ nats: nats.url, cluster, team: TEAM, id: "w1", threads: 1, log: "silent" });
      expect(await worker.done).toBe(1);
      expect(worker.failure()).toMatchObject({ code, message: "because" });
    },
  );

  test("a refusal that may pass is tried again", async () => {
    const cluster = `retry-${++clusters}`;
    await using coordinator = await FakeCoordinator.start(nats.url, { cluster });
    let refusals = 3;
    coordinator.judge = (command) => (refusals-- > 0 ? { outcome: "refused", code: "TRIAD_NOT_READY" } : coordinator.accept(command));
    const worker = await runWorker({ nats: nats.url, cluster, team: TEAM, id: "w1", threads: 1, log: "silent" });
    await registered(coordinator);
    await worker.stop();
  });
});

describe("what a user gets wrong", () => {
  const wrong = (options: Partial<WorkerOptions>) =>
    runWorker({ nats: nats.url, team: TEAM, id: "w1", threads: 1, log: "silent", ...options });

  test("no team file", async () => {
    await expect(wrong({ team: "/nowhere/team.ts" })).rejects.toMatchObject({ code: "TRIAD_TEAM_NOT_FOUND" });
  });

  test("a file that is no team", async () => {
    await expect(wrong({ team: fileURLToPath(new URL("./support/make.ts", import.meta.url)) })).rejects.toMatchObject({
      code: "TRIAD_TEAM_INVALID",
    });
  });

  test("no nats-server", async () => {
    await expect(wrong({ nats: `nats://127.0.0.1:${await freePort()}` })).rejects.toMatchObject({ code: "TRIAD_NATS_UNREACHABLE" });
  });

  test("wrong credentials, and right ones in the URL", async () => {
    await using guarded = await startNatsServer(["--user", "triad", "--pass", "secret"]);
    await expect(wrong({ nats: guarded.url })).rejects.toMatchObject({ code: "TRIAD_NATS_UNAUTHORIZED" });
    const refused = await wrong({ nats: guarded.url.replace("//", "//triad:wrong@") }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "TRIAD_NATS_UNAUTHORIZED" });
    expect(String(refused)).not.toContain("wrong@");
  });

  test("two clusters on one server and none named", async () => {
    await using server = await startNatsServer();
    await using _one = await FakeCoordinator.start(server.url, { cluster: "one" });
    await using two = await FakeCoordinator.start(server.url, { cluster: "two" });
    await expect(wrong({ nats: server.url })).rejects.toMatchObject({ code: "TRIAD_CLUSTER_AMBIGUOUS" });
    const worker = await wrong({ nats: server.url, cluster: "two" });
    await registered(two);
    await worker.stop();
  });
});

describe("an outage of NATS", () => {
  test("nothing runs twice, what finished meanwhile is kept and repeated, and the worker comes back by itself", async () => {
    const port = await freePort();
    const cluster = "outage";
    const first = await startNatsServer([], port);
    const url = first.url;
    const coordinator = await FakeCoordinator.start(url, { cluster });
    const worker = await runWorker({ nats: url, cluster, team: TEAM, id: "w1", threads: 1, log: "silent" });
    try {
      await registered(coordinator);
      coordinator.send("w1", { kind: "dispatch", ...header(coordinator), items: [dispatchOf(1, "waits", "500")] });
      await until(() => coordinator.live.some((event) => event.fence === 1), "start");
      await first[Symbol.asyncDispose]();
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // The step ends while nobody can hear of it.
      const before = coordinator.heartbeats.length;
      await using _second = await startNatsServer([], port);
      await until(() => coordinator.of("StepFinished").length > 0, "the kept result");
      await until(() => coordinator.heartbeats.length > before && coordinator.heartbeats.at(-1)?.fences.length === 0, "heartbeats again");
      expect(coordinator.of("StepFinished").every((command) => command.fence === 1 && command.output === "waited")).toBe(true);
      expect(coordinator.live.filter((event) => event.fence === 1 && event.event === "started").length).toBe(1);
      expect(coordinator.of("RegisterWorker").length).toBe(1);
      await worker.stop();
    } finally {
      await worker.stop();
      await coordinator[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
    }
  });
});
