/** Routing decisions: invariants over random pools, the negative control, and a scenario for every rule and every reason. */
import type { RouteReason, SkillStatistics } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ROUTER_DEFAULTS,
  type RoutedAgent,
  type RoutingCandidate,
  type RoutingRequest,
  route,
  routeEnsemble,
  routeNamed,
} from "../../src/core/routing/router.ts";
import { initialStatistics } from "../../src/core/routing/statistics.ts";

const REQUEST: RoutingRequest = { requires: { write: 1 }, hasText: false, incumbent: undefined };
const TEXT: RoutingRequest = { requires: undefined, hasText: true, incumbent: undefined };

/** A row with some hundred judged and committed steps behind it, so that little is left to chance. */
const known = (part: Partial<SkillStatistics> = {}): SkillStatistics => ({
  quality: 0.8,
  qualityWeight: 150,
  done: 1,
  doneWeight: 150,
  latencyMs: 500,
  costUsd: 0.001,
  samples: 200,
  ...part,
});
const agent = (name: string, part: Partial<RoutingCandidate> = {}): RoutingCandidate => ({
  agent: name,
  skills: { write: known() },
  inFlight: 0,
  capacity: 16,
  affinity: 0,
  lastTurnAffinity: 0,
  hasExamples: false,
  ...part,
});

function decided(result: ReturnType<typeof route>): RoutedAgent {
  if ("refused" in result) throw new Error(`refused: ${result.refused}`);
  return result;
}
const chosen = (request: RoutingRequest, candidates: readonly RoutingCandidate[]): [string, RouteReason] => {
  const { agent: name, decision } = decided(route(request, candidates));
  return [name, decision.reason];
};

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const row: fc.Arbitrary<SkillStatistics> = fc.record({
  quality: unit,
  qualityWeight: fc.double({ min: 0.1, max: 200, noNaN: true }),
  done: unit,
  doneWeight: fc.double({ min: 0.1, max: 200, noNaN: true }),
  latencyMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
  costUsd: fc.double({ min: 0, max: 1, noNaN: true }),
  samples: fc.nat(500),
});
const anyAgent = fc.record({
  skills: fc.dictionary(fc.constantFrom("write", "check", "book"), row, { noNullPrototype: true }),
  inFlight: fc.nat(40),
  capacity: fc.nat(20),
  affinity: fc.double({ min: -1, max: 1, noNaN: true }),
  lastTurnAffinity: fc.double({ min: -1, max: 1, noNaN: true }),
  hasExamples: fc.boolean(),
});
const pool = fc
  .array(anyAgent, { minLength: 0, maxLength: 12 })
  .map((list) => list.map((part, i): RoutingCandidate => ({ agent: `agent-${i}`, ...part })));
const anyRequest = fc.record(
  {
    requires: fc.option(fc.dictionary(fc.constantFrom("write", "check", "book"), fc.nat(3), { noNullPrototype: true }), { nil: undefined }),
    hasText: fc.boolean(),
    incumbent: fc.option(fc.constantFrom("agent-0", "agent-3"), { nil: undefined }),
    incumbentBonus: unit,
    exclude: fc.subarray(["agent-0", "agent-1"]),
    explore: unit,
  },
  { requiredKeys: ["requires", "hasText", "incumbent"] },
) as fc.Arbitrary<RoutingRequest>;

