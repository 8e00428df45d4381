/** Every refusal has the contract's body, the table's status and says what is wrong; nothing reaches the port that does not fit. */
import { limits, TriadError } from "@triad/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROBLEMS_MAX } from "../../src/adapters/http/http-limits.ts";
import { expectError, type Harness, harness } from "./harness.ts";

let h: Harness;
beforeAll(() => {
  h = harness();
  h.api.addTask("t-known");
});
afterAll(() => h[Symbol.asyncDispose]());

type Method = "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "HEAD";
const json = { "content-type": "application/json" };
const send = (method: Method, url: string, payload?: string | object, headers: Record<string, string> = {}) => {
  const body = typeof payload === "object" ? JSON.stringify(payload) : payload;
  return h.server.inject({
    method,
    url,
    headers: { ...(body === undefined ? {} : json), ...headers },
    ...(body !== undefined && { payload: body }),
  });
};
const submit = (body: object) => send("POST", "/v1/tasks", body);
const wide = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 1]));
const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);

describe("a body that does not fit is a 400 that names the place", () => {
  const cases: readonly [string, object, string][] = [
    ["nothing", {}, "input"],
    ["a number as input", { input: 7 }, "input"],
    ["an empty input", { input: "" }, "input"],
    ["a lone surrogate", { input: "a\ud800b" }, "input"],
    ["a word as weight", { input: "x", requires: { a: "much" } }, "requires.a"],
    ["a negative weight", { input: "x", requires: { a: -1 } }, "requires.a"],
    ["a list of weights", { input: "x", requires: [] }, "requires"],
    ["weights that are all 0", { input: "x", requires: { a: 0, b: 0 } }, "requires"],
    ["a skill's name too long", { input: "x", requires: { ["s".repeat(65)]: 1 } }, `requires.${"s".repeat(65)}`],
    ["an unknown strategy", { input: "x", strategy: { kind: "astrology" } }, "strategy.kind"],
    ["an ensemble of none", { input: "x", strategy: { kind: "ensemble", agents: 0 } }, "strategy.agents"],
    ["a quorum above the ensemble", { input: "x", strategy: { kind: "ensemble", agents: 2, quorum: 3 } }, "strategy.quorum"],
    ["an unknown field of a strategy", { input: "x", strategy: { kind: "single", agents: 2 } }, "strategy.agents"],
    ["a deadline in the past", { input: "x", deadlineMs: -5 }, "deadlineMs"],
    ["a deadline of 0", { input: "x", deadlineMs: 0 }, "deadlineMs"],
    ["a deadline that is no date", { input: "x", deadlineMs: 1e15 }, "deadlineMs"],
    ["fewer than no hand-offs", { input: "x", maxTransitions: -1 }, "maxTransitions"],
    ["half a hand-off", { input: "x", maxTransitions: 1.5 }, "maxTransitions"],
    ["too many hand-offs", { input: "x", maxTransitions: 10_001 }, "maxTransitions"],
    ["a list of facts", { input: "x", facts: [1] }, "facts"],
    ["too many facts", { input: "x", facts: wide(limits.FACT_NAMES_MAX + 1) }, "facts"],
    ["a fact named constructor", { input: "x", facts: { constructor: 1 } }, "facts.constructor"],
    ["a fact without a name", { input: "x", facts: { "": 1 } }, "facts."],
    ["a fact too deep", { input: "x", facts: { deep: deep(40) } }, "facts.deep"],
    ["a fact that is no text", { input: "x", facts: { a: ["\udfff"] } }, "facts.a"],
    ["a conversation with a slash", { input: "x", conversation: "a/b" }, "conversation"],
    ["a key too long", { input: "x", idempotencyKey: "k".repeat(limits.KEY_LENGTH_MAX + 1) }, "idempotencyKey"],
    ["an observation without a text", { input: "x", observations: [{ by: "u" }] }, "observations.0.text"],
    ["a misspelt field", { input: "x", deadlineMS: 5 }, "deadlineMS"],
  ];
  test.each(cases)("%s", async (_, body, path) => {
    const before = h.api.calls.length;
    const { message, details } = expectError(await submit(body), "TRIAD_BAD_REQUEST");
    expect((details as { path: string }[]).map((problem) => problem.path)).toContain(path);
    expect(message).toContain(path);
    expect(h.api.calls.length).toBe(before);
  });

  test("infinite weights, which JSON can spell", async () => {
    expectError(await send("POST", "/v1/tasks", `{"input":"x","requires":{"a":1e999}}`), "TRIAD_BAD_REQUEST");
    expectError(await send("POST", "/v1/tasks", `{"input":"x","facts":{"a":1e999}}`), "TRIAD_BAD_REQUEST");
  });

  test("all problems at once, and a bounded number of them", async () => {
    const { details } = expectError(await submit({ input: 7, requires: 3, deadlineMs: "soon", colour: "red" }), "TRIAD_BAD_REQUEST");
    expect((details as { path: string }[]).map(({ path }) => path).sort()).toEqual(["colour", "deadlineMs", "input", "requires"]);
    const many = expectError(await submit({ input: "x", ...wide(5_000) }), "TRIAD_BAD_REQUEST");
    expect(many.details).toHaveLength(PROBLEMS_MAX);
  });

  test("what a message repeats of the user's own stays on one short line", async () => {
    const { message } = expectError(await submit({ input: "x", [`\n\u001b[31m${"k".repeat(500)}`]: 1 }), "TRIAD_BAD_REQUEST");
    expect(message.length).toBeLessThan(200);
  });

  test("the other bodies", async () => {
    for (const [url, body] of [
      ["/v1/tasks/t-known/feedback", { quality: 7 }],
      ["/v1/tasks/t-known/feedback", {}],
      ["/v1/tasks/t-known/feedback", { quality: 1, step: 0 }],
      ["/v1/routing/explain", { requires: 3 }],
      ["/v1/routing/explain", { input: "x", agents: 3 }],
      ["/v1/workers/w1/drain", { force: true }],
    ] as const) {
      expectError(await send("POST", url, body), "TRIAD_BAD_REQUEST");
    }
  });

  test("queries and headers", async () => {
    for (const url of ["?wait=30", "?wait=-1s", "?wait=61s", "?wait=1h", "?wait=1s&wait=2s", "?wait=", "?wiat=1s"]) {
      expectError(await send("GET", `/v1/tasks/t-known${url}`), "TRIAD_BAD_REQUEST");
    }
    expectError(await send("GET", "/v1/conversations/c-1?verify=maybe"), "TRIAD_BAD_REQUEST");
    expectError(await send("GET", "/v1/tasks/t-known/events", undefined, { "last-event-id": "seven" }), "TRIAD_BAD_REQUEST");
  });
});

