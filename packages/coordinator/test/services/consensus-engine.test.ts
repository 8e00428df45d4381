/** The propose path and the leader's duties, one move at a time. */
import { type Heartbeat, limits } from "@triad/protocol";
import { describe, expect, it } from "vitest";
import { ProposalError } from "../../src/services/consensus-engine/proposal-queue.ts";
import { finished, manifest, openTask, registerTeam, registerWorker } from "../state/memory-state.ts";
import { equalRequestsMakeOneTask } from "./one-task.ts";
import { SingleCoordinator } from "./single-coordinator.ts";

async function led(): Promise<SingleCoordinator> {
  const one = new SingleCoordinator();
  one.lead();
  one.release();
  // Each is planned on what is applied: a worker registers when its team is there.
  for (const command of [registerTeam(), registerWorker("w1", "b1"), registerWorker("w2", "b2")]) await propose(one, command);
  return one;
}

async function propose(one: SingleCoordinator, ...commands: Parameters<SingleCoordinator["engine"]["propose"]>[0][]) {
  const done = Promise.all(commands.map((command) => one.engine.propose(command)));
  one.release();
  return done;
}

function heartbeat(one: SingleCoordinator, worker: string, more: Partial<Heartbeat> = {}): Heartbeat {
  const record = one.state.tx.worker(worker);
  return {
    kind: "heartbeat",
    worker,
    bootId: record?.bootId ?? "",
    token: record?.token ?? 0,
    echoTerm: one.engine.softState.term,
    echoNo: 0,
    fences: [],
    threads: 2,
    inFlight: 0,
    lagMs: 0,
    ...more,
  };
}

const dispatches = (one: SingleCoordinator, worker: string) =>
  one.sent.flatMap(({ worker: to, message }) => (to === worker && message.kind === "dispatch" ? message.items : []));

