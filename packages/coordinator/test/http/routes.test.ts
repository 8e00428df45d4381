/** Every route of the contract that is built: what it asks of the port and what it answers, held against its own documented schema. */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  acceptedSchema,
  agentSchema,
  agentsSchema,
  clusterSchema,
  conversationSchema,
  explainSchema,
  taskSchema,
} from "../../src/adapters/http/answer-schemas.ts";
import { type Harness, harness } from "./harness.ts";

let h: Harness;
beforeAll(() => {
  h = harness();
});
afterAll(() => h[Symbol.asyncDispose]());

const get = (url: string) => h.server.inject({ method: "GET", url });
const post = (url: string, payload: object) => h.server.inject({ method: "POST", url, payload });
const lastCall = () => h.api.calls.at(-1);

test("a submit is 202 with the port's answer, and the port gets every field", async () => {
  const body = {
    input: "a cheap room",
    conversation: "c-9",
    requires: { hotels: 1, trains: 0 },
    strategy: { kind: "ensemble", agents: 3, aggregate: "majority", quorum: 2 },
    deadlineMs: 5_000,
    maxTransitions: 0,
    facts: { area: "north", old: null, list: [1, { a: true }] },
    observations: [{ by: "system", text: "" }],
    idempotencyKey: "k1",
  };
  const answer = await post("/v1/tasks", body);
  expect(answer.statusCode).toBe(202);
  acceptedSchema.parse(answer.json());
  expect(lastCall()).toEqual({ method: "submit", arguments: [body] });
  expect((await post("/v1/tasks", body)).json()).toEqual(answer.json());
});

test("what a submit leaves out has the documented defaults, and empty requirements are none", async () => {
  await post("/v1/tasks", { input: "x", requires: {}, strategy: { kind: "ensemble" } });
  expect(lastCall()?.arguments).toEqual([{ input: "x", strategy: { kind: "ensemble", agents: 3, aggregate: "weighted" } }]);
});

test("a task is read, waited for and cancelled", async () => {
  h.api.addTask("t-read");
  taskSchema.parse((await get("/v1/tasks/t-read")).json());
  for (const [wait, ms] of [
    ["250ms", 250],
    ["1.5s", 1_500],
    ["1m", 60_000],
  ] as const) {
    const waiting = h.api.nextWaiter();
    const answer = get(`/v1/tasks/t-read?wait=${wait}`);
    await waiting;
    expect(lastCall()).toEqual({ method: "taskWhenEnded", arguments: ["t-read", ms] });
    h.api.waiters.at(-1)?.end();
    expect((await answer).json().task).toBe("t-read");
  }
  await get("/v1/tasks/t-read?wait=0s");
  expect(lastCall()).toEqual({ method: "task", arguments: ["t-read"] });
  const cancel = () => h.server.inject({ method: "DELETE", url: "/v1/tasks/t-read", headers: { "content-type": "application/json" } });
  expect((await cancel()).json().status).toBe("cancelled");
  expect([(await cancel()).statusCode, (await cancel()).json().status]).toEqual([200, "cancelled"]);
});

