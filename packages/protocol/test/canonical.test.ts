/**
 * Canonical bytes: golden files fix them for ever (a changed file is a changed hash of every state and transcript that exists), a second,
 * plain encoder agrees on random values, and hostile bytes are refused by one kind of error.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Canonical, CanonicalError, decodeCanonical, encodeCanonical, utf8Length } from "../src/canonical.ts";
import { json } from "./arbitraries.ts";
import golden from "./golden/canonical.json" with { type: "json" };
import { referenceCanonical } from "./reference-canonical.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** JSON with bytes in it, and numbers from the edges. */
const edges = fc.constantFrom(
  0,
  -0,
  1,
  -1,
  63,
  64,
  -64,
  -65,
  2 ** 31,
  2 ** 52,
  -(2 ** 52),
  2 ** 53 - 1,
  -(2 ** 53 - 1),
  2 ** 53,
  0.1,
  5e-324,
  Number.MAX_VALUE,
);
const value: fc.Arbitrary<Canonical> = fc.oneof(
  json as fc.Arbitrary<Canonical>,
  edges,
  fc.uint8Array({ maxLength: 20 }),
  fc.array(fc.oneof(json as fc.Arbitrary<Canonical>, fc.uint8Array({ maxLength: 5 }), edges), { maxLength: 4 }),
);

/** The same value with the fields of every object in another order. */
function reordered(of: Canonical): Canonical {
  if (of === null || typeof of !== "object" || of instanceof Uint8Array) return of;
  if (Array.isArray(of)) return of.map(reordered);
  return Object.fromEntries(
    Object.entries(of)
      .reverse()
      .map(([name, field]) => [name, field === undefined ? undefined : reordered(field)]),
  );
}

/** −0 has the bytes of 0, so it comes back as 0. */
function withoutNegativeZero(of: Canonical): Canonical {
  if (typeof of === "number") return of === 0 ? 0 : of;
  if (of === null || typeof of !== "object" || of instanceof Uint8Array) return of;
  if (Array.isArray(of)) return of.map(withoutNegativeZero);
  return Object.fromEntries(Object.entries(of).map(([name, field]) => [name, withoutNegativeZero(field as Canonical)]));
}

describe("golden bytes", () => {
  it.each(golden)("of $what", ({ value: json, hex: expected }) => {
    expect(hex(encodeCanonical(json as Canonical))).toBe(expected);
    expect(decodeCanonical(Buffer.from(expected, "hex"))).toEqual(json);
  });

  it("of bytes, of −0 and of absent fields, which JSON cannot hold", () => {
    expect(hex(encodeCanonical(Uint8Array.of(1, 2, 255)))).toBe("06030102ff");
    expect(hex(encodeCanonical(-0))).toBe("0300");
    expect(hex(encodeCanonical([-0, 0]))).toBe("070203000300");
    expect(hex(encodeCanonical({ a: undefined, b: 1 }))).toBe(hex(encodeCanonical({ b: 1 })));
  });
});

describe("canonical bytes", () => {
  it("equal those of a plain second encoder", () => {
    fc.assert(
      fc.property(value, (of) => {
        expect(hex(encodeCanonical(of))).toBe(hex(Uint8Array.from(referenceCanonical(of))));
      }),
      { numRuns: 3000 },
    );
  });

  it("come back as the value, and give the same bytes again", () => {
    fc.assert(
      fc.property(value, (of) => {
        const bytes = encodeCanonical(of);
        const back = decodeCanonical(bytes);
        expect(back).toEqual(withoutNegativeZero(of));
        expect(hex(encodeCanonical(back))).toBe(hex(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it("that are read from a lent buffer share no memory with it", () => {
    const lent = Buffer.from(encodeCanonical([Uint8Array.of(1, 2, 3)]));
    const back = decodeCanonical(lent);
    lent.fill(0);
    expect(back).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  it("do not depend on the order of fields", () => {
    fc.assert(
      fc.property(value, (of) => {
        expect(hex(encodeCanonical(reordered(of)))).toBe(hex(encodeCanonical(of)));
      }),
    );
  });

  it("differ for values that differ", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const same = hex(encodeCanonical(a)) === hex(encodeCanonical(b));
        expect(same).toBe(hex(Uint8Array.from(referenceCanonical(a))) === hex(Uint8Array.from(referenceCanonical(b))));
        if (same) expect(withoutNegativeZero(a)).toEqual(withoutNegativeZero(b));
      }),
    );
    const confusable: readonly Canonical[] = [
      null,
      false,
      0,
      0.5,
      "",
      "0",
      new Uint8Array(0),
      [],
      {},
      [[]],
      [null],
      { "": null },
      "null",
      [0, 0],
      [[0], 0],
    ];
    expect(new Set(confusable.map((of) => hex(encodeCanonical(of)))).size).toBe(confusable.length);
  });

  it("stand for a lone surrogate as TextEncoder has it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }), (text) => {
        expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
        expect(decodeCanonical(encodeCanonical(text))).toBe(text.toWellFormed());
      }),
      { numRuns: 3000 },
    );
  });

  it.each<[string, unknown]>([
    ["NaN", Number.NaN],
    ["an infinity", Number.NEGATIVE_INFINITY],
    ["undefined", undefined],
    ["undefined in a list", [1, undefined]],
    ["a bigint", 1n],
    ["a function", { a: () => 1 }],
    ["a symbol", Symbol("s")],
  ])("are refused for %s", (_what, of) => {
    expect(() => encodeCanonical(of as Canonical)).toThrow(CanonicalError);
  });

  it("are refused for what goes around in a circle or is nested too deeply", () => {
    const circle: Canonical[] = [];
    circle.push(circle);
    expect(() => encodeCanonical(circle)).toThrow(CanonicalError);
    expect(() => decodeCanonical(Uint8Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 7 : 1)))).toThrow(CanonicalError);
  });

  it("never touch a prototype", () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}') as Canonical;
    const back = decodeCanonical(encodeCanonical(hostile)) as Record<string, unknown>;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.keys(back).sort()).toEqual(["__proto__", "constructor"]);
    expect((Object.prototype as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("of random and of mutated bytes are a value or a CanonicalError, and cost no more than their own length", () => {
    const mutated = fc.tuple(value, fc.nat(), fc.nat(255)).map(([of, at, byte]) => {
      const bytes = encodeCanonical(of).slice();
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        try {
          // Whatever is read can be written again: nothing of another kind came out.
          encodeCanonical(decodeCanonical(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(CanonicalError);
        }
      }),
      { numRuns: 20_000 },
    );
    // A list that claims 2^32 elements in six bytes.
    expect(() => decodeCanonical(Uint8Array.of(7, 255, 255, 255, 255, 15))).toThrow(CanonicalError);
  });
});
