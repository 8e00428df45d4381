import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecordCache } from "../../src/adapters/store/record-cache.ts";
import type { StateRecord } from "../../src/core/state/records.ts";

const record = (n: number): StateRecord => ({ openedAt: n });

describe("RecordCache", () => {
  it("gives what was last set, never more than its bytes, and forgets the oldest first", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(2_000), fc.boolean())), (moves) => {
        const cache = new RecordCache(10_000);
        const model = new Map<string, StateRecord>();
        for (const [key, bytes, removed] of moves) {
          const name = `k${key}`;
          if (removed) {
            cache.delete(name);
            model.delete(name);
          } else {
            const value = record(bytes);
            cache.set(name, value, bytes);
            model.set(name, value);
          }
          expect(cache.bytes).toBeLessThanOrEqual(10_000);
          // What it gives is right; what it has forgotten is undefined.
          for (const [each, value] of model) expect([undefined, value]).toContain(cache.get(each));
          if (!removed) expect(cache.get(name)).toBe(model.get(name));
        }
      }),
    );
  });

  it("a record larger than all of it is simply not kept", () => {
    const cache = new RecordCache(1_000);
    cache.set("a", record(1), 100);
    cache.set("b", record(2), 5_000);
    expect([cache.get("b"), cache.bytes]).toEqual([undefined, 0]);
  });
});
