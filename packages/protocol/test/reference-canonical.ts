/**
 * Canonical bytes written a second time, from the definition alone and with no thought of speed: what the real encoder is checked against.
 */
import type { Canonical } from "../src/canonical.ts";

/** Unsigned LEB128, by arbitrary-precision integers. */
function leb128(value: bigint): number[] {
  const low = Number(value & 127n);
  return value < 128n ? [low] : [low | 128, ...leb128(value >> 7n)];
}

function text(value: string): number[] {
  const utf8 = [...new TextEncoder().encode(value)];
  return [...leb128(BigInt(utf8.length)), ...utf8];
}

function number(value: number): number[] {
  const zigzag = Number.isInteger(value) ? (value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)) : -1n;
  if (zigzag >= 0n && zigzag <= BigInt(Number.MAX_SAFE_INTEGER)) return [3, ...leb128(zigzag)];
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value === 0 ? 0 : value);
  return [4, ...bytes];
}

/** Text order by UTF-16 code units, spelled out. */
function before(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i);
  }
  return a.length - b.length;
}

export function referenceCanonical(value: Canonical): number[] {
  if (value === null) return [0];
  if (typeof value === "boolean") return [value ? 2 : 1];
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return [5, ...text(value)];
  if (value instanceof Uint8Array) return [6, ...leb128(BigInt(value.length)), ...value];
  if (Array.isArray(value)) return [7, ...leb128(BigInt(value.length)), ...value.flatMap(referenceCanonical)];
  const fields = Object.entries(value as Record<string, Canonical | undefined>)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => before(a, b));
  return [
    8,
    ...leb128(BigInt(fields.length)),
    ...fields.flatMap(([name, field]) => [...text(name), ...referenceCanonical(field as Canonical)]),
  ];
}