describe("propose", () => {
  it("is refused until an entry of the own term is applied, and rejected when leadership is lost", async () => {
    const one = new SingleCoordinator();
    await expect(one.engine.propose(registerTeam())).rejects.toMatchObject({ reason: "notLeader" });
    one.lead();
    await expect(one.engine.propose(registerTeam())).rejects.toMatchObject({ reason: "notLeader" });
    one.release();
    const lost = one.engine.propose(registerTeam());
    one.clock.turn();
    expect(one.inFlight).toBe(1);
    one.stepDown();
    await expect(lost).rejects.toBeInstanceOf(ProposalError);
    await expect(lost).rejects.toMatchObject({ reason: "lost" });
    one.overwrite();
    expect(one.state.tx.team()).toBeUndefined();
  });

  it("twelve equal requests make one task, and every reply names it", () => equalRequestsMakeOneTask());

  it("answers a repeated result from what is applied, without another entry", async () => {
    const one = await led();
    await propose(one, openTask("t"));
    const result = finished(one.state, "t", { output: "once" });
    const index = one.state.applied.index;
    expect((await propose(one, result))[0]?.outcome).toBe("ok");
    expect((await propose(one, result, result)).map((r) => r.outcome)).toEqual(["duplicate", "duplicate"]);
    expect(one.state.applied.index).toBe(index + 1);
  });

  it("one turn's commands are one entry, and each sees the load of those before it", async () => {
    const one = await led();
    const before = one.state.applied.index;
    await propose(one, ...Array.from({ length: 8 }, (_, i) => openTask(`t${i}`)));
    expect(one.state.applied.index).toBe(before + 1);
    expect([one.engine.index.heldBy("w1").size, one.engine.index.heldBy("w2").size]).toEqual([4, 4]);
  });

  it("work beyond every worker's room waits in Φ and is given out as room comes", async () => {
    const one = await led();
    await propose(one, ...Array.from({ length: 12 }, (_, i) => openTask(`t${i}`)));
    expect(one.engine.index.waiting().size).toBe(4);
    await propose(one, finished(one.state, "t0"), finished(one.state, "t1"));
    expect(one.engine.index.waiting().size).toBe(2);
  });

  it("an assignment on its way is load: what comes meanwhile finds no room that is taken", async () => {
    const one = await led();
    await propose(one, ...Array.from({ length: 10 }, (_, i) => openTask(`t${i}`)));
    const freed = Promise.all([one.engine.propose(finished(one.state, "t0")), one.engine.propose(finished(one.state, "t1"))]);
    one.clock.turn();
    one.releaseOne();
    // The two that waited are in an Assign that is not committed yet.
    expect([one.inFlight, one.engine.index.waiting().size]).toEqual([1, 2]);
    const late = one.engine.propose(openTask("late"));
    one.release();
    await Promise.all([freed, late]);
    expect([...one.engine.index.waiting()]).toEqual(["late"]);
    expect([one.engine.index.heldBy("w1").size, one.engine.index.heldBy("w2").size]).toEqual([4, 4]);
  });

  it("an assignment that was not taken is made again, though nothing else happens", async () => {
    const one = await led();
    await propose(one, ...Array.from({ length: 9 }, (_, i) => openTask(`t${i}`)));
    const freed = one.engine.propose(finished(one.state, "t0"));
    one.clock.turn();
    one.refuseNext = true;
    one.release();
    await freed;
    expect(one.engine.index.waiting().size).toBe(1);
    // The refusal reaches the duties with the microtasks.
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    one.clock.advance(100);
    one.release();
    expect(one.engine.index.waiting().size).toBe(0);
  });

  it("a command that is too large for the log is refused, and the leader goes on", async () => {
    const one = await led();
    const agents = Array.from({ length: 52 }, (_, i) => ({ ...manifest().agents[0]!, name: `a${i}` }));
    const prototypes = Object.fromEntries(agents.map(({ name }) => [name, Array.from({ length: 16 }, () => new Uint8Array(1024))]));
    const w1 = { type: "WorkerLost", worker: "w1", token: one.state.tx.worker("w1")?.token ?? 0, reason: "left" } as const;
    await propose(one, w1, { ...w1, worker: "w2", token: one.state.tx.worker("w2")?.token ?? 0 });
    const [large] = await propose(one, registerTeam(manifest({ agents, prototypes })));
    expect(large).toMatchObject({ outcome: "refused", code: "TRIAD_FRAME_TOO_LARGE" });
    expect((await propose(one, openTask("t")))[0]?.outcome).toBe("ok");
  });

  it("a request that no agent can take is refused, as is an ensemble larger than the team", async () => {
    const one = await led();
    const ensemble = { kind: "ensemble", agents: 4, aggregate: "majority" } as const;
    const [none, small] = await propose(
      one,
      openTask("t1", { requires: { a: 1, b: 1 } }),
      openTask("t2", { requires: { vote: 1 }, strategy: ensemble }),
    );
    expect([none?.code, small?.code]).toEqual(["TRIAD_NO_CANDIDATE", "TRIAD_ENSEMBLE_TOO_SMALL"]);
  });
});

describe("whoever waits for an index", () => {
  it("is told when it is applied, and never told so where it is not", async () => {
    const one = await led();
    const next = one.state.applied.index + 1;
    const seen = one.engine.whenApplied(next);
    await propose(one, openTask("t"));
    await seen;
    const cutOff = expect(one.engine.whenApplied(next + 100)).rejects.toMatchObject({ code: "TRIAD_NO_LEADER" });
    one.clock.advance(11_000);
    await cutOff;
    const stopped = expect(one.engine.whenApplied(next + 100)).rejects.toMatchObject({ code: "TRIAD_NO_LEADER" });
    one.engine.stop();
    await stopped;
  });
});

