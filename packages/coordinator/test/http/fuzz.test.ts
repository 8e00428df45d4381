/**
 * Random requests, near the schema and far from it: each is answered by the route's success or by a typed 4xx, never by a 500, and whatever
 * the port receives fits the port. fast-check prints the seed of a failure.
 */
import { isFactName, isId, isJson, limits } from "@triad/protocol";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SubmitRequest } from "../../src/services/state-manager/api.ts";
import { expectError, type Harness, harness } from "./harness.ts";

let h: Harness;
beforeAll(() => {
  h = harness({ level: "error" });
  h.api.addTask("t-known");
});
afterAll(() => h[Symbol.asyncDispose]());

const RUNS = 1_500;
const text = fc.string({ unit: "binary", maxLength: 24 });
const name = fc.oneof(text, fc.constantFrom("hotels", "__proto__", "constructor", "toString", "", "a.b", "x".repeat(200)));
const anything = fc.anything({ withNullPrototype: false, maxDepth: 4 });
const numberish = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, 1e308, Number.MAX_SAFE_INTEGER, 0.5), anything);

/** A field of the right name holds the right kind of value about half the time. */
const fields = {
  input: fc.oneof({ weight: 3, arbitrary: text }, anything),
  conversation: fc.oneof(fc.constantFrom("c-1", "a/b", ""), text, anything),
  requires: fc.oneof(fc.dictionary(name, numberish, { maxKeys: 4 }), anything),
  strategy: fc.oneof(
    fc.record(
      {
        kind: fc.constantFrom("single", "ensemble", "both"),
        agents: numberish,
        aggregate: fc.constantFrom("first", "weighted", "x"),
        quorum: numberish,
      },
      { requiredKeys: ["kind"] },
    ),
    anything,
  ),
  deadlineMs: numberish,
  maxTransitions: numberish,
  facts: fc.oneof(fc.dictionary(name, anything, { maxKeys: 4 }), anything),
  observations: fc.oneof(fc.array(fc.record({ by: name, text }), { maxLength: 18 }), anything),
  idempotencyKey: fc.oneof(text, anything),
};
const body = fc.oneof(
  { weight: 4, arbitrary: fc.record(fields, { requiredKeys: ["input"] }) },
  { weight: 1, arbitrary: fc.record({ input: fc.constant("x"), quality: numberish, step: numberish }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: anything },
);

/** JSON as it is, or with a few bytes changed. */
const payload = fc
  .tuple(body, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.boolean())
  .map(([value, changes, mutate]) => {
    const bytes = Buffer.from(stringify(value));
    if (mutate && bytes.length > 0) for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes;
  });

/** JSON.stringify refuses big integers and gives undefined for some values; neither can be sent. */
function stringify(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item)) ?? "";
}

function fitsThePort(request: SubmitRequest): void {
  expect(request.input.length > 0 && request.input.isWellFormed()).toBe(true);
  if (request.conversation !== undefined) expect(isId(request.conversation)).toBe(true);
  for (const [skill, weight] of Object.entries(request.requires ?? {})) {
    expect(isFactName(skill, limits.NAME_LENGTH_MAX) && Number.isFinite(weight) && weight >= 0).toBe(true);
  }
  expect(isJson(request.facts ?? {}, 33)).toBe(true);
  expect(Object.keys(request.facts ?? {}).every((fact) => isFactName(fact))).toBe(true);
  for (const whole of [request.deadlineMs ?? 1, request.maxTransitions ?? 0]) expect(Number.isSafeInteger(whole) && whole >= 0).toBe(true);
}

test("bodies", async () => {
  const url = fc.constantFrom(
    "/v1/tasks",
    "/v1/tasks",
    "/v1/tasks/t-known/feedback",
    "/v1/tasks/t-known/effects/1",
    "/v1/routing/explain",
    "/v1/workers/w1/drain",
  );
  await fc.assert(
    fc.asyncProperty(url, payload, async (to, bytes) => {
      h.api.calls.length = 0;
      const answer = await h.server.inject({ method: "POST", url: to, headers: { "content-type": "application/json" }, payload: bytes });
      if (answer.statusCode < 300) {
        for (const call of h.api.calls) if (call.method === "submit") fitsThePort(call.arguments[0] as SubmitRequest);
        return;
      }
      const { code } = expectError(answer);
      expect([code, answer.statusCode >= 400 && answer.statusCode < 500]).toEqual([code, true]);
    }),
    { numRuns: RUNS },
  );
});

test("paths, queries, headers and methods", async () => {
  const part = fc.oneof(
    fc.constantFrom("v1", "tasks", "t-known", "conversations", "agents", "cluster", "%00", "%ff", "..", "%2e", ""),
    text,
  );
  const path = fc
    .array(part, { maxLength: 5 })
    .map((parts) => `/${parts.map((p) => (p.startsWith("%") ? p : encodeURI(p.toWellFormed()))).join("/")}`);
  const query = fc.oneof(
    fc.constantFrom("", "?wait=0s", "?wait=", "?verify=true", "?%=%"),
    text.map((q) => `?${encodeURI(q.toWellFormed())}`),
  );
  const method = fc.constantFrom("GET" as const, "DELETE" as const, "PUT" as const, "PATCH" as const, "OPTIONS" as const);
  const header = fc.constantFrom(
    {},
    { "last-event-id": "x" },
    { "content-type": "x/y" },
    { authorization: "Bearer" },
    { "accept-version": "9" },
  );
  await fc.assert(
    fc.asyncProperty(method, path, query, header, async (verb, to, q, headers) => {
      const answer = await h.server.inject({ method: verb, url: `http://h${to}${q}`, headers });
      if (answer.statusCode < 300) return;
      const { code } = expectError(answer);
      expect(code === "TRIAD_NOT_AVAILABLE" || answer.statusCode < 500).toBe(true);
    }),
    { numRuns: RUNS },
  );
});
