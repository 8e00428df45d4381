/**
 * The window of MsgApp sent to one follower and not yet acknowledged, bounded by messages and by bytes.
 * Kept apart from Progress because it is a plain ring with no knowledge of replication states.
 *
 * Invariants: entries are in ascending index order; count ≤ messagesMax; `bytes` is the sum over the ring. The byte bound may be
 * exceeded by the last message added, so that one message larger than the bound can still be sent.
 */
export class Inflights {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #start = 0;
  #count = 0;
  #bytes = 0;
  /** Last index of each message, and its payload bytes, at the same ring slot. Grows by doubling: most followers never fill it. */
  #lastIndexes: number[] = [];
  #sizes: number[] = [];

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  /** Records a message whose last entry is `lastIndex`. The caller has checked `full`. */
  add(lastIndex: number, sizeBytes: number): void {
    if (this.full) throw new Error("cannot add into a full inflights window");
    if (this.#count === this.#lastIndexes.length) this.#grow();
    const slot = (this.#start + this.#count) % this.#lastIndexes.length;
    this.#lastIndexes[slot] = lastIndex;
    this.#sizes[slot] = sizeBytes;
    this.#count++;
    this.#bytes += sizeBytes;
  }

  /** Frees every message whose last entry is at or below `index`. */
  freeUpTo(index: number): void {
    while (this.#count > 0 && this.#lastIndexes[this.#start]! <= index) {
      this.#bytes -= this.#sizes[this.#start]!;
      this.#start = (this.#start + 1) % this.#lastIndexes.length;
      this.#count--;
    }
  }

  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const doubled = this.#lastIndexes.length === 0 ? 1 : this.#lastIndexes.length * 2;
    const size = Math.min(doubled, this.#messagesMax);
    const lastIndexes = new Array<number>(size).fill(0);
    const sizes = new Array<number>(size).fill(0);
    for (let at = 0; at < this.#count; at++) {
      const slot = (this.#start + at) % this.#lastIndexes.length;
      lastIndexes[at] = this.#lastIndexes[slot]!;
      sizes[at] = this.#sizes[slot]!;
    }
    this.#start = 0;
    this.#lastIndexes = lastIndexes;
    this.#sizes = sizes;
  }
}