describe("dispatch", () => {
  it("goes out after the commit, and again only where a heartbeat shows that it did not arrive", async () => {
    const one = await led();
    const opened = one.engine.propose(openTask("t"));
    one.clock.turn();
    expect(dispatches(one, "w1")).toEqual([]);
    one.release();
    await opened;
    const [first] = dispatches(one, "w1");
    expect(first).toMatchObject({ task: "t", no: 1, attempt: 1, start: 1 });
    const fence = first?.fence ?? 0;
    one.engine.heartbeat(heartbeat(one, "w1", { echoNo: 0 }));
    one.clock.turn();
    expect(dispatches(one, "w1")).toHaveLength(1);
    one.engine.heartbeat(heartbeat(one, "w1", { echoNo: 1, fences: [fence] }));
    one.clock.turn();
    expect(dispatches(one, "w1")).toHaveLength(1);
    one.engine.heartbeat(heartbeat(one, "w1", { echoNo: 1 }));
    one.clock.turn();
    expect(dispatches(one, "w1").map((item) => item.fence)).toEqual([fence, fence]);
  });

  it("of a later start carries what the journal of its step holds", async () => {
    const one = await led();
    await propose(one, openTask("t"));
    const fence = dispatches(one, "w1")[0]?.fence ?? 0;
    const place = { task: "t", step: 1, member: 0, fence };
    await propose(one, { type: "EffectIntended", ...place, n: 1, name: "pay", inputDigest: "x", onDoubt: "sameKey" });
    const outcome = { kind: "returned", value: "7" } as const;
    await propose(
      one,
      { type: "EffectDone", ...place, n: 1, outcome },
      { type: "EffectIntended", ...place, n: 2, name: "tell", inputDigest: "y", onDoubt: "repeat" },
    );
    await propose(one, { type: "StepLost", ...place, alone: false, assign: [] });
    const again = [...dispatches(one, "w1"), ...dispatches(one, "w2")].find(({ start }) => start === 2);
    expect(again?.effects).toEqual([{ n: 1, name: "pay", inputDigest: "x", attempt: 1, outcome }]);
    expect(dispatches(one, "w1")[0]?.effects).toBeUndefined();
  });

  it("a step that asks a person is taken from its worker, and given out again once there is a word", async () => {
    const one = await led();
    await propose(one, openTask("t"));
    const fence = dispatches(one, "w1")[0]?.fence ?? 0;
    const ask = { type: "EffectIntended", task: "t", step: 1, member: 0, fence, n: 1, name: "ask", inputDigest: "" } as const;
    await propose(one, { ...ask, onDoubt: "ask", question: "which?" });
    expect(one.sent.at(-1)).toMatchObject({ worker: "w1", message: { kind: "abort", fences: [fence] } });
    expect([one.engine.index.heldBy("w1").size, one.engine.index.waiting().size]).toEqual([0, 0]);
    const verdict = { kind: "done", value: '"this one"' } as const;
    const [result] = await propose(one, { type: "EffectResolved", task: "t", n: 1, verdict, request: "r", assign: [] });
    expect(result).toMatchObject({ outcome: "ok", status: "running" });
    const again = [...dispatches(one, "w1"), ...dispatches(one, "w2")].find(({ start }) => start === 2);
    expect(again).toMatchObject({ attempt: 1, effects: [{ n: 1, outcome: { value: '"this one"' } }] });
  });

  it("a new leader compares and does not replay: what runs is left alone, what is missing is sent, what is void is aborted", async () => {
    const one = await led();
    await propose(one, openTask("t1"), openTask("t2"));
    const running = one.state.tx.task("t1")?.step?.members[0];
    one.stepDown();
    one.lead();
    one.sent.length = 0;
    one.release();
    expect(one.sent).toEqual([]);
    const worker = running?.worker ?? "";
    const other = worker === "w1" ? "w2" : "w1";
    one.engine.heartbeat(heartbeat(one, worker, { echoTerm: 1, echoNo: 1, fences: [running?.fence ?? 0, 7] }));
    one.engine.heartbeat(heartbeat(one, other, { echoTerm: 1, echoNo: 1 }));
    one.clock.turn();
    expect(one.sent).toContainEqual({ worker, message: expect.objectContaining({ kind: "abort", fences: [7] }) });
    expect(dispatches(one, worker)).toEqual([]);
    expect(dispatches(one, other)).toHaveLength(1);
  });

  it("never calls a fence void that it may not have applied yet", async () => {
    const one = await led();
    const ahead = (one.state.tx.meta().seq + 5) * limits.FENCE_STRIDE;
    one.engine.heartbeat(heartbeat(one, "w1", { fences: [ahead] }));
    one.clock.turn();
    expect(one.sent.filter(({ message }) => message.kind === "abort")).toEqual([]);
  });

  it("a dead token is told to register anew, and a taken id that it was replaced", async () => {
    const one = await led();
    const old = heartbeat(one, "w1");
    await propose(one, { type: "WorkerLost", worker: "w1", token: old.token, reason: "silent" });
    one.engine.heartbeat(old);
    await propose(one, registerWorker("w1", "another"));
    one.engine.heartbeat(old);
    expect(one.sent.map(({ message }) => message.kind)).toEqual(["reregister", "replaced"]);
  });
});

