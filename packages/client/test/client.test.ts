import { describe, expect, it } from "vitest";
import { backOffMs } from "../src/back-off.ts";
import { TaskFailedError, TriadClient, TriadError } from "../src/index.ts";
import { deadAddress, refuse, reply, scriptedCoordinator } from "./scripted-coordinator.ts";

const accepted = { task: "t-1", conversation: "c-1", status: "accepted", commitIndex: 7 };
const view = (status: string, more: object = {}): object => ({ task: "t-1", conversation: "c-1", status, facts: {}, steps: [], ...more });

async function errorOf(promise: Promise<unknown>): Promise<TriadError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof TriadError) return error;
  throw new Error(`no TriadError but ${String(error)}`);
}

describe("connect", () => {
  it("says that NATS is not available yet, and what is no address", async () => {
    expect((await errorOf(TriadClient.connect({ servers: "nats://127.0.0.1:4222" }))).code).toBe("TRIAD_NOT_AVAILABLE");
    expect((await errorOf(TriadClient.connect({ url: "nats://127.0.0.1:4222" }))).code).toBe("TRIAD_NOT_AVAILABLE");
    expect((await errorOf(TriadClient.connect({ url: "localhost:7070" }))).code).toBe("TRIAD_BAD_REQUEST");
    expect((await errorOf(TriadClient.connect({}))).code).toBe("TRIAD_BAD_REQUEST");
  });

  it("tries every address before the cluster is unreachable, and names them", async () => {
    const urls = [await deadAddress(), await deadAddress()];
    const error = await errorOf(TriadClient.connect({ urls, unreachableMs: 1 }));
    expect([error.code, error.retryable]).toEqual(["TRIAD_CLUSTER_UNREACHABLE", true]);
    for (const url of urls) expect(error.message).toContain(url);
  });

  it("takes the first of several that answers, with its path and token", async () => {
    await using coordinator = await scriptedCoordinator((response) => reply(response, 200, { agents: [] }));
    const client = await TriadClient.connect({ urls: [await deadAddress(), `${coordinator.url}/triad/`], token: "secret" });
    expect(await client.agents()).toEqual([]);
    expect(coordinator.asked.map(({ path }) => path)).toEqual(["/triad/healthz", "/triad/v1/agents"]);
    expect(coordinator.asked[1]?.headers.authorization).toBe("Bearer secret");
  });
});

