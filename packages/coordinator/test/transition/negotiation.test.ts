/** The negotiated transition as apply calls it: who moves, by how much, what is kept, what is refused. */
import { createHash } from "node:crypto";
import { CONTEXT_DIM, floatsToBytes } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  agreementOf,
  CONTEXT_NORM_SQUARE_MAX,
  type NegotiationSettings,
  negotiate,
  ROUNDS,
  type TeamMember,
} from "../../src/core/transition/negotiation.ts";
import { resolveAlpha } from "../../src/core/transition/team-weights.ts";
import { ballVector, seeded, squaredDistance, squaredNorm, uniformFixedPoint } from "./oracle.ts";

const SETTINGS: NegotiationSettings = { alpha: 0.45 / 2.2, lambda: 1, beta: 0.2, weights: "uniform", stepPolicy: "reject" };

function team(random: () => number, n: number, dimension: number = CONTEXT_DIM): TeamMember[] {
  return Array.from({ length: n }, (_, i) => ({
    agent: `agent-${i}`,
    context: Float32Array.from(ballVector(random, dimension)),
    evidence: Float32Array.from(ballVector(random, dimension)),
    quality: random(),
  }));
}

/** The same iteration with plain numbers, one coordinate at a time, from the formula of theory.md 2.1. */
function byHand(members: readonly TeamMember[], mover: number, contexts: readonly (readonly number[])[], alpha: number): number[] {
  const n = members.length;
  let own = [...contexts[mover]!];
  for (let round = 0; round < ROUNDS; round++) {
    own = own.map((x, k) => {
      let field = 0.2 * (x - members[mover]!.evidence[k]!);
      for (let j = 0; j < n; j++) if (j !== mover) field += (x - contexts[j]![k]!) / (n - 1);
      return x - alpha * field;
    });
  }
  return own;
}

test("the finisher takes its rounds, then the receiver, who already sees where the finisher stands; nobody else moves", () => {
  const random = seeded(1);
  for (let run = 0; run < 50; run++) {
    const members = team(random, 2 + Math.floor(random() * 7), 12);
    const contexts = members.map((member) => [...member.context]);
    const outcome = negotiate(members, "agent-1", "agent-0", SETTINGS);
    const finisher = byHand(members, 1, contexts, SETTINGS.alpha);
    const receiver = byHand(members, 0, contexts.with(1, finisher), SETTINGS.alpha);
    expect([...outcome.contexts.keys()]).toEqual(["agent-1", "agent-0"]);
    for (const [name, wanted] of [
      ["agent-1", finisher],
      ["agent-0", receiver],
    ] as const) {
      for (const [k, x] of outcome.contexts.get(name)!.entries()) expect(x).toBeCloseTo(wanted[k]!, 6);
    }
    expect(outcome).toMatchObject({ rejected: null, alpha: SETTINGS.alpha });
    expect(outcome.lipschitzBound).toBeCloseTo(2.2, 12);
  }
});

test("a receiver that is the finisher, or no member, takes no rounds of its own", () => {
  const members = team(seeded(2), 3, 8);
  const alone = negotiate(members, "agent-0", undefined, SETTINGS);
  expect(negotiate(members, "agent-0", "agent-0", SETTINGS)).toEqual(alone);
  expect(negotiate(members, "agent-0", "somebody", SETTINGS)).toEqual(alone);
  expect(negotiate(members, "somebody", undefined, SETTINGS).contexts.size).toBe(0);
});

