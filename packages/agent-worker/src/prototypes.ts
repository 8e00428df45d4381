/**
 * Chooses the few prototypes that stand for an agent's examples in routing: greedy k-center (the next seed is the example farthest from all
 * seeds so far), then each prototype is the mean of the examples nearest to its seed, at unit length. Deterministic: ties go to the earlier one.
 */

/** @param examples unit vectors of one length. @returns at most `most` unit vectors. */
export function choosePrototypes(examples: readonly Float32Array[], most: number): readonly Float32Array[] {
  if (examples.length <= most) return examples;
  const seeds = farthestFirst(examples, most);
  const sums = seeds.map((seed) => new Float64Array(seed.length));
  for (const example of examples) {
    const sum = sums[nearest(example, seeds)];
    if (sum) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (example[i] ?? 0);
  }
  return sums.map(unitOf);
}

function farthestFirst(examples: readonly Float32Array[], count: number): readonly Float32Array[] {
  const [first] = examples;
  if (first === undefined) return [];
  const seeds = [first];
  const closeness = examples.map((example) => dot(example, first));
  while (seeds.length < count) {
    let farthest = 0;
    for (let i = 1; i < examples.length; i++) if ((closeness[i] ?? 1) < (closeness[farthest] ?? 1)) farthest = i;
    const seed = examples[farthest] ?? first;
    seeds.push(seed);
    for (const [i, example] of examples.entries()) closeness[i] = Math.max(closeness[i] ?? -1, dot(example, seed));
  }
  return seeds;
}

function nearest(example: Float32Array, seeds: readonly Float32Array[]): number {
  let best = 0;
  let bestDot = Number.NEGATIVE_INFINITY;
  for (const [i, seed] of seeds.entries()) {
    const product = dot(example, seed);
    if (product > bestDot) {
      best = i;
      bestDot = product;
    }
  }
  return best;
}

function unitOf(sum: Float64Array): Float32Array {
  let norm = 0;
  for (const x of sum) norm += x * x;
  const scale = norm === 0 ? 0 : 1 / Math.sqrt(norm);
  return Float32Array.from(sum, (x) => x * scale);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