test("any pool, any request: parts add up, numbers are finite, the chosen one is shown and can do it, same arguments same decision", () => {
  fc.assert(
    fc.property(anyRequest, pool, (request, candidates) => {
      const copy = structuredClone(candidates);
      const result = route(request, candidates);
      expect(candidates).toEqual(copy);
      expect(route(request, candidates)).toEqual(result);
      const required = Object.entries(request.requires ?? {}).filter(([, weight]) => weight > 0);
      const able = candidates.filter(
        (c) => !(request.exclude ?? []).includes(c.agent) && required.every(([skill]) => c.skills[skill] !== undefined),
      );
      if ("refused" in result) {
        expect(able).toEqual([]);
        return;
      }
      const { decision } = result;
      expect(able.map((c) => c.agent)).toContain(result.agent);
      for (const { score, parts } of decision.candidates) {
        expect(Number.isFinite(score)).toBe(true);
        expect(parts.time + parts.cost + parts.affinity + parts.quality + parts.incumbent).toBeCloseTo(score, 9);
      }
      expect(decision.candidates.length).toBeLessThanOrEqual(8);
      expect(decision.candidates.find((c) => c.agent === result.agent)?.score).toBe(decision.score);
      const scores = decision.candidates.slice(0, -1).map((c) => c.score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      expect(decision.runnerUp === null).toBe(decision.reason === "only");
      expect(decision.runnerUp).not.toBe(result.agent);
      const total = Object.values(result.requires).reduce((a, b) => a + b, 0);
      expect(total === 0 || Math.abs(total - 1) < 1e-9).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("negative control: among identical agents the least loaded is chosen, with skills or by text, at any load", () => {
  const loads = fc.array(fc.nat(60), { minLength: 2, maxLength: 10 });
  fc.assert(
    fc.property(loads, row, fc.integer({ min: 1, max: 20 }), fc.boolean(), (inFlight, statistics, capacity, byText) => {
      const candidates = inFlight.map((load, i) =>
        agent(`agent-${i}`, { skills: { write: statistics }, inFlight: load, capacity, affinity: 0.4, hasExamples: true }),
      );
      const { agent: name } = decided(route(byText ? TEXT : REQUEST, candidates));
      expect(candidates.find((c) => c.agent === name)!.inFlight).toBe(Math.min(...inFlight));
    }),
  );
});

test("one missing skill sinks the agent; a weight of 0 requires nothing", () => {
  const writer = agent("writer", { skills: { write: known({ quality: 0.99 }) } });
  const both = agent("both", { skills: { write: known({ quality: 0.3 }), check: known({ quality: 0.3 }) } });
  expect(chosen({ ...REQUEST, requires: { write: 1, check: 0.1 } }, [writer, both])).toEqual(["both", "only"]);
  expect(chosen({ ...REQUEST, requires: { write: 1, check: 0 } }, [writer, both])).toEqual(["writer", "best"]);
  expect(route({ ...REQUEST, requires: { sing: 1 } }, [writer, both])).toEqual({ refused: "noCandidate" });
  expect(route(REQUEST, [])).toEqual({ refused: "noCandidate" });
});

test("a skill that is declared and always fails sinks the agent too, however good it is at the rest", () => {
  const uneven = agent("uneven", { skills: { write: known({ quality: 1 }), check: known({ done: 0.001 }) } });
  const even = agent("even", { skills: { write: known({ quality: 0.6 }), check: known({ quality: 0.6 }) } });
  expect(chosen({ ...REQUEST, requires: { write: 3, check: 1 } }, [uneven, even])).toEqual(["even", "best"]);
});

test("better, faster, cheaper: each alone decides where the rest is equal", () => {
  const pairs: [Partial<SkillStatistics>, Partial<SkillStatistics>][] = [
    [{ quality: 0.95 }, { quality: 0.6 }],
    [{ done: 1 }, { done: 0.7 }],
    [{ latencyMs: 100 }, { latencyMs: 900 }],
    [{ costUsd: 0.0001 }, { costUsd: 0.02 }],
  ];
  for (const [better, worse] of pairs) {
    const candidates = [agent("worse", { skills: { write: known(worse) } }), agent("better", { skills: { write: known(better) } })];
    expect(chosen(REQUEST, candidates)).toEqual(["better", "best"]);
  }
});

test("a queue outweighs a lead in quality, and an agent without a free worker is still taken where it is the only one", () => {
  const good = agent("good", { skills: { write: known({ quality: 0.95 }) }, inFlight: 64 });
  const fair = agent("fair", { skills: { write: known({ quality: 0.7 }) }, inFlight: 3 });
  expect(chosen(REQUEST, [good, fair])).toEqual(["fair", "best"]);
  expect(chosen(REQUEST, [{ ...good, inFlight: 3 }, fair])).toEqual(["good", "best"]);
  expect(chosen(REQUEST, [{ ...good, capacity: 0 }])).toEqual(["good", "only"]);
  expect(chosen(REQUEST, [agent("down", { capacity: 0 }), agent("up", { inFlight: 15 })])).toEqual(["up", "best"]);
});

test("within ten per cent of the best the least loaded is picked; beyond, the best", () => {
  const best = agent("best", { skills: { write: known({ quality: 0.8 }) }, inFlight: 8 });
  const near = agent("near", { skills: { write: known({ quality: 0.77 }) }, inFlight: 2 });
  const far = agent("far", { skills: { write: known({ quality: 0.6 }) }, inFlight: 0 });
  const { agent: name, decision } = decided(route(REQUEST, [far, near, best]));
  expect([name, decision.reason, decision.runnerUp]).toEqual(["near", "nearTie", "best"]);
});

test("the incumbent stays until another one leads it by the hysteresis and a standard error", () => {
  const incumbent = agent("incumbent", { skills: { write: known({ quality: 0.8 }) } });
  const request = { ...REQUEST, incumbent: "incumbent" };
  const rival = (quality: number): RoutingCandidate => agent("rival", { skills: { write: known({ quality }) } });
  expect(chosen(request, [rival(0.83), incumbent])).toEqual(["incumbent", "incumbent"]);
  expect(chosen(request, [rival(0.7), incumbent])).toEqual(["incumbent", "best"]);
  expect(chosen(request, [rival(0.99), incumbent])).toEqual(["rival", "best"]);
  // The less is known of the incumbent, the larger the standard error, the longer it stays.
  const unknown = agent("incumbent", { skills: { write: known({ quality: 0.8, qualityWeight: 8 }) } });
  expect(chosen(request, [rival(0.95), unknown])).toEqual(["incumbent", "incumbent"]);
  expect(chosen(request, [rival(0.95), incumbent])).toEqual(["rival", "best"]);
  // Who can't do what is required is no candidate, incumbent or not.
  expect(chosen(request, [rival(0.3), agent("incumbent", { skills: {} })])).toEqual(["rival", "only"]);
});

test("by text: examples decide, agents without any are out, speed and price of another job are no argument", () => {
  const hotel = agent("hotel", { hasExamples: true, affinity: 0.5, skills: { rooms: known({ latencyMs: 9_000, costUsd: 0.5 }) } });
  const train = agent("train", { hasExamples: true, affinity: 0.3, skills: { trains: known({ latencyMs: 1, costUsd: 0 }) } });
  const silent = agent("silent", { affinity: 0 });
  const { agent: name, decision, requires } = decided(route(TEXT, [silent, train, hotel]));
  expect(name).toBe("hotel");
  expect(decision.candidates.map((c) => c.agent)).toEqual(["hotel", "train"]);
  expect(decision.candidates[0]!.parts).toMatchObject({ time: 0, cost: 0 });
  expect(requires).toEqual({ rooms: 1 });
  // Nobody has examples: everyone can take it.
  expect(decided(route(TEXT, [silent, agent("other")])).decision.candidates).toHaveLength(2);
  // No text: examples say nothing.
  expect(decided(route({ ...TEXT, hasText: false }, [silent, hotel])).decision.candidates).toHaveLength(2);
});

test("by text: the incumbent keeps an unclear turn and loses a clear one; the turn before counts a little", () => {
  const hotel = (affinity: number, lastTurnAffinity = 0): RoutingCandidate =>
    agent("hotel", { hasExamples: true, affinity, lastTurnAffinity });
  const train = (affinity: number): RoutingCandidate => agent("train", { hasExamples: true, affinity });
  const request = { ...TEXT, incumbent: "hotel" };
  expect(chosen(request, [hotel(0.2), train(0.25)])).toEqual(["hotel", "incumbent"]);
  expect(chosen(request, [hotel(0.2), train(0.5)])).toEqual(["train", "best"]);
  expect(chosen({ ...request, incumbentBonus: 0 }, [hotel(0.2), train(0.25)])).toEqual(["train", "best"]);
  expect(chosen({ ...request, incumbentBonus: 0 }, [hotel(0.2, 0.7), train(0.25)])).toEqual(["hotel", "best"]);
});

test("by text: a queue of many service times outweighs a text that is hardly clearer", () => {
  const busy = agent("busy", { hasExamples: true, affinity: 0.42, inFlight: 160 });
  const idle = agent("idle", { hasExamples: true, affinity: 0.4 });
  expect(chosen(TEXT, [busy, idle])).toEqual(["idle", "best"]);
  expect(chosen(TEXT, [{ ...busy, affinity: 0.8 }, idle])).toEqual(["busy", "best"]);
});

test("cold start: a new agent is tried on one draw in twenty, only beside others that are known, never in place of an incumbent", () => {
  const veteran = agent("veteran", { skills: { write: known({ quality: 0.95 }) } });
  const young = agent("young", { skills: { write: { ...initialStatistics(0.5), samples: 4 } } });
  const newest = agent("newest", { skills: { write: initialStatistics(0.5) } });
  const draw = (explore: number, more: Partial<RoutingRequest> = {}): [string, RouteReason] =>
    chosen({ ...REQUEST, explore, ...more }, [veteran, young, newest]);
  expect(draw(0.049)).toEqual(["newest", "explore"]);
  expect(draw(0.05)).toEqual(["veteran", "best"]);
  expect(chosen(REQUEST, [veteran, young, newest])).toEqual(["veteran", "best"]);
  expect(draw(0.01, { incumbent: "veteran" })).toEqual(["veteran", "best"]);
  expect(chosen({ ...REQUEST, explore: 0 }, [young, newest])[1]).not.toBe("explore");
  const grown = { ...young, skills: { write: { ...initialStatistics(0.5), samples: 5 } } };
  expect(chosen({ ...REQUEST, explore: 0 }, [veteran, grown])).toEqual(["veteran", "best"]);
  // By text an exploration would be a wrong answer.
  const [a, b] = [veteran, newest].map((c, i) => ({ ...c, hasExamples: true, affinity: i === 0 ? 0.5 : 0.1 }));
  expect(chosen({ ...TEXT, explore: 0 }, [a!, b!])).toEqual(["veteran", "best"]);
});

test("an explored agent stands among the candidates shown, though eight others are better", () => {
  const veterans = Array.from({ length: 12 }, (_, i) => agent(`veteran-${i}`));
  const result = decided(route({ ...REQUEST, explore: 0 }, [...veterans, agent("newest", { skills: { write: initialStatistics(0.1) } })]));
  expect(result.agent).toBe("newest");
  expect(result.decision.candidates).toHaveLength(8);
  expect(result.decision.candidates.at(-1)!.agent).toBe("newest");
});

test("excluded agents are no candidates", () => {
  expect(chosen({ ...REQUEST, exclude: ["a"] }, [agent("a"), agent("b")])).toEqual(["b", "only"]);
  expect(route({ ...REQUEST, exclude: ["a"] }, [agent("a")])).toEqual({ refused: "noCandidate" });
});

test("equal in everything: the one that was given first", () => {
  expect(chosen(REQUEST, [agent("b"), agent("a"), agent("c")])).toEqual(["b", "best"]);
});

test("a named hand-off goes where it says, with a score, whatever is required or excluded", () => {
  const candidates = [agent("a"), agent("b", { skills: { check: known() } })];
  const named = routeNamed("b", { ...REQUEST, exclude: ["b"] }, candidates);
  expect(named).toMatchObject({ agent: "b", decision: { reason: "named", runnerUp: null }, requires: { check: 1 } });
  expect(routeNamed("c", REQUEST, candidates)).toEqual({ refused: "noCandidate" });
});

test("an ensemble takes the n best, each once, with votes by judged quality alone; too few is refused with their number", () => {
  const candidates = [
    agent("fair", { skills: { write: known({ quality: 0.6 }) } }),
    agent("flaky", { skills: { write: known({ quality: 0.95, done: 0.2 }) } }),
    agent("good", { skills: { write: known({ quality: 0.9 }) } }),
    agent("other", { skills: { check: known() } }),
  ];
  const result = routeEnsemble({ ...REQUEST, incumbent: "fair" }, candidates, 3);
  if ("refused" in result) throw new Error("three can write");
  expect(result.picks.map((pick) => pick.agent)).toEqual(["good", "fair", "flaky"]);
  expect(result.picks.map((pick) => pick.voteWeight)).toEqual([2250, 415, 3015]);
  for (const pick of result.picks) {
    expect(pick.decision.reason).toBe("ensemble");
    expect(pick.decision.candidates.find((c) => c.agent === pick.agent)!.parts.incumbent).toBe(0);
  }
  expect(routeEnsemble(REQUEST, candidates, 4)).toEqual({ refused: "tooSmall", available: 3 });
});

test("a noisy clock does not make equal agents unequal: shrinkage and the near tie keep the least loaded", () => {
  // Thirty steps measured 8% apart say little; without the pool's weight the first would win on noise.
  const slow = agent("slow", { skills: { write: known({ latencyMs: 540, samples: 30 }) }, inFlight: 1 });
  const quick = agent("quick", { skills: { write: known({ latencyMs: 460, samples: 30 }) }, inFlight: 9 });
  expect(chosen(REQUEST, [quick, slow])).toEqual(["slow", "nearTie"]);
  const unshrunk = route(REQUEST, [quick, slow], { ...ROUTER_DEFAULTS, poolWeight: 0 });
  expect(decided(unshrunk).agent).toBe("quick");
});
