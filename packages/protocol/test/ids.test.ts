/** Ids: minted ones fit every place where an id stands, and use all the randomness that they are given. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type IdKind, isId, isToken, mintId } from "../src/ids.ts";

const kinds: readonly IdKind[] = ["task", "conversation", "request", "boot", "node", "cluster"];
const bytes = fc.uint8Array({ minLength: 26, maxLength: 26 });

describe("ids", () => {
  it("fit a subject, a path and a log line", () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), bytes, (kind, random) => {
        const id = mintId(kind, () => random);
        expect(isToken(id)).toBe(true);
        expect(isId(id)).toBe(true);
        expect(encodeURIComponent(id)).toBe(id);
      }),
    );
  });

  it("differ where five bits of any byte differ, and by their kind", () => {
    fc.assert(
      fc.property(bytes, fc.nat(25), fc.integer({ min: 1, max: 31 }), (random, at, flip) => {
        const other = random.map((byte, i) => (i === at ? byte ^ flip : byte));
        expect(mintId("task", () => other)).not.toBe(mintId("task", () => random));
      }),
    );
    const random = new Uint8Array(26);
    expect(new Set(kinds.map((kind) => mintId(kind, () => random))).size).toBe(kinds.length);
  });

  it("of users are refused where they would break out of a path or a subject", () => {
    for (const bad of ["", "a/b", "a b", "../x", ".a", "-a", "a\n", "a%2f", "é", "a*", "a>", "a".repeat(129)])
      expect(isId(bad), bad).toBe(false);
    for (const good of ["a", "order:42", "2026-11-24.1", "A_b~c"]) expect(isId(good), good).toBe(true);
    for (const bad of ["a.b", "a:b", "a~b", "a".repeat(65)]) expect(isToken(bad), bad).toBe(false);
  });
});
