/** A worker's standing with the cluster, on a bus in memory and a clock that the test moves: when it registers, beats and gives up. */
import { type Command, type CommandResult, type Heartbeat, limits, subjectsOf } from "@triad/protocol";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { defineAgent, defineTeam, digestOf, manifestOf } from "../../src/index.ts";
import { AgentPool } from "../../src/services/agent-pool.ts";
import { CoordinatorDirectory } from "../../src/services/coordinator-directory.ts";
import type { WorkerMetrics } from "../../src/services/ports.ts";
import { type SessionEnd, WorkerSession } from "../../src/services/worker-session.ts";
import { dispatchOf } from "../support/make.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryBus } from "../support/memory-bus.ts";

const subjects = subjectsOf("c");
const manifest = manifestOf(
  defineTeam({ name: "t", agents: [defineAgent({ name: "a", prompt: { template: "x", version: 1 }, step: (turn) => turn.finish() })] }),
);

function bench(judge: (command: Command) => CommandResult | Promise<CommandResult>) {
  const bus = new MemoryBus();
  const clock = new ManualClock();
  const proposed: Command[] = [];
  let fenced = 0;
  const metrics: WorkerMetrics = {
    stepEnded: () => undefined,
    mailboxDepth: () => undefined,
    inFlight: () => undefined,
    fencedWrites: (count) => {
      fenced += count;
    },
    modelCalled: () => undefined,
    viewRecall: () => undefined,
    frameDropped: () => undefined,
  };
  const threads = {
    count: 1,
    stateBytes: 0,
    isReady: () => true,
    run: () => undefined,
    runAlone: () => undefined,
    abort: () => undefined,
    close: () => Promise.resolve(),
  };
  const sink = {
    settle: () => undefined,
    abandon: () => undefined,
    live: () => undefined,
    record: async (): Promise<CommandResult> => ({ outcome: "fenced" }),
  };
  const pool = new AgentPool({ worker: "w1", threads, sink, metrics, clock, timeoutMsOf: () => 1_000 });
  const link = {
    propose: async (command: Command) => {
      proposed.push(command);
      return judge(command);
    },
  };
  const directory = new CoordinatorDirectory(bus, "c", []);
  const log = pino({ level: "silent" });
  const digest = digestOf(manifest);
  const identity = { worker: "w1", bootId: "b-1", pid: 1, threads: 1, http: "", manifest, digest };
  const session = new WorkerSession({ ...identity, bus, clock, directory, link, pool, metrics, log, lagMs: () => 0 });
  let end: SessionEnd | undefined;
  void session.ended.then((ended) => {
    end = ended;
  });
  const beats = (): Heartbeat[] => bus.published.flatMap(({ message }) => (message.kind === "heartbeat" ? [message] : []));
  return { bus, clock, proposed, pool, session, beats, end: () => end, fenced: () => fenced };
}

const header = { term: 1, leader: "c1" };
const accepting =
  (token: number) =>
  (command: Command): CommandResult =>
    command.type === "RegisterWorker" ? { outcome: "ok", token } : { outcome: "ok" };

