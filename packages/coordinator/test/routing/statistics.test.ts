/** Rows of M: what teaches which statistic, by how much, and what no input can do to them. */
import type { SkillStatistics } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  initialStatistics,
  MEMORY_STEPS,
  observeCommitted,
  observeFailed,
  observeQuality,
  PRIOR_WEIGHT,
  skillShares,
} from "../../src/core/routing/statistics.ts";

const STEP = { serviceMs: 40, costUsd: 0.002 };
const repeat = (stats: SkillStatistics, times: number, observe: (s: SkillStatistics) => SkillStatistics): SkillStatistics => {
  let result = stats;
  for (let i = 0; i < times; i++) result = observe(result);
  return result;
};

test("a row starts at what the team declares, with the weight of eight judged steps", () => {
  expect(initialStatistics(0.7)).toEqual({
    quality: 0.7,
    qualityWeight: 8,
    done: 1,
    doneWeight: 8,
    latencyMs: 0,
    costUsd: 0,
    samples: 0,
  });
  expect(initialStatistics(7).quality).toBe(1);
  expect(initialStatistics(-1).quality).toBe(0);
  expect(initialStatistics(Number.NaN).quality).toBe(0);
});

test("a committed step moves done, time, price and the count, never quality; a failure moves done alone; a judgement quality alone", () => {
  const before = { ...initialStatistics(0.6), done: 0.5 };
  const committed = observeCommitted(before, 1, STEP);
  expect(committed).toMatchObject({ quality: 0.6, qualityWeight: 8, latencyMs: 40, costUsd: 0.002, samples: 1 });
  expect(committed.done).toBeCloseTo(0.5 + 0.5 / (8 * 0.995 + 1), 12);
  const failed = observeFailed(before, 1);
  expect(failed).toEqual({ ...before, done: failed.done, doneWeight: failed.doneWeight });
  expect(failed.done).toBeCloseTo(0.5 - 0.5 / (8 * 0.995 + 1), 12);
  const judged = observeQuality(before, 1, 1);
  expect(judged).toEqual({ ...before, quality: judged.quality, qualityWeight: judged.qualityWeight });
  expect(judged.quality).toBeCloseTo(0.6 + 0.4 / (8 * 0.995 + 1), 12);
});

test("a share of j sixteenths discounts by γ^(j/16) and counts j/16", () => {
  for (let sixteenths = 1; sixteenths <= 16; sixteenths++) {
    const after = observeFailed(initialStatistics(1), sixteenths / 16);
    expect(after.doneWeight).toBeCloseTo(PRIOR_WEIGHT * 0.995 ** (sixteenths / 16) + sixteenths / 16, 12);
  }
  // A share too small for a sixteenth still teaches one.
  expect(observeFailed(initialStatistics(1), 1e-9)).toEqual(observeFailed(initialStatistics(1), 1 / 16));
  expect(observeFailed(initialStatistics(1), 0.1)).toEqual(observeFailed(initialStatistics(1), 2 / 16));
});

test("means come to what is seen, and forget: about two hundred outcomes", () => {
  const learned = repeat(initialStatistics(0.9), 2_000, (s) => observeQuality(s, 1, 0.3));
  expect(learned.quality).toBeCloseTo(0.3, 3);
  expect(learned.qualityWeight).toBeCloseTo(MEMORY_STEPS, 1);
  const drifted = repeat(learned, 200, (s) => observeQuality(s, 1, 1));
  expect(drifted.quality).toBeGreaterThan(0.7);
  const reliable = repeat(initialStatistics(0.9), 20, (s) => observeFailed(s, 1));
  expect(reliable.done).toBeLessThan(0.35);
});

test("time and price are plain means at first, whatever the share, then follow a change", () => {
  let stats = initialStatistics(1);
  for (const serviceMs of [10, 20, 60]) stats = observeCommitted(stats, 1 / 16, { serviceMs, costUsd: serviceMs / 1_000 });
  expect(stats.latencyMs).toBeCloseTo(30, 9);
  expect(stats.costUsd).toBeCloseTo(0.03, 12);
  const slower = repeat(
    repeat(stats, 500, (s) => observeCommitted(s, 1, STEP)),
    600,
    (s) => observeCommitted(s, 1, { serviceMs: 400, costUsd: 0 }),
  );
  expect(slower.latencyMs).toBeGreaterThan(360);
  expect(slower.samples).toBe(1_103);
});

test("whatever is observed: shares of one, weights bounded, numbers finite, the row itself untouched", () => {
  const wild = fc.oneof(fc.double(), fc.double({ min: 0, max: 1, noNaN: true }));
  const observation = fc.oneof(
    fc.record({ kind: fc.constant("committed" as const), share: wild, serviceMs: wild, costUsd: wild }),
    fc.record({ kind: fc.constant("failed" as const), share: wild }),
    fc.record({ kind: fc.constant("quality" as const), share: wild, quality: wild }),
  );
  fc.assert(
    fc.property(wild, fc.array(observation, { maxLength: 40 }), (declared, observations) => {
      let stats = initialStatistics(declared);
      for (const seen of observations) {
        const copy = { ...stats };
        const next =
          seen.kind === "committed"
            ? observeCommitted(stats, seen.share, seen)
            : seen.kind === "failed"
              ? observeFailed(stats, seen.share)
              : observeQuality(stats, seen.share, seen.quality);
        expect(stats).toEqual(copy);
        stats = next;
        for (const mean of [stats.quality, stats.done]) {
          expect(mean).toBeGreaterThanOrEqual(0);
          expect(mean).toBeLessThanOrEqual(1);
        }
        for (const weight of [stats.qualityWeight, stats.doneWeight]) {
          expect(weight).toBeGreaterThan(0);
          expect(weight).toBeLessThanOrEqual(MEMORY_STEPS + 1);
        }
        expect(Number.isFinite(stats.latencyMs) && stats.latencyMs >= 0).toBe(true);
        expect(Number.isFinite(stats.costUsd) && stats.costUsd >= 0).toBe(true);
      }
    }),
  );
});

test("requirements become shares that add up to one, in the order of names; what is not positive is left out", () => {
  expect(skillShares({ trains: 1, hotels: 3, taxis: 0, police: -1, other: Number.NaN })).toEqual([
    { skill: "hotels", share: 0.75 },
    { skill: "trains", share: 0.25 },
  ]);
  expect(skillShares(undefined)).toEqual([]);
  expect(skillShares({})).toEqual([]);
  expect(skillShares({ b: 1, a: 1, B: 2 }).map(({ skill }) => skill)).toEqual(["B", "a", "b"]);
});
