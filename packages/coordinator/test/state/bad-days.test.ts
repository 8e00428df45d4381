/** One scenario for each rule of state.md that apply alone keeps: fences, repetitions, losses, attempts, ends, queues. */
import { limits } from "@triad/protocol";
import { describe, expect, it } from "vitest";
import { fenceOf, finished, manifest, openTask, pick, ready, registerTeam, registerWorker } from "./memory-state.ts";

describe("a step's owner", () => {
  it("commits once: the same fence again is a duplicate, an older one is refused", () => {
    const state = ready();
    state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    const first = fenceOf(state, "t");
    state.one({ type: "WorkerLost", worker: "w1", token: state.tx.worker("w1")?.token ?? 0, reason: "silent" }, 2_100);
    state.one({ type: "Assign", assign: [pick(state, "t", 1, "alice", "w2")] }, 2_200);
    const second = fenceOf(state, "t");
    expect(second).toBeGreaterThan(first);
    const late = finished(state, "t", { fence: first, output: "late", facts: { late: true } });
    expect(state.one(late, 2_300).outcome).toBe("fenced");
    expect(state.tx.task("t")?.status).toBe("running");
    const good = finished(state, "t", { output: "good", facts: { good: 1 } });
    expect(state.one(good, 2_400).outcome).toBe("ok");
    expect(state.one(good, 2_500).outcome).toBe("duplicate");
    expect(state.one(late, 2_600).outcome).toBe("ended");
    expect(state.tx.task("t")?.output).toBe("good");
    expect(state.tx.conversation("conversation-of-t")?.factNames).toBe(1);
    expect(state.tx.agent("alice")?.steps).toBe(1);
  });

  it("repeats a hand-off's result without a second hand-off", () => {
    const state = ready();
    state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    const handoff = finished(state, "t", { next: { kind: "handoff", to: "bob" }, assign: [pick(state, "t", 2, "bob", "w1")] });
    expect(state.one(handoff, 2_100).outcome).toBe("ok");
    const fence = fenceOf(state, "t");
    expect(state.one(handoff, 2_200).outcome).toBe("duplicate");
    expect(fenceOf(state, "t")).toBe(fence);
    expect(state.tx.task("t")?.handoffs).toBe(1);
  });

  it("an assignment to a worker whose token has died is left out, and the step waits", () => {
    const state = ready();
    const stale = pick(state, "t", 1, "alice", "w1");
    state.one(registerWorker("w1", "b1-again"), 1_500);
    const { effects } = state.apply([openTask("t", { assign: [stale] })], 2_000);
    expect(effects.some((effect) => effect.kind === "waiting")).toBe(true);
    expect(state.tx.task("t")?.step?.members[0]?.state).toBe("waiting");
  });
});

describe("losses and attempts", () => {
  it("a lost worker costs a start, a throw costs an attempt, and both keep the agent", () => {
    const state = ready();
    state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    state.one(registerWorker("w1", "b1-again"), 2_100);
    let member = state.tx.task("t")?.step?.members[0];
    expect([member?.state, member?.attempt, member?.start, member?.agent]).toEqual(["waiting", 1, 1, "alice"]);
    state.one({ type: "Assign", assign: [pick(state, "t", 1, "alice", "w2")] }, 2_200);
    const failed = {
      task: "t",
      step: 1,
      member: 0,
      cause: "threw",
      terminal: false,
      error: { code: "TRIAD_STEP_FAILED", message: "no" },
    } as const;
    state.one({ type: "StepFailed", ...failed, fence: fenceOf(state, "t"), retryAt: 2_500, assign: [] }, 2_300);
    member = state.tx.task("t")?.step?.members[0];
    expect([member?.state, member?.attempt, member?.start]).toEqual(["waiting", 2, 2]);
    const early = pick(state, "t", 1, "alice", "w2");
    state.one({ type: "Assign", assign: [early] }, 2_400);
    expect(state.tx.task("t")?.step?.members[0]?.state).toBe("waiting");
    for (const at of [2_500, 2_700]) {
      state.one({ type: "Assign", assign: [pick(state, "t", 1, "alice", "w2")] }, at);
      state.one({ type: "StepFailed", ...failed, fence: fenceOf(state, "t"), retryAt: at + 100, assign: [] }, at + 50);
    }
    expect(state.tx.task("t")?.status).toBe("failed");
    expect(state.tx.task("t")?.error?.message).toBe("no");
  });

  it("a step that loses its worker again and again ends as unstable", () => {
    const state = ready();
    state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    for (let i = 0; i < limits.STARTS_MAX; i++) {
      state.one(registerWorker("w1", `again-${i}`), 3_000 + i);
      state.one({ type: "Assign", assign: [pick(state, "t", 1, "alice", "w1")] }, 3_000 + i);
    }
    expect(state.tx.task("t")?.error?.code).toBe("TRIAD_STEP_UNSTABLE");
  });

  it("the same boot that registers again keeps its token and its work", () => {
    const state = ready();
    state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    const token = state.tx.worker("w1")?.token;
    expect(state.one(registerWorker("w1", "b1"), 2_100)).toMatchObject({ outcome: "duplicate", token });
    expect(state.tx.task("t")?.step?.members[0]?.state).toBe("assigned");
  });
});