test("a newcomer starts at its own evidence, at zeros where that is unknown, never at the team's mean", () => {
  const empty = new Float32Array(0);
  const evidence = Float32Array.of(0.6, 0.8, 0);
  const [known] = negotiate([{ agent: "new", context: empty, evidence, quality: 1 }], "new", undefined, SETTINGS).contexts.values();
  expect(known).toEqual(evidence);
  const members = team(seeded(3), 3, 3);
  const standing = negotiate([...members, { agent: "new", context: empty, evidence, quality: 1 }], "new", undefined, {
    ...SETTINGS,
    alpha: 0,
  });
  expect(standing.contexts.get("new")).toEqual(evidence);
  const unknown = negotiate([...members, { agent: "new", context: empty, evidence: empty, quality: 1 }], "agent-0", "new", {
    ...SETTINGS,
    alpha: 0,
  });
  expect(unknown.contexts.get("new")).toEqual(new Float32Array(3));
  expect(
    negotiate([{ agent: "new", context: empty, evidence: empty, quality: 1 }], "new", undefined, SETTINGS).contexts.get("new"),
  ).toEqual(new Float32Array(CONTEXT_DIM));
});

test("at every resolved step size the unit ball is kept, for any team, over any sequence of steps", () => {
  const declared = fc.record({
    alpha: fc.oneof(fc.constant("auto" as const), fc.double({ min: 0, max: 3, noNaN: true })),
    lambda: fc.double({ min: 0, max: 4, noNaN: true }),
    beta: fc.double({ min: 0.001, max: 4, noNaN: true }),
    weights: fc.constantFrom("uniform" as const, "trust" as const),
    stepPolicy: fc.constant("clamp" as const),
  });
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 8 }), declared, (seed, n, negotiation) => {
      const random = seeded(seed);
      let members = team(random, n, 8);
      const resolved = resolveAlpha(negotiation);
      if (!resolved.ok) throw new Error("clamp refuses nothing here");
      for (let step = 0; step < 10; step++) {
        const [finisher, receiver] = [`agent-${Math.floor(random() * n)}`, `agent-${Math.floor(random() * n)}`];
        const outcome = negotiate(members, finisher, receiver, { ...negotiation, alpha: resolved.alpha });
        expect(outcome.rejected).toBeNull();
        expect(outcome.agreement).toBeGreaterThanOrEqual(0);
        expect(outcome.agreement).toBeLessThanOrEqual(1);
        members = members.map((member) => ({ ...member, context: outcome.contexts.get(member.agent) ?? member.context }));
        for (const member of members) expect(squaredNorm(member.context)).toBeLessThanOrEqual(CONTEXT_NORM_SQUARE_MAX);
      }
    }),
  );
});

test("steps of all agents in turn bring the team to the closed-form fixed point", () => {
  const random = seeded(4);
  let members = team(random, 4, 16);
  for (let step = 0; step < 400; step++) {
    const { contexts } = negotiate(members, `agent-${step % 4}`, `agent-${(step + 1) % 4}`, SETTINGS);
    members = members.map((member) => ({ ...member, context: contexts.get(member.agent) ?? member.context }));
  }
  const fixed = uniformFixedPoint(
    members.map((member) => Float64Array.from(member.evidence)),
    1,
    0.2,
  );
  for (const [i, member] of members.entries()) {
    expect(Math.sqrt(squaredDistance(Float64Array.from(member.context), fixed[i]!))).toBeLessThan(1e-5);
  }
});

test("a step that leaves the ball or the finite numbers is refused as a whole", () => {
  const members = team(seeded(5), 4, 8).map((member, i) => ({
    ...member,
    context: new Float32Array(8).fill(i % 2 === 0 ? 0.35 : -0.35),
  }));
  const tooLarge = negotiate(members, "agent-0", "agent-1", { ...SETTINGS, alpha: 3 });
  expect(tooLarge).toMatchObject({ rejected: "normTooLarge" });
  expect(tooLarge.contexts.size).toBe(0);
  expect(tooLarge.agreement).toBe(agreementOf(members.map((member) => member.context)));
  expect(negotiate(members, "agent-0", "agent-1", { ...SETTINGS, alpha: 1e200 }).rejected).toBe("nonFinite");
  const poisoned = members.with(2, { ...members[2]!, context: new Float32Array(8).fill(Number.NaN) });
  const outcome = negotiate(poisoned, "agent-0", undefined, SETTINGS);
  expect(outcome).toMatchObject({ rejected: "nonFinite", agreement: 0 });
});

