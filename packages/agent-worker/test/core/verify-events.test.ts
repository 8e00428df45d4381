/** The chain check refuses every change of an event, its order or its links. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { verifyEvents } from "../../src/index.ts";
import { chainOf, sha256 } from "../support/make.ts";

const chain = chainOf([
  { by: "user", text: "a hotel please" },
  { by: "hotels", text: "the Acorn", facts: { hotel: "acorn" } },
  { by: "trains", text: "on Tuesday", facts: { day: "tuesday", hotel: null } },
]);
const root = chain[2]?.id ?? "";

describe("verifyEvents", () => {
  test("a whole chain and each stretch of it", () => {
    verifyEvents(chain, root, sha256);
    verifyEvents(chain.slice(1), root, sha256);
    verifyEvents(chain.slice(0, 2), chain[2]?.prev ?? "", sha256);
    verifyEvents([], root, sha256);
  });

  test("another root, a gap, another order, a foreign beginning", () => {
    const [a, b, c] = chain;
    if (!a || !b || !c) throw new Error("the chain is short");
    for (const [events, next] of [
      [chain, b.id],
      [[a, c], root],
      [[b, a, c], root],
      [[{ ...a, prev: b.id }, b, c], root],
    ] as const) {
      expect(() => verifyEvents(events, next, sha256)).toThrow(expect.objectContaining({ code: "TRIAD_FRAME_INVALID" }));
    }
  });

  test("any changed field is seen", () => {
    const change = fc.record(
      {
        at: fc.integer(),
        by: fc.string(),
        text: fc.string(),
        task: fc.string(),
        step: fc.nat(),
        facts: fc.dictionary(fc.string(), fc.string()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.nat(2), change, (index, changed) => {
        const event = chain[index];
        const forged = chain.map((other, i) => (i === index ? { ...other, ...changed } : other));
        fc.pre(JSON.stringify(forged[index]) !== JSON.stringify(event));
        expect(() => verifyEvents(forged, root, sha256)).toThrow();
      }),
    );
  });
});