describe("time", () => {
  it("a silent worker is lost after two seconds, counted anew after an outage", async () => {
    const one = await led();
    await propose(one, openTask("t"));
    const holder = one.state.tx.task("t")?.step?.members[0]?.worker ?? "";
    one.connected = false;
    one.clock.advance(5_000);
    one.release();
    expect(one.state.tx.worker(holder)?.state).toBe("up");
    one.connected = true;
    const other = holder === "w1" ? "w2" : "w1";
    for (let i = 0; i < 12; i++) {
      one.clock.advance(250);
      one.engine.heartbeat(heartbeat(one, other));
      one.release();
    }
    expect([one.state.tx.worker(holder)?.state, one.state.tx.worker(other)?.state]).toEqual(["down", "up"]);
    expect(one.state.tx.task("t")?.step?.members[0]).toMatchObject({ state: "assigned", worker: other, attempt: 1, start: 2 });
  });

  it("a worker that comes back has its two seconds from its registration, not from its last heartbeat", async () => {
    const one = await led();
    const pass = (ms: number): void => {
      one.clock.advance(ms);
      one.release();
    };
    one.engine.heartbeat(heartbeat(one, "w1"));
    pass(limits.WORKER_LOST_MS + 1_000);
    expect(one.state.tx.worker("w1")?.state).toBe("down");
    await propose(one, registerWorker("w1", "b1"));
    pass(limits.WORKER_LOST_MS - 500);
    expect(one.state.tx.worker("w1")?.state).toBe("up");
    pass(1_000);
    expect(one.state.tx.worker("w1")?.state).toBe("down");
  });

  it("ends what is past its deadline, also under a new leader, and retries when the back-off is over", async () => {
    const one = await led();
    await propose(one, openTask("t1", { deadlineAt: one.clock.now + 1_000 }), openTask("t2"));
    const fence = one.state.tx.task("t2")?.step?.members[0]?.fence ?? 0;
    const error = { code: "TRIAD_STEP_FAILED", message: "no" };
    await propose(one, {
      type: "StepFailed",
      task: "t2",
      step: 1,
      member: 0,
      fence,
      cause: "threw",
      terminal: false,
      error,
      retryAt: 0,
      assign: [],
    });
    expect(one.state.tx.task("t2")?.step?.members[0]?.state).toBe("waiting");
    one.stepDown();
    one.lead();
    one.release();
    const beat = (): void => {
      one.clock.advance(200);
      for (const worker of ["w1", "w2"])
        one.engine.heartbeat(heartbeat(one, worker, { fences: [...one.engine.index.heldBy(worker).keys()] }));
      one.release();
    };
    beat();
    expect(one.state.tx.task("t2")?.step?.members[0]).toMatchObject({ state: "assigned", attempt: 2 });
    for (let i = 0; i < 6; i++) beat();
    expect(one.state.tx.task("t1")).toMatchObject({ status: "expired" });
  });
});