describe("requests", () => {
  it("the same key and body is one task; another body is a conflict", () => {
    const state = ready();
    expect(state.one(openTask("t1", { key: "k", requestDigest: "d" }), 2_000)).toMatchObject({ outcome: "ok", task: "t1" });
    expect(state.one(openTask("t2", { key: "k", requestDigest: "d" }), 2_000)).toMatchObject({ outcome: "duplicate", task: "t1" });
    expect(state.one(openTask("t3", { key: "k", requestDigest: "other" }), 2_000)).toMatchObject({
      outcome: "conflict",
      code: "TRIAD_IDEMPOTENCY_CONFLICT",
    });
    expect(state.tx.meta().running).toBe(1);
  });

  it("tasks of one conversation run one after the other, and see what the one before left", () => {
    const state = ready();
    const conversation = "c";
    state.one(openTask("t1", { conversation, assign: [pick(state, "t1", 1, "alice", "w1")] }), 2_000);
    state.one(openTask("t2", { conversation, facts: { from: "t2" }, assign: [pick(state, "t2", 1, "alice", "w1")] }), 2_000);
    state.one(openTask("t3", { conversation }), 2_000);
    expect(state.tx.task("t2")?.phase).toBe("queued");
    expect(state.tx.conversation(conversation)?.factNames).toBe(0);
    state.one(finished(state, "t1", { assign: [pick(state, "t2", 1, "alice", "w2")] }), 2_100);
    expect(state.tx.task("t2")?.step?.members[0]).toMatchObject({ state: "assigned", worker: "w2" });
    expect(state.tx.conversation(conversation)?.factNames).toBe(1);
    state.one({ type: "EndTask", task: "t3", status: "cancelled", assign: [] }, 2_200);
    expect(state.tx.conversation(conversation)).toMatchObject({ busy: "t2", queue: [] });
    state.one(finished(state, "t2"), 2_300);
    expect(state.tx.conversation(conversation)).toMatchObject({ busy: null, queue: [] });
    expect(state.tx.task("t3")).toMatchObject({ status: "cancelled", steps: 0 });
  });

  it("a conversation's queue and unknown skills are refused", () => {
    const state = ready();
    for (let i = 0; i <= limits.CONVERSATION_QUEUE_MAX; i++) state.one(openTask(`t${i}`, { conversation: "c" }), 2_000);
    expect(state.one(openTask("more", { conversation: "c" }), 2_000).code).toBe("TRIAD_QUEUE_FULL");
    expect(state.one(openTask("odd", { requires: { nonsense: 1 } }), 2_000).code).toBe("TRIAD_SKILL_UNKNOWN");
  });
});

