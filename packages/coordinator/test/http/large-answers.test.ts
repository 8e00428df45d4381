/** Large answers: sent in pieces they are the same JSON, within a bound of how many, and nobody else waits for one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLarge, jsonPieces } from "../../src/adapters/http/json-pieces.ts";
import { expectError, harness } from "./harness.ts";

const MB = 1_000_000;

describe("JSON in pieces", () => {
  it("is what JSON.stringify makes of the whole", () => {
    const units = fc.constantFrom("plain ", "grün", "𝄞", "\ud834", "\udd1e", '"', "\\", "\u0000", "\u2028");
    const long = fc
      .tuple(units, fc.integer({ min: 60_000, max: 140_000 }), fc.nat(3))
      .map(([unit, n, pad]) => "a".repeat(pad) + unit.repeat(n));
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({ a: long, b: fc.constant(undefined), c: fc.array(fc.oneof(fc.jsonValue(), fc.constant(undefined)), { maxLength: 3 }) }),
    );
    fc.assert(
      fc.property(value, (each) => {
        const pieces = [...jsonPieces(each)];
        expect(pieces.join("") === JSON.stringify(each)).toBe(true);
        // Escaped at its worst, a slice is six times as long.
        expect(Math.max(0, ...pieces.map(({ length }) => length))).toBeLessThan(7 * 65_536);
      }),
      { numRuns: 100 },
    );
  });

  it("is for what holds a megabyte of text, wherever that stands", () => {
    expect(isLarge({ a: ["x".repeat(2 * MB)] })).toBe(true);
    expect(isLarge({ a: Array.from({ length: 200 }, () => ({ text: "x".repeat(10_000) })) })).toBe(true);
    expect(isLarge({ a: "x".repeat(MB), b: null, c: 1 })).toBe(false);
  });
});

describe("a large answer over HTTP", () => {
  it("is whole, with the headers of any other", async () => {
    await using h = harness();
    const { task } = h.api.addTask("t-1");
    const output = `${"grün 𝄞 ".repeat(MB)}end`;
    h.api.tasks.set(task, { ...h.api.addTask(task), output });
    const url = await h.open();
    const response = await fetch(`${url}/v1/tasks/${task}`);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json; charset=utf-8"]);
    expect(((await response.json()) as { output: string }).output === output).toBe(true);
  });

  it("has a bound: who reads none of his holds a place until he goes, and others are told to come back", async () => {
    await using h = harness();
    const { task } = h.api.addTask("t-1");
    h.api.tasks.set(task, { ...h.api.addTask(task), output: "y".repeat(16 * MB) });
    const url = await h.open();
    const stalled = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const controller = new AbortController();
        const response = await fetch(`${url}/v1/tasks/${task}`, { signal: controller.signal });
        return { controller, response };
      }),
    );
    const refused = await fetch(`${url}/v1/tasks/${task}`);
    const answer = { statusCode: refused.status, headers: Object.fromEntries(refused.headers), body: await refused.text() };
    expectError(answer, "TRIAD_OVERLOADED");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    for (const { controller } of stalled) controller.abort();
    await expect
      .poll(async () => {
        const again = await fetch(`${url}/v1/tasks/${task}`);
        await again.arrayBuffer();
        return again.status;
      })
      .toBe(200);
  });
});
