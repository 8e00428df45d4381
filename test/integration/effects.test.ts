/**
 * Effects on real processes, seen from outside: a ledger counts what was really called while workers are killed before, during and after it.
 * What the ledger can tell by itself: the call of effect n + 1 comes only when the result of n is in the log, so from then on n is never called.
 */
import { eventually, strike, type TaskView, TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EffectLedger, type LedgerCall, type Phase } from "./support/effect-ledger.ts";
import { START_MS, teamFile } from "./support/orders-cluster.ts";
import { scrape } from "./support/prometheus.ts";
import type { Work } from "./teams/effects.ts";

let ledger: EffectLedger;
let cluster: TestCluster;
beforeAll(async () => {
  ledger = await EffectLedger.start();
  const env = { INTEGRATION_EFFECT_LEDGER: ledger.url };
  cluster = await TestCluster.start({ team: teamFile("effects"), threads: 2, env });
  await cluster.steady();
}, START_MS);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await ledger?.[Symbol.asyncDispose]();
}, START_MS);

const submit = async (skill: string, work: Work): Promise<string> =>
  (await cluster.submit({ input: JSON.stringify(work), requires: { [skill]: 1 } })).task;

const read = async (task: string): Promise<TaskView & { readonly waitingFor?: readonly object[] }> =>
  (await cluster.ask("GET", `/v1/tasks/${task}`)).json as TaskView;

const ordersOf = (task: TaskView): readonly number[] => JSON.parse(task.output ?? "null") as readonly number[];

const isAt = (n: number, phase: Phase) => (call: LedgerCall) => call.n === n && call.phase === phase;

/** Submits, and kills the worker at exactly this moment. */
async function killedAt(n: number, phase: Phase, work: Work): Promise<string> {
  const hold = ledger.hold(isAt(n, phase));
  const task = await submit("paying", work);
  const call = await hold.reached;
  expect(call.task).toBe(task);
  expect(strike(call.pid, "SIGKILL")).toBe(true);
  hold.release();
  return task;
}

/** Tells calls of tasks that are not submitted yet. */
function newTasks(): (call: LedgerCall) => boolean {
  const old = new Set(ledger.calls.map(({ task }) => task));
  return ({ task }) => !old.has(task);
}

/** No call of an effect comes after a call of a later effect of the same task. */
function neverTwice(tasks: readonly string[]): void {
  for (const task of tasks) {
    const places = ledger.of(task).map((call) => call.n);
    expect(places, task).toEqual(places.toSorted((a, b) => a - b));
  }
}

describe("an effect whose worker is killed", { timeout: 90_000 }, () => {
  it.each<[Phase, number]>([
    ["before", 1],
    ["call", 2],
    ["after", 2],
  ])("%s the call: what was recorded stays, what is in doubt is called with the same key", async (phase, calls) => {
    const task = await killedAt(2, phase, { effects: 3 });
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.steps?.[0]?.attempt]).toEqual(["completed", 1]);
    expect(ledger.of(task).map((call) => call.n)).toEqual([1, ...new Array<number>(calls).fill(2), 3]);
    expect(new Set(ledger.of(task, 2).map((call) => call.key)).size).toBe(1);
    expect(new Set(ledger.of(task).map((call) => call.key)).size).toBe(3);
    // What the step was given is what the calls that were recorded had answered.
    expect(ordersOf(ended)).toEqual([1, 2, 3].map((n) => ledger.calls.indexOf(ledger.of(task, n).at(-1) as LedgerCall) + 1));
  });

  it("repeat: called again with a new key", async () => {
    const task = await killedAt(1, "call", { effects: 2, onDoubt: "repeat" });
    expect((await cluster.outcome(task)).status).toBe("completed");
    const keys = ledger.of(task, 1).map((call) => call.key);
    expect([keys.length, new Set(keys).size]).toEqual([2, 2]);
  });

  it("ask: the task waits, nothing is called, and goes on with what a person says", async () => {
    const task = await killedAt(2, "call", { effects: 3, onDoubt: "ask" });
    await eventually("the task waits", async () => (await read(task)).status === "waiting");
    const waitingFor = [{ n: 2, name: "pay", step: 1, member: 0, agent: "payer" }];
    expect(await read(task)).toMatchObject({ status: "waiting", waitingFor });
    expect(ledger.of(task).map((call) => call.n)).toEqual([1, 2]);
    const body = { done: 4711, idempotencyKey: "said-once" };
    for (const url of cluster.info.http) {
      const answer = await cluster.askAt(url, "POST", `/v1/tasks/${task}/effects/2`, { body });
      expect([answer.status, answer.text], url).toEqual([200, expect.any(String)]);
    }
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.steps?.[0]?.attempt, ordersOf(ended)[1]]).toEqual(["completed", 1, 4711]);
    expect(ledger.of(task).map((call) => call.n)).toEqual([1, 2, 3]);
    const scrapes = await Promise.all(cluster.info.http.map((url) => scrape(url)));
    for (const outcome of ["intended", "done", "doubt", "asked", "resolved"]) {
      expect(Math.max(...scrapes.map((one) => one.sum("triad_effects_total", { outcome }))), outcome).toBeGreaterThan(0);
    }
    const late = await cluster.ask("POST", `/v1/tasks/${task}/effects/2`, { body: { repeat: true } });
    expect([late.status, (late.json as { error: { code: string } }).error.code]).toEqual([409, "TRIAD_EFFECT_NOT_WAITING"]);
  });

  it("ask, and a person has it called again: under a new key", async () => {
    const task = await killedAt(1, "after", { effects: 1, onDoubt: "ask" });
    await eventually("the task waits", async () => (await read(task)).status === "waiting");
    expect((await cluster.ask("POST", `/v1/tasks/${task}/effects/1`, { body: { repeat: true } })).status).toBe(200);
    expect((await cluster.outcome(task)).status).toBe("completed");
    expect(new Set(ledger.of(task, 1).map((call) => call.key)).size).toBe(2);
  });

  it("a step that throws calls nothing again that was recorded", async () => {
    const task = await submit("paying", { effects: 3, throwAfter: 2 });
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.steps?.[0]?.attempt]).toEqual(["completed", 2]);
    expect(ledger.of(task).map((call) => call.n)).toEqual([1, 2, 3]);
  });

  it("under load, worker after worker, at whatever moment: nothing recorded is called again, and nothing is lost", async () => {
    // 24 tasks make 120 calls in any case, and as many requests before and after them: each of these moments comes.
    const moments = [
      [10, "before"],
      [35, "call"],
      [60, "after"],
      [90, "call"],
    ] as const;
    const isNew = newTasks();
    const holds = moments.map(([count, phase]) => ledger.standstill(count, (call) => call.phase === phase && isNew(call)));
    const tasks = await Promise.all(Array.from({ length: 24 }, () => submit("paying", { effects: 5 })));
    for (const hold of holds) {
      expect(strike((await hold.reached).pid, "SIGKILL")).toBe(true);
      hold.release();
    }
    const ended = await Promise.all(tasks.map((task) => cluster.outcome(task)));
    expect(ended.map(({ status, steps }) => `${status} ${steps?.[0]?.attempt}`)).toEqual(tasks.map(() => "completed 1"));
    neverTwice(tasks);
    for (const [i, task] of tasks.entries()) {
      const view = ended[i] as TaskView;
      expect(ordersOf(view), task).toEqual([1, 2, 3, 4, 5].map((n) => ledger.calls.indexOf(ledger.of(task, n).at(-1) as LedgerCall) + 1));
      for (let n = 1; n <= 5; n++) expect(new Set(ledger.of(task, n).map((call) => call.key)).size, `${task} ${n}`).toBe(1);
    }
  });
});