test("a word on an effect reaches the port: what it gave, or that it is to be called again", async () => {
  h.api.addTask("t-waits");
  const answer = await post("/v1/tasks/t-waits/effects/3", { done: { ok: [1] }, member: 1, idempotencyKey: "once" });
  expect(answer.statusCode).toBe(200);
  taskSchema.parse(answer.json());
  expect(lastCall()?.arguments).toEqual(["t-waits", { n: 3, member: 1 }, { kind: "done", value: '{"ok":[1]}' }, "once"]);
  await post("/v1/tasks/t-waits/effects/256", { repeat: true });
  expect(lastCall()?.arguments.slice(0, 3)).toEqual(["t-waits", { n: 256 }, { kind: "repeat" }]);
  await post("/v1/tasks/t-waits/effects/1", { done: null });
  expect(lastCall()?.arguments.slice(0, 3)).toEqual(["t-waits", { n: 1 }, { kind: "done", value: "null" }]);
  for (const [n, body, status, code] of [
    ["1", {}, 400, "TRIAD_BAD_REQUEST"],
    ["1", { done: 1, repeat: true }, 400, "TRIAD_BAD_REQUEST"],
    ["1", { repeat: false }, 400, "TRIAD_BAD_REQUEST"],
    ["0", { repeat: true }, 409, "TRIAD_EFFECT_NOT_WAITING"],
    ["x", { repeat: true }, 409, "TRIAD_EFFECT_NOT_WAITING"],
    ["257", { repeat: true }, 409, "TRIAD_EFFECT_NOT_WAITING"],
    ["9", { repeat: true }, 409, "TRIAD_EFFECT_NOT_WAITING"],
    ["1", { done: "y".repeat(131_072) }, 413, "TRIAD_BODY_TOO_LARGE"],
  ] as const) {
    const refused = await post(`/v1/tasks/t-waits/effects/${n}`, body);
    expect([refused.statusCode, refused.json().error.code], `${n} ${JSON.stringify(body).slice(0, 40)}`).toEqual([status, code]);
  }
});

test("feedback reaches the port; its request id is the client's key, or a new one each time", async () => {
  h.api.addTask("t-good");
  const answer = await post("/v1/tasks/t-good/feedback", { quality: 0, step: 2, idempotencyKey: "once" });
  expect([answer.statusCode, answer.json()]).toEqual([200, { ok: true }]);
  expect(lastCall()?.arguments).toEqual(["t-good", { quality: 0, step: 2 }, "once"]);
  await post("/v1/tasks/t-good/feedback", { quality: 1 });
  const first = lastCall()?.arguments[2];
  await post("/v1/tasks/t-good/feedback", { quality: 1 });
  expect(first).toMatch(/^r-/);
  expect(lastCall()?.arguments[2]).not.toBe(first);
});

test("conversations, with and without verification", async () => {
  const plain = (await get("/v1/conversations/c-1?verify=false")).json();
  conversationSchema.parse(plain);
  expect(plain.verified).toBeUndefined();
  expect((await get("/v1/conversations/c-1?verify=true")).json().verified).toBe(true);
});

test("agents, explain, cluster and drain", async () => {
  agentsSchema.parse((await get("/v1/agents")).json());
  agentSchema.parse((await get("/v1/agents/hotels")).json());
  const explained = await post("/v1/routing/explain", { input: "{}", requires: { hotels: 1 }, conversation: "c-1" });
  explainSchema.parse(explained.json());
  expect([explained.statusCode, lastCall()?.arguments]).toEqual([200, [{ input: "{}", requires: { hotels: 1 }, conversation: "c-1" }]]);
  clusterSchema.parse((await get("/v1/cluster")).json());
  for (const payload of [undefined, {}]) {
    const answer = await h.server.inject({ method: "POST", url: "/v1/workers/w1/drain", ...(payload && { payload }) });
    expect([answer.statusCode, answer.json()]).toEqual([202, { id: "w1", state: "draining" }]);
  }
});

test("probes and metrics", async () => {
  expect((await get("/healthz")).json()).toEqual({ status: "ok" });
  expect((await get("/readyz")).json()).toEqual({ status: "ready" });
  const metrics = await get("/metrics");
  expect(metrics.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(metrics.body).toMatch(/^triad_raft_is_leader 0$/m);
});

test("a HEAD answers like its GET, without a body", async () => {
  const answer = await h.server.inject({ method: "HEAD", url: "/v1/cluster" });
  expect([answer.statusCode, answer.body]).toEqual([200, ""]);
});

test("a request leaves a line at debug and none at info", async () => {
  await using quiet = harness({ level: "info" });
  await quiet.server.inject("/v1/cluster");
  await quiet.server.inject("/v1/nothing");
  expect(quiet.logged).toEqual([]);
  expect(h.logged.filter(({ level }) => level >= 30)).toEqual([]);
  expect(h.logged.some(({ msg }) => msg === "request")).toBe(true);
});