test("a receiver whose rounds are refused takes the finisher's back, too", () => {
  const members: TeamMember[] = [
    { agent: "calm", context: Float32Array.of(0.1, 0), evidence: Float32Array.of(0.1, 0), quality: 1 },
    { agent: "wild", context: Float32Array.of(40, 0), evidence: Float32Array.of(0, 0), quality: 0 },
  ];
  // Trust: a quality of 0 has no edges, so the finisher does not feel what the receiver is.
  const outcome = negotiate(members, "calm", "wild", { ...SETTINGS, weights: "trust" });
  expect(outcome.rejected).toBe("normTooLarge");
  expect(outcome.contexts.size).toBe(0);
});

test("the order of members does not matter", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 2, max: 8 }), fc.constantFrom("uniform" as const, "trust" as const), (seed, n, weights) => {
      const random = seeded(seed);
      const members = team(random, n, 8);
      const shuffled = members.toSorted(() => random() - 0.5);
      const [a, b] = [members, shuffled].map((list) => negotiate(list, "agent-0", "agent-1", { ...SETTINGS, weights }));
      expect(a!.agreement).toBeCloseTo(b!.agreement, 9);
      for (const [agent, context] of a!.contexts) {
        for (const [k, x] of b!.contexts.get(agent)!.entries()) expect(x).toBeCloseTo(context[k]!, 6);
      }
    }),
  );
});

test("nothing that was passed is changed", () => {
  const members = team(seeded(6), 5, 32);
  const copy = structuredClone(members);
  negotiate(members, "agent-2", "agent-4", SETTINGS);
  expect(members).toEqual(copy);
});

test("agreement is 1 − Σ‖C_i − C̄‖² / Σ‖C_i‖²", () => {
  const random = seeded(7);
  for (let run = 0; run < 100; run++) {
    const n = 2 + Math.floor(random() * 7);
    const contexts = Array.from({ length: n }, () => Float32Array.from(ballVector(random, 5)));
    const mean = Array.from({ length: 5 }, (_, k) => contexts.reduce((sum, c) => sum + c[k]!, 0) / n);
    const spread = contexts.reduce((sum, c) => sum + c.reduce((s, x, k) => s + (x - mean[k]!) ** 2, 0), 0);
    const total = contexts.reduce((sum, c) => sum + squaredNorm(c), 0);
    expect(agreementOf(contexts)).toBeCloseTo(1 - spread / total, 9);
  }
  const one = Float32Array.of(0.3, 0.4);
  expect(agreementOf([one, one, one])).toBe(1);
  expect(agreementOf([one, one.map((x) => -x)])).toBe(0);
  expect(agreementOf([one])).toBe(1);
  expect(agreementOf([])).toBe(1);
  expect(agreementOf([new Float32Array(2), new Float32Array(2)])).toBe(1);
});

test("negotiating raises agreement, and without it (α = 0) nothing moves", () => {
  const members = team(seeded(8), 5, 64);
  const before = agreementOf(members.map((member) => member.context));
  expect(negotiate(members, "agent-0", "agent-1", SETTINGS).agreement).toBeGreaterThan(before);
  const off = negotiate(members, "agent-0", "agent-1", { ...SETTINGS, alpha: 0 });
  expect(off.agreement).toBe(before);
  for (const member of members) if (off.contexts.has(member.agent)) expect(off.contexts.get(member.agent)).toEqual(member.context);
});

test("the bytes are the same on every machine", () => {
  const digest = createHash("sha256");
  for (const weights of ["uniform", "trust"] as const) {
    const outcome = negotiate(team(seeded(9), 8), "agent-3", "agent-7", { ...SETTINGS, weights });
    for (const context of outcome.contexts.values()) digest.update(floatsToBytes(context));
  }
  // A change here changes what every coordinator computes: all of them must be upgraded at once.
  expect(digest.digest("hex")).toBe("7b118f8d6c9131060e41f3116f9e9e553fe61bf8585b950e81dc10a6fa90465c");
});
