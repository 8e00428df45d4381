/**
 * Routing prototypes: what an agent is asked, as int8[ROUTING_DIM] vectors, compared with a text's embedding and taught by the log.
 * Kept apart from the router, which weighs the affinities, and from the embedder, which makes the vectors.
 *
 * Invariants:
 * P1 `teachPrototypes` is called by apply: integer arithmetic only; a result is the same bytes on every machine.
 * P2 Arguments are never changed, here or by anybody else: a prototype that moves is a new one. Those that did not are shared with the input.
 * P3 An agent keeps at most PROTOTYPES_MAX prototypes; bytes stay in −127…127, so that their negatives exist.
 */
import { limits } from "@triad/protocol";

/** A taught prototype moves by one part in this many towards the text: late enough for one odd text, soon enough for a new way to ask. */
const TEACHING_PARTS = 8;

/** The nearest one in this many prototypes speak for an agent. */
const NEAREST_PARTS = 4;

/** Bytes as the signed integers that they stand for, without a copy. */
function signed(bytes: Uint8Array): Int8Array {
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Of the length that both have: prototypes and texts of one team are equally long. */
function dot(a: Int8Array, b: Int8Array): number {
  const length = Math.min(a.length, b.length);
  // Exact in 32 bits for ROUTING_DIM = 1024 (2^7 · 2^7 · 2^10 = 2^24), and several times as fast as in doubles.
  let sum = 0;
  for (let i = 0; i < length; i++) sum = (sum + Math.imul(a[i]!, b[i]!)) | 0;
  return sum;
}

/** Squared norms of prototypes. They never change (P2), and a decision asks for those of the whole team. */
const squares = new WeakMap<Uint8Array, number>();

function squareOf(prototype: Uint8Array): number {
  const known = squares.get(prototype);
  if (known !== undefined) return known;
  const square = dot(signed(prototype), signed(prototype));
  squares.set(prototype, square);
  return square;
}

/**
 * How near a text is to what an agent is asked: the mean cosine with the nearest quarter of its prototypes, in [−1, 1]; 0 where there are
 * none. A single nearest one is too easily met by chance: it routed .86 of the turns on which `router-settings.ts` was chosen, the quarter .90.
 */
export function bestAffinity(embedding: Uint8Array, prototypes: readonly Uint8Array[]): number {
  const text = signed(embedding);
  // A sentence sets one bucket in six or so: only those are multiplied.
  const used: number[] = [];
  let textSquare = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === 0) continue;
    used.push(i);
    textSquare += text[i]! * text[i]!;
  }
  if (textSquare === 0 || prototypes.length === 0) return 0;
  const cosines = prototypes.map((bytes) => {
    const square = squareOf(bytes);
    const prototype = signed(bytes);
    let product = 0;
    for (const i of used) product += text[i]! * (prototype[i] ?? 0);
    return square === 0 ? 0 : product / Math.sqrt(textSquare * square);
  });
  const nearest = cosines.sort((a, b) => b - a).slice(0, Math.ceil(cosines.length / NEAREST_PARTS));
  return nearest.reduce((sum, cosine) => sum + cosine, 0) / nearest.length;
}

/** Affinity of an agent to the turn before: 0 where there was none or it had no embedding. */
export function lastTurnAffinity(lastTurn: Uint8Array | undefined, prototypes: readonly Uint8Array[]): number {
  return lastTurn === undefined ? 0 : bestAffinity(lastTurn, prototypes);
}

/**
 * An agent's prototypes after a text that it settled. Room left: the text becomes one. No room: the nearest (largest integer dot product,
 * lowest index on a tie) moves an eighth of the way. A text without features, of another length, or known byte for byte teaches nothing.
 */
export function teachPrototypes(prototypes: readonly Uint8Array[], embedding: Uint8Array): readonly Uint8Array[] {
  const text = signed(embedding);
  if (text.every((x) => x === 0)) return prototypes;
  let nearest = -1;
  let nearestDot = Number.NEGATIVE_INFINITY;
  for (const [index, bytes] of prototypes.entries()) {
    if (bytes.length !== embedding.length) return prototypes;
    const prototype = signed(bytes);
    if (prototype.every((x, i) => x === text[i])) return prototypes;
    const product = dot(text, prototype);
    if (product > nearestDot) {
      nearest = index;
      nearestDot = product;
    }
  }
  if (prototypes.length < limits.PROTOTYPES_MAX) return [...prototypes, embedding.slice()];
  return prototypes.map((bytes, index) => (index === nearest ? moved(signed(bytes), text) : bytes));
}

/** (7 × old + new) / 8, to the nearest integer, halves away from zero. */
function moved(prototype: Int8Array, text: Int8Array): Uint8Array {
  const result = new Int8Array(prototype.length);
  for (let i = 0; i < prototype.length; i++) {
    const sum = prototype[i]! * (TEACHING_PARTS - 1) + text[i]!;
    const size = sum < 0 ? -sum : sum;
    const twice = size * 2 + TEACHING_PARTS;
    const rounded = (twice - (twice % (TEACHING_PARTS * 2))) / (TEACHING_PARTS * 2);
    const cut = Math.min(rounded, 127);
    result[i] = sum < 0 ? -cut : cut;
  }
  return new Uint8Array(result.buffer);
}
