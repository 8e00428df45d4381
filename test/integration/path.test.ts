/**
 * The path of a task through three coordinators and two workers, as its users see it: what each request of the contract promises, in a
 * conversation of its own. What bad input and killed processes do stands in other files.
 */
import { randomUUID } from "node:crypto";
import { eventually, strike, type TaskView, type TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Ledger } from "./support/ledger.ts";
import { ModelServer } from "./support/model-server.ts";
import { Orders, START_MS, startOrders, stepsOf, teamFile, type WorkerAnswer } from "./support/orders-cluster.ts";
import { readEvents } from "./support/task-events.ts";

let cluster: TestCluster;
let orders: Orders;
let model: ModelServer;

beforeAll(async () => {
  model = await ModelServer.start(["once", " upon", " a", " time"]);
  cluster = await startOrders({ env: { INTEGRATION_MODEL_URL: model.url } });
  orders = new Orders(cluster);
}, START_MS);

afterAll(async () => {
  await model?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
}, START_MS);

const at = (i: number): string => cluster.info.http[i % cluster.info.http.length] ?? "";

interface AgentAnswer {
  readonly triple: {
    readonly context: { readonly steps: number };
    readonly capabilities: Readonly<Record<string, { readonly quality: number; readonly samples: number }>>;
  };
}
interface Explained {
  readonly agent: string;
  readonly reason: string;
  readonly candidates: readonly { readonly agent: string; readonly score: number; readonly parts: Readonly<Record<string, number>> }[];
}
const agent = async (id: string): Promise<AgentAnswer> => (await cluster.ask("GET", `/v1/agents/${id}`)).json as AgentAnswer;

