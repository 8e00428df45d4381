/**
 * The mathematics of theory.md 2.1 to 2.9 on the real step: each theorem that the product leans on, each counter-example to what it does
 * not claim. A step that only pretends to converge fails here (T1 growth, T2 thresholds).
 */
import { expect, test } from "vitest";
import { lipschitzBound, type TeamWeights, uniformWeights } from "../../src/core/transition/team-weights.ts";
import { fieldOf, soloRounds, type TransitionField, transitionStep, type Vector } from "../../src/core/transition/transition-step.ts";
import {
  ballVector,
  energy,
  fieldMatrix,
  randomState,
  randomSymmetricWeights,
  type State,
  seeded,
  squaredDistance,
  squaredNorm,
  topEigenpair,
  uniformFixedPoint,
} from "./oracle.ts";

const zeros = (n: number, dimension: number): State => Array.from({ length: n }, () => new Float64Array(dimension));
const everyone = (state: State): number[] => state.map((_, i) => i);
const norm = (state: State): number => Math.sqrt(state.reduce((sum, vector) => sum + squaredNorm(vector), 0));

/** Growth per round of x ← x − α F(x − τ rounds ago), over the last of many rounds, from a random start; scaled so that it never overflows. */
function growth(field: TransitionField, alpha: number, staleness: number, start: State, rounds: number): number {
  let history: State[] = Array.from({ length: staleness + 1 }, () => start);
  let logarithm = 0;
  let measuredFrom = 0;
  const settle = Math.floor(rounds / 2);
  for (let round = 0; round < rounds; round++) {
    const newest = history.at(-1)!;
    const stale = history[0]!;
    const moved = transitionStep(stale, everyone(stale), alpha, field);
    const next = newest.map((own, i) => own.map((x, k) => x + (moved[i]![k]! - stale[i]![k]!)));
    history = [...history.slice(1), next];
    const size = Math.sqrt(history.reduce((sum, state) => sum + norm(state) ** 2, 0));
    logarithm += Math.log(size);
    history = history.map((state) => state.map((vector) => vector.map((x) => x / size)));
    if (round === settle) measuredFrom = logarithm;
  }
  return Math.exp((logarithm - measuredFrom) / (rounds - 1 - settle));
}

/** Largest α·L at which the iteration does not grow. */
function threshold(field: TransitionField, lipschitz: number, staleness: number, start: State): number {
  let [stable, unstable] = [0.05, 3];
  for (let i = 0; i < 12; i++) {
    const middle = (stable + unstable) / 2;
    if (growth(field, middle / lipschitz, staleness, start, 1_500) <= 1) stable = middle;
    else unstable = middle;
  }
  return (stable + unstable) / 2;
}

test("T1: above 2 / L the top eigenvector grows by exactly |1 − α λ_max| a round", () => {
  const random = seeded(1);
  for (let graph = 0; graph < 20; graph++) {
    const n = 2 + Math.floor(random() * 7);
    const weights = randomSymmetricWeights(random, n);
    const field = { weights, evidence: zeros(n, 1), lambda: 0.3 + random(), beta: 0.05 + random() };
    const top = topEigenpair(fieldMatrix(weights, field.lambda, field.beta));
    for (const alphaL of [2.05, 2.2, 2.5]) {
      let state: State = top.vector.map((x) => Float64Array.of(x));
      for (let round = 0; round < 5; round++) {
        const next = transitionStep(state, everyone(state), alphaL / top.value, field);
        expect(norm(next) / norm(state)).toBeCloseTo(alphaL - 1, 6);
        state = next;
      }
    }
  }
});

test("T2: the empirical thresholds are 2, 1, .618 and .445 of 1 / L for a state that is 0, 1, 2 and 3 rounds old", () => {
  const expected = [2, 1, 0.618, 0.445];
  for (const [staleness, limit] of expected.entries()) {
    const random = seeded(20 + staleness);
    for (let graph = 0; graph < 5; graph++) {
      const n = 2 + Math.floor(random() * 5);
      const weights = randomSymmetricWeights(random, n);
      const field = { weights, evidence: zeros(n, 1), lambda: 1, beta: 0.2 };
      const { value } = topEigenpair(fieldMatrix(weights, 1, 0.2));
      const found = threshold(field, value, staleness, randomState(random, n, 1));
      expect(found / limit, `staleness ${staleness}, graph ${graph}, ${n} agents`).toBeGreaterThan(0.985);
      expect(found / limit, `staleness ${staleness}, graph ${graph}, ${n} agents`).toBeLessThan(1.015);
    }
  }
});

test("1 / (2L) is safe up to two rounds of staleness and really fails at three", () => {
  const field = { weights: uniformWeights(4), evidence: zeros(4, 1), lambda: 1, beta: 0.2 };
  const { value } = topEigenpair(fieldMatrix(field.weights, 1, 0.2));
  const start = randomState(seeded(3), 4, 1);
  for (const staleness of [0, 1, 2]) expect(growth(field, 0.5 / value, staleness, start, 1_500)).toBeLessThan(1);
  expect(growth(field, 0.5 / value, 3, start, 1_500)).toBeGreaterThan(1);
});

