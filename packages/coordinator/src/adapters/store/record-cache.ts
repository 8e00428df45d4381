/** Decoded records in memory, bounded by the bytes that they were stored in; the oldest go first. Kept apart from what is cached and why. */
import type { StateRecord } from "../../core/state/records.ts";

/** A decoded record takes a few times its bytes in the heap; with this bound a coordinator's cache stays in the tens of megabytes. */
const BYTES_MAX: number = 24 * 1024 * 1024;
/** What an entry costs beside the record: key, map slot, object header. */
const ENTRY_BYTES = 160;

interface Cached {
  readonly record: StateRecord;
  readonly bytes: number;
}

export class RecordCache {
  private readonly records = new Map<string, Cached>();
  private readonly bytesMax: number;
  private total = 0;

  constructor(bytesMax: number = BYTES_MAX) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.total;
  }

  get(key: string): StateRecord | undefined {
    return this.records.get(key)?.record;
  }

  /** @param storedBytes length of the record's canonical form. */
  set(key: string, record: StateRecord, storedBytes: number): void {
    this.delete(key);
    const bytes = storedBytes + key.length + ENTRY_BYTES;
    this.records.set(key, { record, bytes });
    this.total += bytes;
    for (const oldest of this.records.keys()) {
      if (this.total <= this.bytesMax) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const before = this.records.get(key);
    if (before === undefined) return;
    this.total -= before.bytes;
    this.records.delete(key);
  }

  clear(): void {
    this.records.clear();
    this.total = 0;
  }
}
