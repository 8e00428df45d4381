/** Who pays for a thread's death, when a thread counts as blocked, and how fast the next one starts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBlocked, judgeDeath, restartBackoff } from "../../src/core/index.ts";

const begun = (fence: number) => ({ fence, begun: true });
const waiting = (fence: number) => ({ fence, begun: false });

describe("judgeDeath", () => {
  test("alone in its thread, a step died of itself", () => {
    expect(judgeDeath([begun(1), waiting(2)], false)).toEqual([
      { fence: 1, outcome: "killed" },
      { fence: 2, outcome: "again" },
    ]);
  });

  test("of several nobody is blamed: each starts again alone", () => {
    expect(judgeDeath([begun(1), begun(2), waiting(3)], false).map(({ outcome }) => outcome)).toEqual(["lost", "lost", "again"]);
  });

  test("on the extra thread the death is always its own", () => {
    expect(judgeDeath([begun(1)], true)).toEqual([{ fence: 1, outcome: "killed" }]);
  });

  test("every step is judged once, and no two pay for one death", () => {
    const held = fc.uniqueArray(fc.record({ fence: fc.nat(), begun: fc.boolean() }), { selector: (step) => step.fence });
    fc.assert(
      fc.property(held, (steps) => {
        const verdicts = judgeDeath(steps, false);
        expect(verdicts.map(({ fence }) => fence)).toEqual(steps.map(({ fence }) => fence));
        expect(verdicts.filter(({ outcome }) => outcome === "killed").length).toBeLessThanOrEqual(1);
        expect(verdicts.every(({ outcome }, i) => (outcome === "again") === !steps[i]?.begun)).toBe(true);
      }),
    );
  });
});

describe("isBlocked", () => {
  const sight = (unansweredSinceMs: number | undefined, ...overdueAtMs: number[]) => ({ unansweredSinceMs, overdueAtMs });

  test("an answering thread is left alone, however late its steps", () => {
    expect(isBlocked(sight(undefined, 0), 1e9, 500, 1_000)).toBe(false);
  });

  test("a silent thread is left alone while no step is over its time", () => {
    expect(isBlocked(sight(0), 1e9, 500, 1_000)).toBe(false);
    expect(isBlocked(sight(0, 5_000), 5_999, 500, 1_000)).toBe(false);
  });

  test("both together, each beyond its grace", () => {
    expect(isBlocked(sight(0, 5_000), 6_000, 500, 1_000)).toBe(true);
    expect(isBlocked(sight(5_600, 5_000), 6_000, 500, 1_000)).toBe(false);
  });
});

describe("restartBackoff", () => {
  test("the first two are at once, then it doubles to a bound; a thread that lived resets it", () => {
    let deaths = 0;
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      const { waitMs, deathsInRow } = restartBackoff(deaths, 0);
      waits.push(waitMs);
      deaths = deathsInRow;
    }
    expect(waits).toEqual([0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(restartBackoff(deaths, 10_000)).toEqual({ waitMs: 0, deathsInRow: 1 });
  });
});
