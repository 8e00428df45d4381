/** Properties of apply under random histories. fast-check prints the seed of a failure. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryState } from "./memory-state.ts";
import { move, play } from "./random-history.ts";

describe("apply", () => {
  it("keeps Φ's invariants after every command of a random history", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        play(moves);
      }),
      { numRuns: 300 },
    );
  });

  it("is deterministic: the same log, replayed, has the same hash; cut into other entries, the same records", () => {
    fc.assert(
      fc.property(
        fc.array(move, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 20 }),
        (moves, cuts) => {
          const { log, state } = play(moves);
          const again = new MemoryState();
          for (const [i, command] of log.entries()) again.apply([command], i < 3 ? 1_000 : 1_000 + i - 3);
          expect(again.stateHash).toBe(state.stateHash);
          // Equal log time for all, so that the cut alone differs.
          const single = new MemoryState();
          for (const command of log) single.apply([command], 5_000);
          const batched = new MemoryState();
          for (let start = 0, n = 0; start < log.length; n++) {
            const size = cuts[n % cuts.length] as number;
            batched.apply(log.slice(start, start + size), 5_000);
            start += size;
          }
          expect(new Map([...batched.records].sort())).toEqual(new Map([...single.records].sort()));
        },
      ),
      { numRuns: 100 },
    );
  });
});