describe("WorkerSession", () => {
  test("beats with token 0 before it is registered, and with its token at once when it is", async () => {
    const joined = Promise.withResolvers<CommandResult>();
    const b = bench((command) => (command.type === "RegisterWorker" ? joined.promise : { outcome: "ok" }));
    b.session.start();
    await b.clock.advance(3 * limits.HEARTBEAT_MS - 1);
    expect(b.beats().map((beat) => beat.token)).toEqual([0, 0, 0]);
    joined.resolve({ outcome: "ok", token: 7 });
    await b.clock.advance(0);
    expect(b.beats().map((beat) => beat.token)).toEqual([0, 0, 0, 7]);
    await b.clock.advance(limits.HEARTBEAT_MS);
    expect(b.beats().map((beat) => beat.token)).toEqual([0, 0, 0, 7, 7]);
  });

  test("W1: tries again for ever, with a back-off that ends at a second", async () => {
    const b = bench(() => ({ outcome: "refused", code: "TRIAD_NOT_READY" }));
    b.session.start();
    await b.clock.advance(60_000);
    expect(b.end()).toBeUndefined();
    expect(b.proposed.length).toBeGreaterThan(60);
    expect(b.proposed.length).toBeLessThan(100);
  });

  test("another team is waited for as long as its workers may merely be leaving, then it ends", async () => {
    let other = true;
    const judge = (command: Command): CommandResult => (other ? { outcome: "refused", code: "TRIAD_TEAM_VERSION" } : accepting(7)(command));
    const patient = bench(judge);
    patient.session.start();
    await patient.clock.advance(limits.WORKER_LOST_MS);
    expect(patient.end()).toBeUndefined();
    other = false;
    await patient.clock.advance(2_000);
    expect(patient.session.isRegistered).toBe(true);

    other = true;
    const refused = bench(judge);
    refused.session.start();
    await refused.clock.advance(10_000);
    expect(refused.end()).toMatchObject({ kind: "failed", error: { code: "TRIAD_TEAM_VERSION" } });
    const count = refused.proposed.length;
    await refused.clock.advance(10_000);
    expect(refused.proposed.length).toBe(count);
  });

  test("a team that the cluster lost between the two commands is registered again", async () => {
    let lost = 2;
    const b = bench((command) =>
      command.type === "RegisterWorker" && lost-- > 0 ? { outcome: "refused", code: "TRIAD_NO_TEAM" } : accepting(7)(command),
    );
    b.session.start();
    await b.clock.advance(2_000);
    expect(b.session.isRegistered).toBe(true);
    expect(b.proposed.map((command) => command.type)).toEqual(Array.from({ length: 3 }, () => ["RegisterTeam", "RegisterWorker"]).flat());
  });

  test("takes no step before its first registration, says that it heard of it, and takes it when it comes again", async () => {
    const joined = Promise.withResolvers<CommandResult>();
    const b = bench((command) => (command.type === "RegisterWorker" ? joined.promise : { outcome: "ok" }));
    b.session.start();
    await b.clock.advance(0);
    const dispatch = (no: number): void =>
      b.bus.deliver(subjects.inbox("w1"), { kind: "dispatch", ...header, items: [dispatchOf(2_000, "a", "", { no })] });
    dispatch(1);
    joined.resolve({ outcome: "ok", token: 7 });
    await b.clock.advance(limits.HEARTBEAT_MS);
    expect(b.beats().at(-1)).toMatchObject({ token: 7, echoNo: 1, fences: [] });
    dispatch(2);
    await b.clock.advance(limits.HEARTBEAT_MS);
    expect(b.beats().at(-1)).toMatchObject({ token: 7, echoNo: 2, fences: [2_000] });
  });

  test("W2: the echo is the highest number of the highest term", async () => {
    const b = bench(accepting(7));
    b.session.start();
    await b.clock.advance(0);
    const dispatch = (term: number, ...numbers: number[]): void =>
      b.bus.deliver(subjects.inbox("w1"), {
        kind: "dispatch",
        term,
        leader: "c1",
        items: numbers.map((no) => dispatchOf(term * 100 + no, "a", "", { no })),
      });
    const echo = async (): Promise<unknown> => {
      await b.clock.advance(limits.HEARTBEAT_MS);
      const beat = b.beats().at(-1);
      return [beat?.echoTerm, beat?.echoNo];
    };
    dispatch(1, 1, 2, 3);
    expect(await echo()).toEqual([1, 3]);
    dispatch(3, 1);
    expect(await echo()).toEqual([3, 1]);
    dispatch(1, 9);
    dispatch(3, 5, 4);
    expect(await echo()).toEqual([3, 5]);
    expect(b.beats().at(-1)?.fences.length).toBe(7);
  });

  test("W3: a dead token ends what runs and registers anew, once, however often it is said", async () => {
    let token = 7;
    const b = bench((command) => accepting(token)(command));
    b.session.start();
    await b.clock.advance(0);
    token = 8;
    for (let i = 0; i < 5; i++) b.bus.deliver(subjects.inbox("w1"), { kind: "reregister", ...header, token: 7 });
    await b.clock.advance(0);
    b.bus.deliver(subjects.inbox("w1"), { kind: "reregister", ...header, token: 7 });
    await b.clock.advance(1_000);
    expect(b.proposed.filter((command) => command.type === "RegisterWorker").length).toBe(2);
    expect([b.beats().at(-1)?.token, b.fenced()]).toEqual([8, 1]);
  });

  test("nothing is published while the line is cut, and nothing of it is made up for afterwards", async () => {
    const b = bench(accepting(7));
    b.session.start();
    await b.clock.advance(0);
    const before = b.beats().length;
    b.bus.connected = false;
    await b.clock.advance(10_000);
    expect(b.beats().length).toBe(before);
    b.bus.connected = true;
    await b.clock.advance(limits.HEARTBEAT_MS);
    expect(b.beats().length).toBe(before + 1);
  });

  test("a drain of an idle worker tells the cluster and leaves; one that nobody answers is not waited for long", async () => {
    const b = bench(accepting(7));
    b.session.start();
    await b.clock.advance(0);
    let drained = false;
    void b.session.drain(10_000).then(() => {
      drained = true;
    });
    await b.clock.advance(100);
    expect(drained).toBe(true);
    expect(b.proposed.slice(2).map((command) => command.type)).toEqual(["DrainWorker", "WorkerLost"]);

    const silent = bench((command) =>
      command.type === "DrainWorker" || command.type === "WorkerLost" ? new Promise(() => undefined) : accepting(7)(command),
    );
    silent.session.start();
    await silent.clock.advance(0);
    let gone = false;
    void silent.session.drain(10_000).then(() => {
      gone = true;
    });
    await silent.clock.advance(4_000);
    expect(gone).toBe(true);
  });

  test("a drain ends what outlasts it", async () => {
    const b = bench(accepting(7));
    b.session.start();
    await b.clock.advance(0);
    b.pool.deliver(dispatchOf(1, "a", ""));
    let drained = false;
    void b.session.drain(10_000).then(() => {
      drained = true;
    });
    await b.clock.advance(9_000);
    expect(drained).toBe(false);
    await b.clock.advance(2_000);
    expect(drained).toBe(true);
    expect(b.proposed.at(-1)).toMatchObject({ type: "WorkerLost", token: 7, reason: "left" });
  });
});