test("T3: c times the energy has 1 / c of the threshold", () => {
  const random = seeded(4);
  const weights = randomSymmetricWeights(random, 5);
  const start = randomState(random, 5, 1);
  const base = threshold({ weights, evidence: zeros(5, 1), lambda: 1, beta: 0.2 }, 1, 0, start);
  const scaled = threshold({ weights, evidence: zeros(5, 1), lambda: 0.5, beta: 0.1 }, 1, 0, start);
  expect(scaled / base).toBeCloseTo(2, 2);
});

test("T4: the fixed point is the closed form, and agreement is not unanimity: β / (λ' + β) of the difference stays", () => {
  const random = seeded(5);
  for (const n of [1, 2, 3, 8]) {
    const evidence = randomState(random, n, 16);
    const field = { weights: uniformWeights(n), evidence, lambda: 1, beta: 0.2 };
    let state = randomState(random, n, 16);
    for (let round = 0; round < 800; round++) state = transitionStep(state, everyone(state), 0.45 / 2.2, field);
    const fixed = uniformFixedPoint(evidence, 1, 0.2);
    for (let i = 0; i < n; i++) expect(squaredDistance(state[i]!, fixed[i]!)).toBeLessThan(1e-12);
    if (n > 1) {
      const kept = Math.sqrt(squaredDistance(fixed[0]!, fixed[1]!) / squaredDistance(evidence[0]!, evidence[1]!));
      expect(kept).toBeCloseTo(0.2 / (n / (n - 1) + 0.2), 9);
    }
  }
});

test("disagreement decays at |1 − α (λ' + β)| a round, the mean at 1 − α β", () => {
  const n = 5;
  const alpha = 0.1;
  const field = { weights: uniformWeights(n), evidence: zeros(n, 8), lambda: 1, beta: 0.2 };
  const before = randomState(seeded(6), n, 8);
  const after = transitionStep(before, everyone(before), alpha, field);
  const mean = (state: State): Vector => state[0]!.map((_, k) => state.reduce((sum, vector) => sum + vector[k]!, 0) / n);
  const disagreement = (state: State): number => Math.sqrt(state.reduce((sum, vector) => sum + squaredDistance(vector, mean(state)), 0));
  expect(disagreement(after) / disagreement(before)).toBeCloseTo(1 - alpha * (n / (n - 1) + 0.2), 12);
  expect(Math.sqrt(squaredNorm(mean(after)) / squaredNorm(mean(before)))).toBeCloseTo(1 - alpha * 0.2, 12);
});

test("T5: the literal theorem is false: f(x) = −x and a pure critique cycle diverge at every step size, though L = 1", () => {
  const flipped = { weights: [[0]], evidence: zeros(1, 2), lambda: 0, beta: -1 };
  // Three agents, each drawn to the next and repelled by the one before: a skew field with eigenvalues ±i and 0.
  const a = 1 / Math.sqrt(3);
  const cycle: TeamWeights = [
    [0, a, -a],
    [-a, 0, a],
    [a, -a, 0],
  ];
  const skew = { weights: cycle, evidence: zeros(3, 1), lambda: 1, beta: 0 };
  const start: State = [Float64Array.of(1), Float64Array.of(-1), Float64Array.of(0)];
  for (const alpha of [0.01, 0.1, 0.45]) {
    expect(growth(flipped, alpha, 0, [Float64Array.of(1, 1)], 200)).toBeCloseTo(1 + alpha, 9);
    expect(growth(skew, alpha, 0, start, 200)).toBeCloseTo(Math.sqrt(1 + alpha * alpha), 6);
  }
  // The reflected integrator, x − α (2 F(x) − F(before)), converges on the cycle just inside 1 / (2L) and not at .60 / L.
  const reflected = (alpha: number): number => {
    let [before, now]: [State, State] = [start, start];
    for (let round = 0; round < 4_000; round++) {
      const next = now.map((own, i) => {
        const f = fieldOf(i, now, skew);
        const g = fieldOf(i, before, skew);
        return own.map((x, k) => x - alpha * (2 * f[k]! - g[k]!));
      });
      [before, now] = [now, next];
    }
    return norm(now);
  };
  expect(reflected(0.49)).toBeLessThan(1e-6);
  expect(reflected(0.6)).toBeGreaterThan(1e6);
});

test("T6: renaming agents commutes with the step", () => {
  const random = seeded(7);
  for (let run = 0; run < 200; run++) {
    const n = 2 + Math.floor(random() * 7);
    const weights = randomSymmetricWeights(random, n);
    const [state, evidence] = [randomState(random, n, 6), randomState(random, n, 6)];
    const order = everyone(state).sort(() => random() - 0.5);
    const field = { weights, evidence, lambda: 1, beta: 0.2 };
    const renamed = {
      ...field,
      weights: order.map((i) => order.map((j) => weights[i]![j]!)),
      evidence: order.map((i) => evidence[i]!),
    };
    const plain = transitionStep(state, everyone(state), 0.2, field);
    const permuted = transitionStep(
      order.map((i) => state[i]!),
      everyone(state),
      0.2,
      renamed,
    );
    for (const [at, i] of order.entries()) expect(squaredDistance(permuted[at]!, plain[i]!)).toBeLessThan(1e-24);
  }
});