describe("steps and hand-offs", { timeout: 60_000 }, () => {
  it("hands on by name and by skill, and every step sees the facts of all before it", async () => {
    const { task, conversation } = await orders.submit("walking-north", { hops: 4 }, { facts: { from: "the request" } });
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.output]).toEqual(["completed", "south took hop 3"]);
    expect(ended.steps?.map(({ n, agent: by, attempt }) => [n, by, attempt])).toEqual([
      [1, "north", 1],
      [2, "south", 1],
      [3, "north", 1],
      [4, "south", 1],
    ]);
    expect(stepsOf(ended).map(({ routing }) => routing.reason)).toEqual(["only", "named", "only", "named"]);
    expect(ended.facts).toMatchObject({ from: "the request", walked: 4, missing: [], "mark-3": "south was here" });
    const kept = await orders.conversation(conversation);
    expect(kept).toMatchObject({ verified: true, facts: ended.facts, tasks: [{ task, status: "completed" }] });
    expect(kept.events.map(({ type, by }) => [type, by])).toEqual([
      ["opened", "user"],
      ["step", "north"],
      ["step", "south"],
      ["step", "north"],
      ["step", "south"],
      ["ended", ""],
    ]);
    expect(kept.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("routes free text by the agents' examples", async () => {
    for (const [input, clerk] of [
      ["we need a room with parking for three nights", "rooms"],
      ["which train gets me to London by nine?", "trains"],
    ] as const) {
      const { task } = await cluster.submit({ input });
      const ended = await cluster.outcome(task);
      expect([ended.status, ended.output]).toEqual(["completed", clerk]);
    }
  });

  it("tries again what throws, with the same key, and counts attempts from 1", async () => {
    using ledger = new Ledger();
    const ended = await orders.run("throwing", { ledger: ledger.file, failAttempts: 2 });
    expect([ended.status, ended.facts]).toMatchObject(["completed", { attempt: 3 }]);
    expect(ended.steps?.map(({ attempt }) => attempt)).toEqual([3]);
    expect(ledger.lines.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(ledger.lines.map(({ key }) => key)).size).toBe(1);
  });

  it("asks several agents and weighs what they say", async () => {
    const vote = (aggregate: string): Promise<TaskView> =>
      orders.run("voting", {}, { strategy: { kind: "ensemble", agents: 3, aggregate } });
    const weighted = await vote("weighted");
    const majority = await vote("majority");
    expect([weighted.output, majority.output]).toEqual(["left", "right"]);
    expect(weighted.steps).toHaveLength(1);
    const members = stepsOf(weighted)[0]?.members ?? [];
    expect(members.map((member) => member.agent).toSorted()).toEqual(["voter-a", "voter-b", "voter-c"]);
    expect(members.find((member) => member.agent === "voter-a")?.outcome).toBe("won");
    expect(majority.facts).toEqual({ answer: "right" });
  });
});

describe("requests", { timeout: 60_000 }, () => {
  it("the same key at three coordinators at once is one task", async () => {
    using ledger = new Ledger();
    const input = JSON.stringify({ ledger: ledger.file, waitMs: 200 });
    const body = { input, requires: { waiting: 1 }, idempotencyKey: randomUUID() };
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => cluster.askAt(at(i), "POST", "/v1/tasks", { body })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const tasks = answers.map(({ json }) => json as { readonly task: string; readonly conversation: string });
    expect(new Set(tasks.map(({ task }) => task)).size).toBe(1);
    expect(new Set(tasks.map(({ conversation }) => conversation)).size).toBe(1);
    expect((await cluster.outcome(tasks[0]?.task ?? "")).status).toBe("completed");
    expect(ledger.count("start")).toBe(1);
    const other = await cluster.askAt(at(1), "POST", "/v1/tasks", { body: { ...body, input: "{}" } });
    expect([other.status, (other.json as { error: { code: string } }).error.code]).toEqual([409, "TRIAD_IDEMPOTENCY_CONFLICT"]);
  });

  it("what was accepted is there at every coordinator at once, and is answered when it has ended", async () => {
    const { task } = (await cluster.askAt(at(0), "POST", "/v1/tasks", { body: { input: '{"waitMs":300}', requires: { waiting: 1 } } }))
      .json as {
      task: string;
    };
    const seen = await Promise.all(cluster.info.http.map((url) => cluster.askAt(url, "GET", `/v1/tasks/${task}`)));
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200]);
    const held = await Promise.all(
      cluster.info.http.map((url) => cluster.askAt(url, "GET", `/v1/tasks/${task}?wait=20s`, { tryMs: 25_000 })),
    );
    expect(held.map(({ json }) => (json as TaskView).status)).toEqual(["completed", "completed", "completed"]);
  });

  it("tasks of one conversation run one after the other, in the order of their acceptance", async () => {
    using ledger = new Ledger();
    const conversation = `queue-${randomUUID()}`;
    const accepted: string[] = [];
    for (let i = 0; i < 4; i++) {
      const order = { ledger: ledger.file, waitMs: 150 };
      accepted.push((await orders.submit("waiting", order, { conversation, facts: { [`task-${i}`]: i } })).task);
    }
    for (const task of accepted) expect((await cluster.outcome(task)).status).toBe("completed");
    const { events, facts, tasks, verified } = await orders.conversation(conversation);
    expect(verified).toBe(true);
    expect(tasks.map(({ task }) => task)).toEqual(accepted);
    expect(events.map(({ type, task }) => [type, accepted.indexOf(task)])).toEqual(
      accepted.flatMap((_, i) => ["opened", "step", "ended"].map((type) => [type, i])),
    );
    expect(facts).toEqual({ "task-0": 0, "task-1": 1, "task-2": 2, "task-3": 3 });
  });

  it("what was said outside enters the transcript before the request", async () => {
    const observations = [
      { by: "the user", text: "we spoke on the telephone" },
      { by: "another system", text: "the room is booked" },
    ];
    const { task, conversation } = await orders.submit("voting", {}, { observations });
    await cluster.outcome(task);
    const { events, verified } = await orders.conversation(conversation);
    expect(verified).toBe(true);
    expect(events.slice(0, 3).map(({ type, by, text }) => [type, by, text])).toEqual([
      ["observed", "the user", "we spoke on the telephone"],
      ["observed", "another system", "the room is booked"],
      ["opened", "user", "{}"],
    ]);
  });

  it("cancelling fires the signal of the running step; a task that has ended stays as it is", async () => {
    using ledger = new Ledger();
    const { task } = await orders.submit("waiting", { ledger: ledger.file, waitMs: 60_000 });
    await eventually("the step runs", () => ledger.count("start") === 1);
    const cancelled = await cluster.askAt(at(1), "DELETE", `/v1/tasks/${task}`);
    expect([cancelled.status, (cancelled.json as TaskView).status]).toEqual([200, "cancelled"]);
    await eventually("the signal fires", () => ledger.count("aborted") === 1);
    const ended = await orders.run("voting");
    const late = await cluster.ask("DELETE", `/v1/tasks/${ended.task}`);
    expect([late.status, (late.json as TaskView).status]).toEqual([200, "completed"]);
  });

  it("feedback teaches quality once a request, and changes nothing else", async () => {
    const ended = await orders.run("voting");
    const voter = ended.steps?.[0]?.agent ?? "";
    const before = await agent(voter);
    const body = { quality: 0, idempotencyKey: randomUUID() };
    for (const i of [0, 1, 2]) expect((await cluster.askAt(at(i), "POST", `/v1/tasks/${ended.task}/feedback`, { body })).status).toBe(200);
    const after = await agent(voter);
    const quality = (one: AgentAnswer): number => one.triple.capabilities["voting"]?.quality ?? Number.NaN;
    // One judgement against a prior of weight 8 or more.
    expect(quality(after)).toBeLessThan(quality(before));
    expect(quality(after)).toBeGreaterThan(quality(before) * 0.85);
    expect(after.triple.context).toEqual(before.triple.context);
    expect((await orders.task(ended.task)).status).toBe("completed");
    const again = await cluster.ask("POST", `/v1/tasks/${ended.task}/feedback`, { body: { quality: 0 } });
    expect(again.status).toBe(200);
    expect(quality(await agent(voter))).toBeLessThan(quality(after));
  });

  it("explain says who would take it, and changes nothing", async () => {
    const state = async (): Promise<unknown> => {
      const { coordinators } = await cluster.steady();
      return coordinators.map(({ stateHash }) => stateHash);
    };
    const still = await eventually("nothing moves", async () => {
      const [one, two] = [JSON.stringify(await state()), JSON.stringify(await state())];
      return one === two && new Set(JSON.parse(one) as string[]).size === 1 ? one : undefined;
    });
    const voting = { input: "x", requires: { voting: 1 } };
    const best = (await cluster.ask("POST", "/v1/routing/explain", { body: voting })).json as Explained;
    expect([best.agent, best.reason, best.candidates.length]).toEqual(["voter-a", "best", 3]);
    // Best first, and each score is the sum of its parts.
    expect(best.candidates.map(({ score }) => score)).toEqual(best.candidates.map(({ score }) => score).toSorted((a, b) => b - a));
    for (const { score, parts } of best.candidates) expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBeCloseTo(score, 9);
    for (const url of cluster.info.http) {
      const body = { input: "is there a train on Sunday" };
      const text = (await cluster.askAt(url, "POST", "/v1/routing/explain", { body })).json as Explained;
      expect([text.agent, text.candidates.map((one) => one.agent)]).toEqual(["trains", ["trains", "rooms"]]);
      const skill = { input: "x", requires: { "walking-south": 1 } };
      const only = (await cluster.askAt(url, "POST", "/v1/routing/explain", { body: skill })).json as Explained;
      expect([only.agent, only.reason]).toEqual(["south", "only"]);
    }
    expect(JSON.stringify(await state())).toBe(still);
  });
});

