/** JSON as data: what isJson lets through survives JSON, and carries no key that touches a prototype. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFactName, isJson } from "../src/json.ts";
import { json } from "./arbitraries.ts";

describe("isJson", () => {
  it("accepts JSON, which survives being written and read", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(isJson(value)).toBe(true);
        // −0 is the one number that JSON does not bring back.
        expect(JSON.parse(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value).replaceAll("-0,", "0,")));
      }),
    );
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["undefined in a list", [undefined]],
    ["undefined in an object", { a: undefined }],
    ["NaN", Number.NaN],
    ["an infinity", [Number.POSITIVE_INFINITY]],
    ["a bigint", 1n],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a date", new Date(0)],
    ["a map", new Map()],
    ["bytes", new Uint8Array(2)],
    ["an instance of a class", new (class Own {})()],
    ["a key that is a prototype", JSON.parse('{"__proto__": 1}')],
    ["a key that is a constructor", { constructor: 1 }],
    ["a key that is a prototype, deep", { a: [{ prototype: null }] }],
  ])("refuses %s", (_what, value) => {
    expect(isJson(value)).toBe(false);
  });

  it("refuses what is nested beyond the bound, and what goes around in a circle", () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(isJson(nested(32))).toBe(true);
    expect(isJson(nested(33))).toBe(false);
    const circle: unknown[] = [];
    circle.push(circle);
    expect(isJson(circle)).toBe(false);
  });

  it("accepts an object without a prototype", () => {
    expect(isJson(Object.assign(Object.create(null), { a: 1 }))).toBe(true);
  });
});

describe("isFactName", () => {
  it("takes names up to the bound, none that touches a prototype", () => {
    expect(isFactName("a")).toBe(true);
    expect(isFactName("restaurant-area")).toBe(true);
    expect(isFactName("x".repeat(128))).toBe(true);
    for (const bad of ["", "x".repeat(129), "__proto__", "constructor", "prototype"]) expect(isFactName(bad), bad).toBe(false);
  });
});
