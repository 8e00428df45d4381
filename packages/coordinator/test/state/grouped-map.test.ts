import fc from "fast-check";
import { expect, it } from "vitest";
import { GroupedMap } from "../../src/core/state/grouped-map.ts";

const key = fc.array(fc.constantFrom("a", "b", "1", ""), { minLength: 1, maxLength: 4 }).map((parts) => ["kind", ...parts].join("/"));

it("finds what a plain map finds under every prefix that Φ lists, whatever was set and deleted", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat(9), fc.boolean())), key, (moves, of) => {
      const grouped = new GroupedMap<number>();
      const plain = new Map<string, number>();
      for (const [name, value, removed] of moves) {
        if (removed) {
          grouped.delete(name);
          plain.delete(name);
        } else {
          grouped.set(name, value);
          plain.set(name, value);
        }
      }
      expect([...grouped.entries]).toEqual([...plain]);
      // A prefix with a second slash lies in one group; one without is a group of keys without a second slash.
      const prefix = `${of}/`;
      const depth = (text: string): number => text.split("/").length - 1;
      const wanted = [...plain].filter(([name]) => name.startsWith(prefix) && (depth(prefix) > 1 || depth(name) === 1));
      expect([...grouped.under(prefix)].sort()).toEqual(wanted.sort());
    }),
  );
});