describe("events", { timeout: 60_000 }, () => {
  it("are numbered, and go on after Last-Event-ID at any coordinator, to the end", async () => {
    const { task } = await orders.submit("walking-north", { hops: 3, waitMs: 100 });
    const live = await readEvents(at(0), task);
    const committed = live.filter(({ id }) => id !== undefined);
    expect(committed.map(({ id }) => id)).toEqual(committed.map((_, i) => i + 1));
    expect(committed.map(({ event }) => event)).toEqual(["accepted", "routed", "step", "routed", "step", "routed", "step", "completed"]);
    for (const url of cluster.info.http) {
      const replayed = await readEvents(url, task);
      expect(replayed).toEqual(committed);
      expect(await readEvents(url, task, { lastEventId: 5 })).toEqual(committed.slice(5));
    }
  });

  it("a stream that begins at or beyond the last event of an ended task ends at once", async () => {
    const ended = await orders.run("walking-north", { hops: 2 });
    const last = (await readEvents(at(0), ended.task)).at(-1)?.id ?? 0;
    for (const lastEventId of [last, last + 1, 1_000_000]) {
      for (const url of cluster.info.http) expect(await readEvents(url, ended.task, { lastEventId, withinMs: 10_000 })).toEqual([]);
    }
  });

  it("a stream cut in mid-step goes on at another coordinator without a gap or a repetition", async () => {
    using ledger = new Ledger();
    const { task } = await orders.submit("waiting", { waitMs: 1_500, ledger: ledger.file });
    const first = await readEvents(at(0), task, { until: (events) => events.at(-1)?.event === "routed" });
    const rest = await readEvents(at(1), task, { lastEventId: first.findLast(({ id }) => id !== undefined)?.id ?? 0 });
    const numbered = [...first, ...rest].filter(({ id }) => id !== undefined);
    expect(numbered.map(({ id, event }) => [id, event])).toEqual([
      [1, "accepted"],
      [2, "routed"],
      [3, "step"],
      [4, "completed"],
    ]);
    for (const { event, id } of [...first, ...rest]) expect(id === undefined).toBe(event === "started" || event === "delta");
  });
});

