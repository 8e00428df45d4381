/**
 * Chunks on this coordinator that Φ does not refer to: how long each has been so, and which are old enough to go. Kept apart from the disk.
 *
 * An upload is durable before its reference is proposed, so a chunk without a reference may be on its way into the log. U1 Its age counts from the
 * last time that anyone stored it, and only while this coordinator is connected under one leader: whoever holds such an upload is then answered
 * within seconds, or has lost its step. The count starts anew at reconnect, at election, and after the process itself stood still.
 */
export class Unreferred {
  private readonly since = new Map<string, number>();
  private readonly graceMs: number;
  private countedFromMs = 0;

  constructor(graceMs: number) {
    this.graceMs = graceMs;
  }

  get size(): number {
    return this.since.size;
  }

  /** Somebody stored it: whatever its age was, it may be about to be referred to. */
  stored(hash: string, nowMs: number): void {
    this.since.set(hash, nowMs);
  }

  /** It was found without a reference. */
  found(hash: string, nowMs: number): void {
    if (!this.since.has(hash)) this.since.set(hash, nowMs);
  }

  /** It is referred to, or gone. */
  forget(hash: string): void {
    this.since.delete(hash);
  }

  /** U1. */
  startAnew(nowMs: number): void {
    this.countedFromMs = nowMs;
  }

  isDue(hash: string, nowMs: number): boolean {
    const since = this.since.get(hash);
    return since !== undefined && nowMs - Math.max(since, this.countedFromMs) >= this.graceMs;
  }

  hashes(): readonly string[] {
    return [...this.since.keys()];
  }
}
