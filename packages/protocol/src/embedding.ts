/**
 * The default embedder: hashed word 1-2-grams and character 3-5-grams with signed hashing, L2-normalised (theory.md 2.0). No model, the same
 * vector on every machine of the same arithmetic. Used outside apply only (it needs a square root and a logarithm); apply sees its int8 form.
 */

/** FNV-1a over UTF-16 code units, 32 bits. Changing it moves every stored prototype. */
function hash(text: string, start: number, end: number, seed: number): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = start; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d) >>> 0;
  return (h ^ (h >>> 12)) >>> 0;
}

/** Lower case, punctuation and white space folded to single spaces. */
export function normaliseText(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Against 1 for a word: what routed real turns best of .35 and .6 (teams/concierge/score/prototypes.ts: .905 against .898). */
const CHARACTER_GRAM_WEIGHT = 0.6;

/** Calls `add(bucketHash, weight)` for each feature of a text. */
function eachFeature(text: string, add: (hash: number, weight: number) => void): void {
  const clean = normaliseText(text);
  if (clean === "") return;
  const words = clean.split(" ");
  let at = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    add(hash(word, 0, word.length, 1), 1);
    const next = words[i + 1];
    if (next !== undefined) add(hash(clean, at, at + word.length + 1 + next.length, 2), 0.8);
    at += word.length + 1;
  }
  const padded = ` ${clean} `;
  for (let size = 3; size <= 5; size++) {
    for (let i = 0; i + size <= padded.length; i++) add(hash(padded, i, i + size, 3), CHARACTER_GRAM_WEIGHT);
  }
}

/**
 * Embeds a text: float32[dim], ‖v‖ = 1 (all zeros for a text without letters or digits).
 * @param idf optional weight of each bucket, length dim.
 */
export function embedText(text: string, dim: number, idf?: Float32Array): Float32Array {
  const vector = new Float32Array(dim);
  eachFeature(text, (h, weight) => {
    const bucket = h % dim;
    const sign = h >>> 31 === 0 ? 1 : -1;
    vector[bucket] = (vector[bucket] ?? 0) + sign * weight * (idf?.[bucket] ?? 1);
  });
  let norm = 0;
  for (const x of vector) norm += x * x;
  if (norm === 0) return vector;
  const scale = 1 / Math.sqrt(norm);
  for (let i = 0; i < dim; i++) vector[i] = (vector[i] ?? 0) * scale;
  return vector;
}

/** Smoothed inverse document frequency of each bucket over a set of texts: ln((n + 1) / (df + 1)) + 1, float32[dim]. */
export function inverseDocumentFrequency(texts: readonly string[], dim: number): Float32Array {
  const seen = new Uint32Array(dim);
  for (const text of texts) {
    const buckets = new Set<number>();
    eachFeature(text, (h) => buckets.add(h % dim));
    for (const bucket of buckets) seen[bucket] = (seen[bucket] ?? 0) + 1;
  }
  return Float32Array.from(seen, (df) => Math.log((texts.length + 1) / (df + 1)) + 1);
}

/** Fixed-scale int8 form of a unit vector: value × 256, cut at ±127, so that averages of two of them mean something. */
export const ROUTING_QUANTUM: number = 1 / 256;

export function quantiseRouting(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(vector.length);
  for (let i = 0; i < vector.length; i++) {
    const value = Math.max(-127, Math.min(127, Math.round((vector[i] ?? 0) / ROUTING_QUANTUM)));
    bytes[i] = value & 255;
  }
  return bytes;
}

/** int8 with a scale of its own: value = byte × scale / 127. */
export function quantiseScaled(vector: Float32Array): { readonly vector: Uint8Array; readonly scale: number } {
  let scale = 0;
  for (const x of vector) scale = Math.max(scale, Math.abs(x));
  const bytes = new Uint8Array(vector.length);
  if (scale === 0) return { vector: bytes, scale: 0 };
  for (let i = 0; i < vector.length; i++) bytes[i] = Math.round(((vector[i] ?? 0) / scale) * 127) & 255;
  return { vector: bytes, scale };
}

/** The signed value of byte `index` of an int8 vector kept as bytes. */
export function int8At(bytes: Uint8Array, index: number): number {
  const value = bytes[index] ?? 0;
  return value > 127 ? value - 256 : value;
}

/** Cosine of two int8 vectors of equal length, in [−1, 1]; 0 where one is all zeros. */
export function cosineInt8(a: Uint8Array, b: Uint8Array): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = int8At(a, i);
    const y = int8At(b, i);
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Swaps the bytes of each 32-bit word in place: an integer loop is six times as fast as a DataView's accessors. */
function swapWords(words: Uint32Array): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    words[i] = (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
  }
}

/** float32 big-endian bytes, the form in which vectors are stored and sent. */
export function floatsToBytes(vector: Float32Array): Uint8Array {
  const copy = vector.slice();
  if (LITTLE_ENDIAN) swapWords(new Uint32Array(copy.buffer));
  return new Uint8Array(copy.buffer);
}

export function floatsFromBytes(bytes: Uint8Array): Float32Array {
  const copy = new Uint8Array(bytes.byteLength - (bytes.byteLength % 4));
  copy.set(bytes.length === copy.length ? bytes : bytes.subarray(0, copy.length));
  if (LITTLE_ENDIAN) swapWords(new Uint32Array(copy.buffer));
  return new Float32Array(copy.buffer);
}