describe("a model behind the OpenAI interface", { timeout: 60_000 }, () => {
  it("is asked with the agent's prompt, and --stream shows its words before the answer is whole", async () => {
    model.allow(0);
    const input = "tell me how it begins";
    const conversation = `story-${randomUUID()}`;
    const flags = ["--require", "telling=1", "--conversation", conversation, "--stream", "--data-dir", cluster.dataDir];
    const streaming = cluster.cli(["submit", input, ...flags]);
    await eventually("the model is asked", () => model.requests.length === 1);
    const task = (await orders.conversation(conversation)).tasks[0]?.task ?? "";
    const events = await readEvents(at(1), task, {
      until: (seen) => {
        // The reader is there: now the first word may come.
        if (seen.at(-1)?.event === "routed") model.allow(1);
        return seen.at(-1)?.event === "delta";
      },
    });
    expect(events.at(-1)?.data).toMatchObject({ text: "once", agent: "teller", step: 1 });
    expect((await orders.task(task)).status).toBe("running");
    model.allow(model.words.length);
    const { code, stdout, stderr } = await streaming;
    expect([code, stdout], stderr).toEqual([0, "once upon a time\n"]);
    expect((await orders.task(task)).output).toBe("once upon a time");
    expect(model.requests[0]).toMatchObject({ model: "storyteller", stream: true });
    expect(JSON.stringify(model.requests[0]?.messages)).toContain(`You are teller.\\nKnown: {}\\nTask: ${input}`);
  });
});

describe("draining", { timeout: 60_000 }, () => {
  it("a worker that drains finishes what it runs, takes nothing new, ends, and is replaced", async () => {
    using ledger = new Ledger();
    const running = await Promise.all(Array.from({ length: 6 }, () => orders.submit("waiting", { waitMs: 1_500, ledger: ledger.file })));
    await eventually("all of them run", () => ledger.count("start") === 6);
    const [first] = (await orders.workers()).filter(({ inFlight }) => inFlight > 0);
    const drained = await cluster.ask("POST", `/v1/workers/${first?.id}/drain`);
    expect([drained.status, drained.json]).toEqual([202, { id: first?.id, state: "draining" }]);
    const more = await Promise.all(Array.from({ length: 4 }, () => orders.submit("walking-north", { hops: 2 })));
    for (const { task } of more) {
      const ended = await cluster.outcome(task);
      expect(ended.status).toBe("completed");
      expect(ended.steps?.map(({ worker }) => worker)).not.toContain(first?.id);
    }
    for (const { task } of running) {
      const ended = await cluster.outcome(task);
      expect([ended.status, ended.steps?.[0]?.attempt]).toEqual(["completed", 1]);
    }
    expect([ledger.count("start"), ledger.count("aborted")]).toEqual([6, 0]);
    await eventually("the drained worker is down", async () =>
      (await orders.workers()).some(({ id, state }) => id === first?.id && state === "down"),
    );
    await cluster.steady();
  });

  it("a worker that is told to end says that it goes: it is down when its process has ended, not two seconds later", async () => {
    using ledger = new Ledger();
    const flags = ["--id", "guest", "--nats", cluster.info.nats, "--team", teamFile("orders"), "--threads", "1", "--log-level", "warn"];
    const process = cluster.cli(["worker", ...flags]);
    const guest = async (): Promise<WorkerAnswer | undefined> => {
      const { http } = await orders.leader();
      const view = (await cluster.askAt(http, "GET", "/v1/cluster")).json as { readonly workers: readonly WorkerAnswer[] };
      return view.workers.find(({ id }) => id === "guest");
    };
    const joined = await eventually("the guest is up", async () =>
      (await orders.workers()).find(({ id, state }) => id === "guest" && state === "up"),
    );
    const running = await Promise.all(Array.from({ length: 9 }, () => orders.submit("waiting", { waitMs: 800, ledger: ledger.file })));
    await eventually("the guest works too", () => ledger.lines.some(({ pid }) => pid === joined.pid));
    expect(strike(joined.pid, "SIGTERM")).toBe(true);
    const { code, stderr } = await process;
    expect(code, stderr).toBe(0);
    expect((await guest())?.state).toBe("down");
    for (const { task } of running) {
      const ended = await cluster.outcome(task);
      expect([ended.status, ended.steps?.[0]?.attempt]).toEqual(["completed", 1]);
    }
    expect([ledger.count("start"), ledger.count("aborted")]).toEqual([9, 0]);
  });
});
