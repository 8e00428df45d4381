/**
 * A broken invariant of the core: corrupted or lost storage, or a bug. The node must stop at once, because going on could answer
 * from a log that no majority holds.
 */
export class RaftInvariantError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = "RaftInvariantError";
  }
}

export function invariant(condition: boolean, detail: () => string): asserts condition {
  if (!condition) throw new RaftInvariantError(detail());
}
