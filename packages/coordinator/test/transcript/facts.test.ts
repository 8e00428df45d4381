/** Facts with provenance: the latest value wins, null removes, sizes add up, nothing is lost that nobody removed. */
import type { Facts, FactsDelta, Json } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { factsBytes, mergeFacts, type Provenance } from "../../src/core/transcript/transcript.ts";

const by = (step: number, agent = "hotel", task = "task-1"): Provenance => ({ task, step, agent });

/** `null` often enough that removals happen; few names, so that deltas meet. */
const value = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 0, max: 2 }),
  fc.string({ maxLength: 3 }),
  fc.array(fc.boolean(), { maxLength: 2 }),
);
const deltas = fc.array(
  fc.dictionary(fc.constantFrom("a", "b", "c", "constructor", "__proto__", "toString", "7"), value, { noNullPrototype: true }),
  { maxLength: 12 },
) as fc.Arbitrary<FactsDelta[]>;

test("the latest value of a name wins; null removes it; a value that comes back starts at version 1", () => {
  let facts: Facts = {};
  const step = (delta: FactsDelta, provenance: Provenance): ReturnType<typeof mergeFacts> => {
    const merged = mergeFacts(facts, delta, provenance);
    facts = merged.facts;
    return merged;
  };
  expect(step({ area: "north", people: 2 }, by(0, ""))).toMatchObject({ changed: ["area", "people"], removed: [], namesAdded: 2 });
  expect(facts["area"]).toEqual({ value: "north", version: 1, task: "task-1", step: 0, agent: "" });
  expect(step({ area: "centre" }, by(1))).toMatchObject({ changed: ["area"], namesAdded: 0 });
  expect(facts["area"]).toEqual({ value: "centre", version: 2, task: "task-1", step: 1, agent: "hotel" });
  expect(facts["people"]).toMatchObject({ step: 0, agent: "" });
  expect(step({ area: null, unknown: null }, by(2))).toMatchObject({ changed: [], removed: ["area"], namesAdded: -1 });
  expect(Object.keys(facts)).toEqual(["people"]);
  step({ area: "south" }, by(3));
  expect(facts["area"]).toMatchObject({ value: "south", version: 1, step: 3 });
});

test("a restated value keeps its version and changes hands", () => {
  const first = mergeFacts({}, { plan: { a: [1, 2], b: null } }, by(1));
  const again = mergeFacts(first.facts, { plan: { b: null, a: [1, 2] } }, by(2, "train", "task-2"));
  expect(again.changed).toEqual([]);
  expect(again.facts["plan"]).toMatchObject({ version: 1, task: "task-2", step: 2, agent: "train" });
  const other = mergeFacts(again.facts, { plan: { b: null, a: [2, 1] } }, by(3));
  expect(other.facts["plan"]).toMatchObject({ version: 2 });
});

test("names that objects are born with are names like any other", () => {
  const delta = Object.fromEntries([["__proto__", "x"]]) as FactsDelta;
  const { facts, changed } = mergeFacts({}, { ...delta, constructor: 1 }, by(1));
  expect(changed.toSorted()).toEqual(["__proto__", "constructor"]);
  expect(Object.hasOwn(facts, "__proto__")).toBe(true);
  expect(Object.getPrototypeOf(facts)).toBe(Object.prototype);
  expect(facts["constructor"]).toMatchObject({ value: 1, version: 1 });
});

test("against a ledger: after any deltas the facts are the last values, sizes and names add up, and arguments stay as they were", () => {
  fc.assert(
    fc.property(deltas, (list) => {
      let facts: Facts = {};
      let [bytes, names] = [0, 0];
      const ledger = new Map<string, { value: Json; version: number; step: number }>();
      for (const [step, delta] of list.entries()) {
        const before = structuredClone(Object.entries(facts));
        const merged = mergeFacts(facts, delta, by(step));
        expect(Object.entries(facts)).toEqual(before);
        for (const [name, wanted] of Object.entries(delta)) {
          const known = ledger.get(name);
          const same = known !== undefined && JSON.stringify(known.value) === JSON.stringify(wanted);
          if (wanted === null) ledger.delete(name);
          else ledger.set(name, { value: wanted, version: known === undefined ? 1 : known.version + (same ? 0 : 1), step });
          expect(merged.changed.includes(name)).toBe(wanted !== null && !same);
          expect(merged.removed.includes(name)).toBe(wanted === null && known !== undefined);
        }
        facts = merged.facts;
        bytes += merged.bytesAdded;
        names += merged.namesAdded;
      }
      const kept = new Map(
        Object.entries(facts).map(([name, fact]) => [name, { value: fact.value, version: fact.version, step: fact.step }]),
      );
      expect(kept).toEqual(ledger);
      expect(bytes).toBe(factsBytes(facts));
      expect(names).toBe(Object.keys(facts).length);
    }),
  );
});

test("the size grows with the text, in bytes of UTF-8", () => {
  const size = (text: string): number => factsBytes(mergeFacts({}, { name: text }, by(1)).facts);
  expect(size("x".repeat(100)) - size("x".repeat(50))).toBe(50);
  expect(size("é".repeat(50)) - size("x".repeat(50))).toBe(50);
  expect(factsBytes({})).toBe(0);
});