describe("effects across an election", { timeout: 90_000 }, () => {
  it("are called once each: intents and outcomes wait for the next leader, and nobody starts again", async () => {
    const hold = ledger.standstill(20, newTasks());
    const tasks = await Promise.all(Array.from({ length: 8 }, () => submit("paying", { effects: 4 })));
    await hold.reached;
    await cluster.killLeader();
    hold.release();
    const ended = await Promise.all(tasks.map((task) => cluster.outcome(task)));
    expect(ended.map(({ status, steps }) => `${status} ${steps?.[0]?.attempt}`)).toEqual(tasks.map(() => "completed 1"));
    for (const task of tasks) expect(ledger.of(task).map((call) => call.n)).toEqual([1, 2, 3, 4]);
    await cluster.steady();
  });
});

describe("a model's answer", { timeout: 90_000 }, () => {
  it("that was recorded is not paid again when the worker is killed while it asks the next", async () => {
    const hold = ledger.hold((call) => call.pid === 0 && call.n === 2);
    const task = await submit("thinking", { effects: 3 });
    await hold.reached;
    await cluster.killWorker();
    hold.release();
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.steps?.[0]?.attempt]).toEqual(["completed", 1]);
    expect(ledger.of(task).map((call) => call.n)).toEqual([1, 2, 2, 3]);
    expect(new Set(ledger.of(task, 2).map((call) => call.key)).size).toBe(1);
    expect(ledger.of(task, 2)[0]?.key).toMatch(/^[0-9a-f]{64}$/);
  });

  it("many, while workers are killed: none that was recorded is asked for again", async () => {
    const isNew = newTasks();
    const holds = [8, 20, 32].map((count) => ledger.standstill(count, isNew));
    const tasks = await Promise.all(Array.from({ length: 12 }, () => submit("thinking", { effects: 4 })));
    for (const hold of holds) {
      await hold.reached;
      await cluster.killWorker();
      hold.release();
    }
    const ended = await Promise.all(tasks.map((task) => cluster.outcome(task)));
    expect(ended.map(({ status }) => status)).toEqual(tasks.map(() => "completed"));
    neverTwice(tasks);
  });
});

describe("a question", { timeout: 60_000 }, () => {
  it("waits for a person and holds no worker; the answer ends it", async () => {
    const task = await submit("asking", { question: "window or aisle?" });
    await eventually("the task waits", async () => (await read(task)).status === "waiting");
    expect(await read(task)).toMatchObject({ waitingFor: [{ n: 1, name: "ask", question: "window or aisle?" }] });
    await eventually("no worker holds it", async () => (await cluster.view()).workers.every(({ inFlight }) => inFlight === 0));
    const shown = await cluster.cli(["tasks", "show", task, "--data-dir", cluster.dataDir]);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining("window or aisle?")]);
    const said = await cluster.cli(["tasks", "resolve", task, "1", "--done", "aisle", "--data-dir", cluster.dataDir]);
    expect([said.code, said.stderr]).toEqual([0, ""]);
    expect(await cluster.outcome(task)).toMatchObject({ status: "completed", output: "aisle" });
    const stream = await fetch(`${cluster.info.http[0]}/v1/tasks/${task}/events`);
    const events = [...(await stream.text()).matchAll(/^event: (\w+)$/gm)].map(([, event]) => event);
    expect(events).toEqual(["accepted", "routed", "waiting", "routed", "step", "completed"]);
  });
});