describe("ends", () => {
  it("first in the log wins: a result before the deadline's entry, or the cancel before the result", () => {
    const state = ready();
    state.one(openTask("t1", { deadlineAt: 2_050, assign: [pick(state, "t1", 1, "alice", "w1")] }), 2_000);
    expect(state.one(finished(state, "t1"), 9_000).outcome).toBe("ok");
    expect(state.one({ type: "EndTask", task: "t1", status: "expired", assign: [] }, 9_100)).toMatchObject({
      outcome: "ended",
      status: "completed",
    });
    state.one(openTask("t2", { assign: [pick(state, "t2", 1, "alice", "w1")] }), 9_200);
    const late = finished(state, "t2");
    state.one({ type: "EndTask", task: "t2", status: "cancelled", assign: [] }, 9_300);
    expect(state.one(late, 9_400)).toMatchObject({ outcome: "ended", status: "cancelled" });
  });

  it("a hand-off that cannot be commits its output and fails the task in the same entry", () => {
    const state = ready();
    state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    state.one(finished(state, "t", { output: "kept", facts: { kept: 1 }, next: { kind: "handoff", to: "nobody" } }), 2_100);
    expect(state.tx.task("t")).toMatchObject({ status: "failed", steps: 1 });
    expect(state.tx.task("t")?.error?.code).toBe("TRIAD_HANDOFF_UNKNOWN_AGENT");
    expect(state.tx.step("t", 1)?.output).toBe("kept");
  });

  it("counts hand-offs against maxTransitions", () => {
    const state = ready();
    state.one(openTask("t", { maxTransitions: 2, assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    for (let step = 2; step <= 4; step++) {
      state.one(
        finished(state, "t", { next: { kind: "handoff", to: "alice" }, assign: [pick(state, "t", step, "alice", "w1")] }),
        2_000 + step,
      );
    }
    expect(state.tx.task("t")).toMatchObject({ status: "failed", steps: 3, handoffs: 2 });
    expect(state.tx.task("t")?.error?.code).toBe("TRIAD_MAX_TRANSITIONS");
  });
});

describe("teams", () => {
  it("another team waits for the old one's workers, then takes over and keeps what was learned", () => {
    const state = ready();
    state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 2_000);
    state.one(finished(state, "t"), 2_100);
    const edited = manifest({ agents: manifest().agents.map((a) => ({ ...a, prompt: { ...a.prompt, template: "New. {{input:text}}" } })) });
    expect(state.one(registerTeam(edited), 3_000).code).toBe("TRIAD_TEAM_VERSION");
    for (const worker of ["w1", "w2"]) {
      state.one({ type: "WorkerLost", worker, token: state.tx.worker(worker)?.token ?? 0, reason: "silent" }, 3_100);
    }
    expect(state.one(registerTeam(edited), 3_200).code).toBe("TRIAD_TEMPLATE_CONFLICT");
    const raised = manifest({ agents: edited.agents.map((a) => ({ ...a, prompt: { ...a.prompt, version: 2 } })) });
    expect(state.one(registerTeam(raised), 3_300).outcome).toBe("ok");
    expect(state.tx.agent("alice")?.skills["a"]?.samples).toBe(1);
    expect(state.one(registerWorker("w1", "old", manifest()), 3_400).code).toBe("TRIAD_TEAM_VERSION");
  });

  it("a task that nobody in the new team can take ends, whether it waits for a worker or in its conversation's queue", () => {
    const state = ready();
    state.one(openTask("waiting", { requires: { b: 1 } }), 2_000);
    state.one(openTask("first", { conversation: "c", assign: [pick(state, "first", 1, "alice", "w1")] }), 2_000);
    state.one(openTask("queued", { conversation: "c", requires: { b: 1 } }), 2_000);
    for (const worker of ["w1", "w2"]) {
      state.one({ type: "WorkerLost", worker, token: state.tx.worker(worker)?.token ?? 0, reason: "silent" }, 2_100);
    }
    const smaller = manifest({ name: "smaller", agents: manifest().agents.filter((agent) => agent.name !== "bob") });
    expect(state.one(registerTeam(smaller), 2_200).outcome).toBe("ok");
    expect(state.tx.task("waiting")?.error?.code).toBe("TRIAD_NO_CANDIDATE");
    state.one(registerWorker("w1", "anew", smaller), 2_300);
    state.one({ type: "Assign", assign: [pick(state, "first", 1, "alice", "w1")] }, 2_400);
    state.one(finished(state, "first"), 2_500);
    expect(state.tx.task("queued")?.error?.code).toBe("TRIAD_NO_CANDIDATE");
    expect(state.tx.conversation("c")).toMatchObject({ busy: null, queue: [] });
  });

  it("workers that left for good are forgotten beyond a bound, the oldest first", () => {
    const state = ready();
    for (let i = 0; i < limits.DOWN_WORKERS_KEPT + 5; i++) {
      state.one(registerWorker(`x${i}`, "b"), 2_000 + i);
      state.one({ type: "WorkerLost", worker: `x${i}`, token: state.tx.worker(`x${i}`)?.token ?? 0, reason: "left" }, 2_000 + i);
    }
    const down = state.tx.workers().filter((worker) => worker.state === "down");
    expect(down).toHaveLength(limits.DOWN_WORKERS_KEPT);
    expect(state.tx.worker("x0")).toBeUndefined();
    expect(state.tx.worker("w1")?.state).toBe("up");
  });

  it("an alpha above the proven bound is refused with the largest allowed", () => {
    const state = ready();
    const bold = manifest({ name: "bold", negotiation: { alpha: 0.5, lambda: 1, beta: 0.2, weights: "uniform", stepPolicy: "reject" } });
    for (const worker of ["w1", "w2"])
      state.one({ type: "WorkerLost", worker, token: state.tx.worker(worker)?.token ?? 0, reason: "silent" }, 2_000);
    const result = state.one(registerTeam(bold), 2_100);
    expect(result.code).toBe("TRIAD_STEP_TOO_LARGE");
    expect((result.details as { alphaMax: number }).alphaMax).toBeCloseTo(1 / 4.4, 12);
  });
});

describe("ensembles", () => {
  const members = ["v1", "v2", "v3"];
  const open = () => {
    const state = ready();
    const assign = members.map((name, member) => pick(state, "t", 1, name, "w1", { member, voteWeight: 1024 }));
    state.one(openTask("t", { requires: { vote: 1 }, strategy: { kind: "ensemble", agents: 3, aggregate: "majority" }, assign }), 2_000);
    return state;
  };

  it("is closed by the partial that decides it, and voids the rest", () => {
    const state = open();
    state.one(finished(state, "t", { member: 1, output: "left", facts: { side: "left", by: 1 } }), 2_100);
    expect(state.tx.task("t")?.phase).toBe("open");
    const last = fenceOf(state, "t", 0);
    const { effects } = state.apply([finished(state, "t", { member: 2, output: " left ", facts: { side: "left", by: 2 } })], 2_200);
    expect(state.tx.task("t")).toMatchObject({ status: "completed", output: "left" });
    expect(effects).toContainEqual({ kind: "voided", worker: "w1", fence: last });
    expect(state.tx.step("t", 1)?.members?.map((member) => member.outcome)).toEqual(["voided", "won", "agreed"]);
    expect(state.tx.step("t", 1)?.facts).toEqual({ side: "left", by: 1 });
  });

  it("a lost member alone is assigned again", () => {
    const state = open();
    state.one({ type: "StepLost", task: "t", step: 1, member: 1, fence: fenceOf(state, "t", 1), alone: true, assign: [] }, 2_100);
    expect(state.tx.task("t")?.step?.members.map((member) => member.state)).toEqual(["assigned", "waiting", "assigned"]);
    state.one({ type: "Assign", assign: [pick(state, "t", 1, "v2", "w2", { member: 1 })] }, 2_200);
    expect(state.tx.task("t")?.step?.members[1]).toMatchObject({ state: "assigned", alone: true, start: 2, attempt: 1 });
  });
});

describe("retention", () => {
  it("removes ended tasks, keys and empty conversations by log time, never an open one", () => {
    const state = ready();
    state.one({ type: "SetConfig", retentionMs: 1_000, keyTtlMs: 500 }, 2_000);
    state.one(openTask("t1", { conversation: "c", key: "k", assign: [pick(state, "t1", 1, "alice", "w1")] }), 2_000);
    state.one(finished(state, "t1", { facts: { f: 1 } }), 2_100);
    state.one(openTask("t2", { conversation: "d", key: "k2", assign: [pick(state, "t2", 1, "alice", "w1")] }), 2_100);
    state.one({ type: "Tick" }, 2_650);
    expect(state.tx.idempotency("k")).toBeUndefined();
    expect(state.tx.idempotency("k2")).toBeDefined();
    expect(state.tx.task("t1")).toBeDefined();
    state.one({ type: "Tick" }, 3_100);
    expect(state.tx.task("t1")).toBeUndefined();
    expect([...state.records.keys()].filter((key) => key.includes("t1") || key.includes("/c"))).toEqual([]);
    expect(state.tx.task("t2")?.phase).toBe("open");
  });

  it("takes a task out of its conversation's list and leaves the others in it", () => {
    const state = ready();
    state.one({ type: "SetConfig", retentionMs: 1_000 }, 2_000);
    for (const [i, task] of ["t1", "t2", "t3"].entries()) {
      state.one(openTask(task, { conversation: "c", assign: [pick(state, task, 1, "alice", "w1")] }), 3_000 + i * 500);
      state.one(finished(state, task), 3_000 + i * 500);
    }
    state.one({ type: "Tick" }, 4_100);
    expect(state.tx.conversationTasks("c")).toEqual([{ task: "t2" }, { task: "t3" }]);
    expect(state.tx.conversation("c")?.tasks).toBe(2);
    state.one({ type: "Tick" }, 9_000);
    expect([...state.records.keys()].filter((key) => key.includes("/c"))).toEqual([]);
  });

  it("a backlog is worked off by Ticks, and holds up no entry of other commands", () => {
    const state = ready();
    state.one({ type: "SetConfig", retentionMs: 1_000 }, 2_000);
    for (let i = 0; i < 100; i++) {
      state.one(openTask(`t${i}`, { assign: [pick(state, `t${i}`, 1, "alice", "w1")] }), 3_000);
      state.one(finished(state, `t${i}`), 3_000);
    }
    const left = (): number => [...state.records.keys()].filter((key) => key.startsWith("task/")).length;
    state.apply(
      [
        { type: "DrainWorker", worker: "w2" },
        { type: "DrainWorker", worker: "w2" },
      ],
      9_000,
    );
    expect(left()).toBe(100 - 2 * limits.DUE_PER_COMMAND);
    state.one({ type: "Tick" }, 9_000);
    expect(left()).toBe(100 - 2 * limits.DUE_PER_COMMAND - limits.DUE_PER_TICK);
    state.one({ type: "Tick" }, 9_000);
    expect(left()).toBe(0);
    expect(state.tx.meta().oldestTask).toBeNull();
  });
});
