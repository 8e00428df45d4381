/**
 * The newest entries of the log in memory, so that replication and apply read no disk. Bounded in bytes; what has not been written yet
 * is never evicted, because nothing else holds it.
 *
 * (W1) The entries are consecutive and end at the log's last index. (W2) `evictableTo` is at most the last index written to the files.
 */
import { sliceWithinBytes } from "../../core/raft/entry-size.ts";
import type { Entry } from "../../core/raft/types.ts";

export class EntryWindow {
  readonly #bytesMax: number;
  #entries: Entry[] = [];
  /** Entries before this position are evicted; the array is compacted only now and then, so that eviction costs no copy each time. */
  #head = 0;
  #bytes = 0;
  #evictableTo = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Index of the first entry held; undefined when none is. */
  get first(): number | undefined {
    return this.#entries[this.#head]?.index;
  }

  append(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
  }

  truncateFrom(index: number): void {
    for (
      let last = this.#entries.at(-1);
      this.#entries.length > this.#head && last !== undefined && last.index >= index;
      last = this.#entries.at(-1)
    ) {
      this.#bytes -= last.data.length;
      this.#entries.pop();
    }
    this.#evictableTo = Math.min(this.#evictableTo, index - 1);
  }

  /** Forgets entries below `index`, which the log has cut. */
  dropBefore(index: number): void {
    for (let entry = this.#entries[this.#head]; entry !== undefined && entry.index < index; entry = this.#entries[this.#head]) {
      this.#bytes -= entry.data.length;
      this.#head++;
    }
    this.#compact();
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  /** Everything up to `index` is in the files now. */
  written(index: number): void {
    this.#evictableTo = index;
    while (this.#bytes > this.#bytesMax) {
      const entry = this.#entries[this.#head];
      if (entry === undefined || entry.index > this.#evictableTo) break;
      this.#bytes -= entry.data.length;
      this.#head++;
    }
    this.#compact();
  }

  #compact(): void {
    if (this.#head <= 1024 || this.#head * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  /** Entries [low, high) as far as `maxBytes` allow, at least one. All of them must be held. */
  read(low: number, high: number, maxBytes: number): readonly Entry[] {
    const shift = this.#head - (this.first ?? high);
    return sliceWithinBytes(this.#entries, low + shift, high + shift, maxBytes);
  }
}