describe("what is not JSON", () => {
  test.each(["{not json", "", "[", '{"input":"x"}}', "\u0000"])("%j", async (body) => {
    const answer = await send("POST", "/v1/tasks", body);
    expectError(answer, body === "" ? "TRIAD_BAD_REQUEST" : "TRIAD_MALFORMED_JSON");
  });
  test.each(["[]", "null", "7", '"text"', "true"])("JSON, but no object: %s", async (body) => {
    expectError(await send("POST", "/v1/tasks", body), "TRIAD_BAD_REQUEST");
  });
  test("bytes that are not UTF-8", async () => {
    const payload = Buffer.concat([Buffer.from('{"input":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    expectError(await h.server.inject({ method: "POST", url: "/v1/tasks", headers: json, payload }), "TRIAD_MALFORMED_JSON");
  });
  test("keys that change a prototype", async () => {
    for (const facts of ['{"__proto__":{"polluted":true}}', '{"a":{"__proto__":1}}', '{"constructor":{"prototype":{"polluted":true}}}']) {
      expectError(await send("POST", "/v1/tasks", `{"input":"x","facts":${facts}}`), "TRIAD_MALFORMED_JSON");
    }
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
  test("other content types, which web pages may send without asking", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"]) {
      expectError(await send("POST", "/v1/tasks", '{"input":"x"}', { "content-type": type }), "TRIAD_UNSUPPORTED_MEDIA_TYPE");
    }
  });
});

describe("size", () => {
  test("input, facts and observations count together, in bytes of UTF-8", async () => {
    const half = limits.INLINE_BODY_BYTES_MAX / 2;
    const facts = { a: "f".repeat(half - '{"a":""}'.length) };
    expect((await submit({ input: "i".repeat(half), facts })).statusCode).toBe(202);
    expectError(await submit({ input: "i".repeat(half + 1), facts }), "TRIAD_BODY_TOO_LARGE");
    expectError(await submit({ input: "ü".repeat(half + 1) }), "TRIAD_BODY_TOO_LARGE");
    const observations = [{ by: "user", text: "o".repeat(half + 1) }];
    expectError(await submit({ input: "i".repeat(half), observations }), "TRIAD_BODY_TOO_LARGE");
  });
  test("the inline limit fits through the body's own limit however JSON spells it", async () => {
    const input = "\u0001".repeat(limits.INLINE_BODY_BYTES_MAX - 2);
    expect((await submit({ input })).statusCode).toBe(202);
  });
  test("a body above the limit is not parsed", async () => {
    expectError(await submit({ input: "z".repeat(2 << 20) }), "TRIAD_BODY_TOO_LARGE");
  });
});

describe("what is not there", () => {
  test.each([
    ["GET", "/v1/tasks/no-such-task", "TRIAD_TASK_NOT_FOUND"],
    ["GET", `/v1/tasks/${"a".repeat(5_000)}`, "TRIAD_TASK_NOT_FOUND"],
    ["GET", "/v1/tasks/%2ehidden", "TRIAD_TASK_NOT_FOUND"],
    ["GET", "/v1/tasks/a%2Fb?wait=1s", "TRIAD_TASK_NOT_FOUND"],
    ["GET", "/v1/tasks/none/events", "TRIAD_TASK_NOT_FOUND"],
    ["DELETE", "/v1/tasks/none", "TRIAD_TASK_NOT_FOUND"],
    ["GET", "/v1/conversations/none", "TRIAD_CONVERSATION_NOT_FOUND"],
    ["GET", "/v1/conversations/%20", "TRIAD_CONVERSATION_NOT_FOUND"],
    ["GET", "/v1/agents/none", "TRIAD_AGENT_UNKNOWN"],
    ["GET", "/v1/agents/a.b%3E", "TRIAD_AGENT_UNKNOWN"],
    ["GET", "/v1/nothing", "TRIAD_ROUTE_NOT_FOUND"],
    ["GET", "/v1/tasks/t-known/", "TRIAD_ROUTE_NOT_FOUND"],
    ["GET", "/V1/tasks/t-known", "TRIAD_ROUTE_NOT_FOUND"],
    ["GET", "/v1/tasks/%00%ff", "TRIAD_BAD_REQUEST"],
    ["GET", "/v1/tasks/%zz", "TRIAD_BAD_REQUEST"],
  ] as const)("%s %s", async (method, url, code) => {
    expectError(await send(method, url), code);
  });
  test("feedback and drain", async () => {
    expectError(await send("POST", "/v1/tasks/none/feedback", { quality: 1 }), "TRIAD_TASK_NOT_FOUND");
    expectError(await send("POST", "/v1/workers/none/drain", {}), "TRIAD_WORKER_NOT_FOUND");
    expectError(await send("POST", "/v1/workers/a.b/drain", {}), "TRIAD_WORKER_NOT_FOUND");
  });
  test("a wrong path or method is told before the body is judged", async () => {
    expectError(await send("POST", "/v1/nothing", "{not json"), "TRIAD_ROUTE_NOT_FOUND");
    expectError(await send("POST", "/v1/nothing", "x", { "content-type": "text/plain" }), "TRIAD_ROUTE_NOT_FOUND");
    expectError(await send("PUT", "/v1/tasks", "{not json"), "TRIAD_METHOD_NOT_ALLOWED");
  });
  test.each([
    ["PUT", "/v1/tasks", "POST"],
    ["GET", "/v1/tasks?x=1", "POST"],
    ["PATCH", "/v1/tasks/t-known", "DELETE, GET, HEAD"],
    ["HEAD", "/v1/tasks/t-known/events", "GET"],
    ["OPTIONS", "/v1/cluster", "GET, HEAD"],
    ["POST", "/metrics", "GET, HEAD"],
  ] as const)("%s %s is 405", async (method, url, allow) => {
    const answer = await send(method, url);
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, allow]);
    if (method !== "HEAD") expectError(answer, "TRIAD_METHOD_NOT_ALLOWED");
  });
});

describe("what is not built yet is a typed 501", () => {
  test.each([
    ["POST", "/v1/chat/completions", { model: "triad", messages: [] }],
    ["GET", "/v1/models", undefined],
    ["GET", "/.well-known/agent-card.json", undefined],
    ["POST", "/a2a", { jsonrpc: "2.0", method: "message/send", id: 1 }],
    ["GET", "/", undefined],
    ["POST", "/v1/tasks", { input: "x", budgetUsd: 0.5 }],
    ["POST", "/v1/tasks", { input: "x", strategy: { kind: "ensemble", aggregate: "merge" } }],
    ["POST", "/v1/tasks", { input: "x", strategy: { kind: "ensemble", aggregate: "judge" } }],
  ] as const)("%s %s %j", async (method, url, body) => {
    const before = h.api.calls.length;
    expectError(await send(method, url, body), "TRIAD_NOT_AVAILABLE");
    expect(h.api.calls.length).toBe(before);
  });
  test("a wrong value of such a field is still wrong", async () => {
    expectError(await submit({ input: "x", budgetUsd: -1 }), "TRIAD_BAD_REQUEST");
  });
});

describe("what the port throws", () => {
  const answerTo = async (failure: unknown) => {
    h.api.failures.set("submit", failure);
    return await submit({ input: "x" });
  };
  test.each([
    "TRIAD_SKILL_UNKNOWN",
    "TRIAD_IDEMPOTENCY_CONFLICT",
    "TRIAD_QUEUE_FULL",
    "TRIAD_OVERLOADED",
    "TRIAD_NO_LEADER",
    "TRIAD_NO_TEAM",
    "TRIAD_UNKNOWN_OUTCOME",
  ] as const)("%s as it is", async (code) => {
    const error = expectError(await answerTo(new TriadError(code, "Said in other words.", { why: 1 })), code);
    expect(error).toMatchObject({ message: "Said in other words.", details: { why: 1 } });
  });
  test("a code that has no status of its own is ours to answer for", async () => {
    const error = expectError(await answerTo(new TriadError("TRIAD_STEP_FAILED", "late")), "TRIAD_INTERNAL");
    expect(error.details).toEqual({ code: "TRIAD_STEP_FAILED" });
  });
  test.each([new TypeError("secret /etc/passwd"), "a string", undefined, null, { statusCode: 200 }])("unexpected: %s", async (failure) => {
    h.logged.length = 0;
    const answer = await answerTo(failure);
    expectError(answer, "TRIAD_INTERNAL");
    expect(answer.body).not.toMatch(/secret|passwd/);
    expect(h.logged.some(({ level, msg }) => level === 50 && /unexpectedly/.test(msg))).toBe(true);
  });
  test("a synchronous throw", async () => {
    h.api.failures.set("cluster", new RangeError("no"));
    expectError(await send("GET", "/v1/cluster"), "TRIAD_INTERNAL");
  });
  test("before the first byte of an event stream", async () => {
    h.api.failures.set("taskEvents", new TriadError("TRIAD_NO_LEADER"));
    const answer = await send("GET", "/v1/tasks/t-known/events");
    expectError(answer, "TRIAD_NO_LEADER");
    expect(answer.headers["retry-after"]).toBe("1");
  });
  test("no leader yet", async () => {
    h.api.isReady = false;
    expectError(await send("GET", "/readyz"), "TRIAD_NOT_READY");
    expect((await send("GET", "/healthz")).statusCode).toBe(200);
    h.api.isReady = true;
  });
});

describe("with a token", () => {
  const token = "a-token-of-the-operator";
  const closed = ["/v1/tasks/t-1", "/v1/cluster", "/v1/agents", "/v1/conversations/c-1", "/v1/models", "/metrics", "/v1/nothing", "/%2576"];
  const open = ["/healthz", "/readyz", "/openapi.json", "/.well-known/agent-card.json", "/"];

  test("nothing but probes and descriptions answers without it", async () => {
    await using guarded = harness({ token });
    const wrong = [undefined, "Bearer", "Bearer x", `Bearer ${token}x`, `Basic ${token}`, token, `Bearer ${token} ${token}`];
    for (const authorization of wrong) {
      for (const url of closed) {
        const answer = await guarded.server.inject({ url, headers: authorization === undefined ? {} : { authorization } });
        expectError(answer, "TRIAD_UNAUTHORIZED");
        expect(answer.headers["www-authenticate"]).toBe("Bearer");
      }
      for (const url of open) expect((await guarded.server.inject(url)).statusCode).not.toBe(401);
    }
    expect(guarded.api.calls).toEqual([]);
  });
  test("it is judged before the body is read", async () => {
    await using guarded = harness({ token });
    expectError(await guarded.server.inject({ method: "POST", url: "/v1/tasks", headers: json, payload: "{" }), "TRIAD_UNAUTHORIZED");
  });
  test("with it everything answers, whatever the case of the scheme", async () => {
    await using guarded = harness({ token });
    for (const scheme of ["Bearer", "bearer"]) {
      const answer = await guarded.server.inject({ url: "/v1/cluster", headers: { authorization: `${scheme} ${token}` } });
      expect(answer.statusCode).toBe(200);
    }
  });
});