test("T8: the certificate J(x⁺) ≤ J(x) − ¾ α ‖S g‖² holds on 10,000 random legal steps, whoever steps", () => {
  const random = seeded(8);
  for (let run = 0; run < 10_000; run++) {
    const n = 1 + Math.floor(random() * 8);
    const weights = run % 2 === 0 ? uniformWeights(n) : randomSymmetricWeights(random, n);
    const field = { weights, evidence: randomState(random, n, 4), lambda: random() * 2, beta: random() };
    const alpha = random() / (2 * lipschitzBound(weights, field.lambda, field.beta));
    const state = randomState(random, n, 4);
    const movers = everyone(state).filter(() => random() < 0.6);
    const next = transitionStep(state, movers, alpha, field);
    const gradient = movers.reduce((sum, i) => sum + squaredNorm(fieldOf(i, state, field)), 0);
    const [before, after] = [state, next].map((x) => energy(x, field.evidence, weights, field.lambda, field.beta));
    expect(after! - before! + 0.75 * alpha * gradient, `step ${run}`).toBeLessThanOrEqual(1e-9 * (1 + before!));
  }
});

test("the certificate fails somewhere above the bound, so it does see a step that is too large", () => {
  const random = seeded(9);
  const weights = uniformWeights(4);
  let violations = 0;
  for (let run = 0; run < 200; run++) {
    const field = { weights, evidence: zeros(4, 2), lambda: 1, beta: 0.2 };
    const { value, vector } = topEigenpair(fieldMatrix(weights, 1, 0.2));
    const state = vector.map((x) => ballVector(random, 2).map(() => x));
    const alpha = (0.51 + random()) / value;
    const next = transitionStep(state, everyone(state), alpha, field);
    const gradient = state.reduce((sum, _, i) => sum + squaredNorm(fieldOf(i, state, field)), 0);
    const [before, after] = [state, next].map((x) => energy(x, field.evidence, weights, 1, 0.2));
    if (after! > before! - 0.75 * alpha * gradient + 1e-12) violations++;
  }
  expect(violations).toBe(200);
});

test("theorem B: directed weights and neighbours twenty rounds old still contract while every agent applies its own newest C", () => {
  const random = seeded(10);
  for (let run = 0; run < 10; run++) {
    const n = 4;
    const weights = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => (i === j ? 0 : random())));
    const field = { weights, evidence: zeros(n, 1), lambda: 1, beta: 0.5 };
    const diagonal = Math.max(...fieldMatrix(weights, 1, 0.5).map((row, i) => row[i]!));
    const history: State[] = [randomState(random, n, 1)];
    for (let round = 0; round < 3_000; round++) {
      const newest = history.at(-1)!;
      const next = newest.map((own, i) => {
        const seen = newest.map((_, j) => (j === i ? own : history[Math.max(0, history.length - 1 - Math.floor(random() * 20))]![j]!));
        return transitionStep(seen, [i], 1 / diagonal, field)[i]!;
      });
      history.push(next);
    }
    expect(norm(history.at(-1)!)).toBeLessThan(1e-6);
  }
});

test("a step changes neither its arguments nor the members that do not move", () => {
  const random = seeded(11);
  const state = randomState(random, 3, 5);
  const copy = state.map((vector) => vector.slice());
  const field = { weights: uniformWeights(3), evidence: randomState(random, 3, 5), lambda: 1, beta: 0.2 };
  const next = transitionStep(state, [1], 0.2, field);
  expect(state).toEqual(copy);
  expect(next[0]).toBe(state[0]);
  expect(next[2]).toBe(state[2]);
  expect(next[1]).not.toEqual(state[1]);
});

test("several rounds of one member are as many steps in which it alone moves", () => {
  const random = seeded(12);
  for (let run = 0; run < 200; run++) {
    const n = 1 + Math.floor(random() * 8);
    const field = { weights: randomSymmetricWeights(random, n), evidence: randomState(random, n, 7), lambda: 1, beta: 0.2 };
    const start = randomState(random, n, 7);
    let state = start;
    for (let round = 0; round < 4; round++) state = transitionStep(state, [n - 1], 0.1, field);
    expect(soloRounds(start, n - 1, 4, 0.1, field)).toEqual(state[n - 1]);
    const f = fieldOf(0, start, field);
    const [moved] = transitionStep(start, [0], 0.1, field);
    for (const [k, x] of moved!.entries()) expect(x).toBeCloseTo(start[0]![k]! - 0.1 * f[k]!, 12);
  }
});