describe("submit", () => {
  it("repeats a retryable refusal and a broken connection with the same minted key", async () => {
    await using coordinator = await scriptedCoordinator((response, _, n) => {
      if (n === 0) refuse(response, 503, "TRIAD_NO_LEADER", true);
      else if (n === 1) response.destroy();
      else reply(response, 202, accepted);
    });
    const client = await TriadClient.connect({ url: coordinator.url });
    const task = await client.submit({ input: "hello", requires: { hotels: 1 } });
    expect([task.id, task.conversation]).toEqual(["t-1", "c-1"]);
    const keys = coordinator.asked.map(({ body }) => body["idempotencyKey"]);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^r-[0-9a-z]{26}$/);
    expect(coordinator.asked[2]?.body).toMatchObject({ input: "hello", requires: { hotels: 1 } });
  });

  it("keeps a key that it was given, and mints another for each request", async () => {
    await using coordinator = await scriptedCoordinator((response) => reply(response, 202, accepted));
    const client = await TriadClient.connect({ url: coordinator.url });
    for (const idempotencyKey of ["mine", undefined, undefined])
      await client.submit({ input: "x", ...(idempotencyKey === undefined ? {} : { idempotencyKey }) });
    const keys = coordinator.asked.map(({ body }) => body["idempotencyKey"]);
    expect(keys[0]).toBe("mine");
    expect(new Set(keys).size).toBe(3);
  });

  it("goes to the next coordinator when one refuses for now, and stays at one that answers", async () => {
    await using away = await scriptedCoordinator((response) => refuse(response, 503, "TRIAD_NO_LEADER", true));
    await using there = await scriptedCoordinator((response) => reply(response, 202, accepted));
    const client = await TriadClient.connect({ urls: [away.url, there.url] });
    await client.submit({ input: "a" });
    await client.submit({ input: "b" });
    expect([away.asked.length, there.asked.length]).toEqual([1, 2]);
  });

  it("leaves a coordinator that does not answer in time for the next", async () => {
    await using stopped = await scriptedCoordinator(() => undefined);
    await using there = await scriptedCoordinator((response) => reply(response, 202, accepted));
    const client = await TriadClient.connect({ urls: [stopped.url, there.url], tryMs: 100 });
    expect((await client.submit({ input: "a" })).id).toBe("t-1");
  });

  it.each([
    [409, "TRIAD_IDEMPOTENCY_CONFLICT"],
    [400, "TRIAD_SKILL_UNKNOWN"],
    [501, "TRIAD_NOT_AVAILABLE"],
  ])("does not repeat a %i", async (status, code) => {
    await using coordinator = await scriptedCoordinator((response) => refuse(response, status, code, false));
    const client = await TriadClient.connect({ url: coordinator.url });
    const error = await errorOf(client.submit({ input: "a" }));
    expect([error.code, error.message, error.retryable]).toEqual([code, `${code} as told`, false]);
    expect(coordinator.asked).toHaveLength(1);
  });

  it("waits as long as Retry-After asks, and gives up at its bound with the refusal itself", async () => {
    const times: number[] = [];
    await using coordinator = await scriptedCoordinator((response, _, n) => {
      times.push(performance.now());
      if (n === 0) refuse(response, 429, "TRIAD_OVERLOADED", true, { "retry-after": "1" });
      else reply(response, 202, accepted);
    });
    const client = await TriadClient.connect({ url: coordinator.url });
    await client.submit({ input: "a" });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);

    await using full = await scriptedCoordinator((response) => refuse(response, 429, "TRIAD_OVERLOADED", true, { "retry-after": "60" }));
    const hurried = await TriadClient.connect({ url: full.url, retryMs: 500 });
    expect((await errorOf(hurried.submit({ input: "a" }))).code).toBe("TRIAD_OVERLOADED");
    expect(full.asked).toHaveLength(1);
  });

  it("tells another server at the address from a coordinator", async () => {
    await using other = await scriptedCoordinator((response) => response.writeHead(404).end("<html>"));
    const client = await TriadClient.connect({ url: other.url });
    expect((await errorOf(client.submit({ input: "a" }))).code).toBe("TRIAD_CLUSTER_UNREACHABLE");
    await using page = await scriptedCoordinator((response) => response.writeHead(200).end("<html>"));
    expect((await errorOf((await TriadClient.connect({ url: page.url })).cluster())).code).toBe("TRIAD_CLUSTER_UNREACHABLE");
  });

  it("keeps the code of an error that this version does not know", async () => {
    await using later = await scriptedCoordinator((response) => refuse(response, 400, "TRIAD_FROM_THE_FUTURE", false));
    const error = await errorOf((await TriadClient.connect({ url: later.url })).cluster());
    expect([error.code, error.details]).toEqual(["TRIAD_INTERNAL", { code: "TRIAD_FROM_THE_FUTURE" }]);
    expect(later.asked).toHaveLength(1);
  });
});

