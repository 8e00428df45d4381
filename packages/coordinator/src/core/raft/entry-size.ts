/**
 * How large entries count, for the bounds on messages and batches. Two measures: the payload (what a client proposed) and the
 * encoded size (what etcd's wire format would take: it keeps the cuts between batches comparable to etcd's, and stands for the
 * overhead of any codec).
 */
import type { Entry } from "./types.ts";

export function payloadBytes(entries: readonly Entry[]): number {
  let total = 0;
  for (const entry of entries) total += entry.data.length;
  return total;
}

export function encodedEntryBytes(entry: Entry): number {
  const length = entry.data.length;
  const data = length > 0 ? 1 + varintBytes(length) + length : 0;
  const type = entry.type === "EntryNormal" ? 0 : 2;
  return type + 1 + varintBytes(entry.term) + 1 + varintBytes(entry.index) + data;
}

export function encodedBytes(entries: readonly Entry[]): number {
  let total = 0;
  for (const entry of entries) total += encodedEntryBytes(entry);
  return total;
}

/**
 * The longest run of `entries[from, to)` whose encoded size is within `maxBytes`, but at least one entry: an entry larger than the
 * bound must still travel. Copies only what it returns.
 */
export function sliceWithinBytes(entries: readonly Entry[], from: number, to: number, maxBytes: number): readonly Entry[] {
  if (from >= to) return [];
  let size = encodedEntryBytes(entries[from]!);
  let end = from + 1;
  while (end < to) {
    size += encodedEntryBytes(entries[end]!);
    if (size > maxBytes) break;
    end++;
  }
  return entries.slice(from, end);
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest /= 128) bytes++;
  return bytes;
}