describe("result", () => {
  it("asks again until the task has ended", async () => {
    await using coordinator = await scriptedCoordinator((response, asked, n) => {
      if (asked.method === "POST") reply(response, 202, accepted);
      else reply(response, 200, n < 3 ? view("running") : view("completed", { output: "done", facts: { a: 1 } }));
    });
    const task = await (await TriadClient.connect({ url: coordinator.url })).submit({ input: "a" });
    expect(await task.result()).toMatchObject({ output: "done", facts: { a: 1 } });
    expect(coordinator.asked[1]?.path).toBe("/v1/tasks/t-1?wait=30s");
  });

  it("throws the task's own error, with the whole task in it", async () => {
    const failed = view("failed", { error: { code: "TRIAD_STEP_FAILED", message: "as told" } });
    await using coordinator = await scriptedCoordinator((response, asked) =>
      asked.method === "POST" ? reply(response, 202, accepted) : reply(response, 200, failed),
    );
    const task = await (await TriadClient.connect({ url: coordinator.url })).submit({ input: "a" });
    const error = await errorOf(task.result());
    expect(error).toBeInstanceOf(TaskFailedError);
    expect([error.code, error.message, error instanceof TaskFailedError && error.task.status]).toEqual([
      "TRIAD_STEP_FAILED",
      "as told",
      "failed",
    ]);
    expect((await task.ended()).status).toBe("failed");
  });

  it.each([
    ["cancelled", "TRIAD_CANCELLED"],
    ["expired", "TRIAD_DEADLINE"],
  ])("has a code for a task that was %s without an error", async (status, code) => {
    await using coordinator = await scriptedCoordinator((response, asked) =>
      asked.method === "POST" ? reply(response, 202, accepted) : reply(response, 200, view(status)),
    );
    const task = await (await TriadClient.connect({ url: coordinator.url })).submit({ input: "a" });
    expect((await errorOf(task.result())).code).toBe(code);
  });

  it("ends its wait by signal and by time, not the task", async () => {
    await using coordinator = await scriptedCoordinator((response, asked) => {
      if (asked.method === "POST") reply(response, 202, accepted); // the wait is held for ever
    });
    const task = await (await TriadClient.connect({ url: coordinator.url })).submit({ input: "a" });
    await expect(task.result({ timeoutMs: 50 })).rejects.toMatchObject({ name: "TimeoutError" });
    const controller = new AbortController();
    const waiting = task.result({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});

describe("the other routes", () => {
  it("ask what the contract says", async () => {
    await using coordinator = await scriptedCoordinator((response) => reply(response, 200, { agents: [], candidates: [] }));
    const client = await TriadClient.connect({ url: coordinator.url });
    await client.task("t/1");
    await client.cancel("t-1");
    await client.feedback("t-1", { quality: 0.5, step: 2 });
    await client.conversation("c-1");
    await client.conversation("c-1", { verify: true });
    await client.agents();
    await client.agent("relay-a");
    await client.explain({ input: "x", requires: { a: 1 } });
    await client.cluster();
    await client.drainWorker("w1");
    expect(coordinator.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /v1/tasks/t%2F1",
      "DELETE /v1/tasks/t-1",
      "POST /v1/tasks/t-1/feedback",
      "GET /v1/conversations/c-1",
      "GET /v1/conversations/c-1?verify=true",
      "GET /v1/agents",
      "GET /v1/agents/relay-a",
      "POST /v1/routing/explain",
      "GET /v1/cluster",
      "POST /v1/workers/w1/drain",
    ]);
    const idempotencyKey = expect.stringMatching(/^r-/);
    expect(coordinator.asked[2]?.body).toEqual({ quality: 0.5, step: 2, idempotencyKey });
    await client.resolveEffect("t-1", 3, { done: { paid: true } });
    await client.resolveEffect("t-1", 4, { repeat: true, member: 1 });
    expect(coordinator.asked.slice(-2).map(({ method, path, body }) => [`${method} ${path}`, body])).toEqual([
      ["POST /v1/tasks/t-1/effects/3", { done: { paid: true }, idempotencyKey }],
      ["POST /v1/tasks/t-1/effects/4", { repeat: true, member: 1, idempotencyKey }],
    ]);
  });
});

describe("back-off", () => {
  it("doubles once a round over the addresses, up to a bound", () => {
    expect([0, 2, 3, 6, 9, 100].map((tries) => backOffMs(tries, 3, 0.999_999))).toEqual(
      [50, 50, 100, 200, 400, 1_000].map((ms) => expect.closeTo(ms, 1)),
    );
    expect(backOffMs(3, 3, 0)).toBe(50);
  });
});
