/** RaftLog (storage and unstable entries joined) against a dumb model: one array of terms. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryStorage } from "../../src/core/raft/memory-storage.ts";
import { RaftLog } from "../../src/core/raft/raft-log.ts";
import type { Entry } from "../../src/core/raft/types.ts";
import { bytes } from "./raft-network.ts";

/** An append as some leader might send it, with numbers that the run turns into legal ones. */
interface AppendCommand {
  readonly kind: "append";
  readonly back: number;
  readonly count: number;
  readonly higherTerm: boolean;
  readonly wrongPrevious: boolean;
  readonly commitBack: number;
}
type Command =
  | AppendCommand
  /** Replays entries the log has already: a duplicated or late message. */
  | { readonly kind: "repeat"; readonly from: number; readonly count: number }
  | { readonly kind: "handToStorage" }
  /** Storage answers the oldest (or a newer) write, whatever became of its entries. */
  | { readonly kind: "stable"; readonly which: number }
  | { readonly kind: "compact"; readonly share: number };

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant("append" as const),
    back: fc.nat(5),
    count: fc.nat(4),
    higherTerm: fc.boolean(),
    wrongPrevious: fc.boolean(),
    commitBack: fc.nat(6),
  }),
  fc.record({ kind: fc.constant("repeat" as const), from: fc.nat(10), count: fc.nat(4) }),
  fc.record({ kind: fc.constant("handToStorage" as const) }),
  fc.record({ kind: fc.constant("stable" as const), which: fc.nat(3) }),
  fc.record({ kind: fc.constant("compact" as const), share: fc.nat(10) }),
);

class ModelRun {
  readonly storage = new MemoryStorage();
  readonly log = new RaftLog(this.storage, Number.POSITIVE_INFINITY, undefined);
  /** terms[i] is the term at index i; index 0 is the empty log's. */
  terms: number[] = [0];
  committed = 0;
  term = 1;
  readonly writes: Entry[][] = [];

  run(step: Command): void {
    switch (step.kind) {
      case "append":
        this.append(step);
        return;
      case "repeat":
        this.repeat(step.from, step.count);
        return;
      case "handToStorage": {
        const entries = [...this.log.unstable.nextEntries()];
        if (entries.length > 0) this.writes.push(entries);
        this.log.unstable.acceptInProgress();
        return;
      }
      case "stable":
        this.stable(step.which);
        return;
      case "compact": {
        // Only what is applied is cut, and only what storage holds is applied: an entry that a later leader has replaced is neither.
        const index = Math.floor((Math.min(this.committed, this.storedOfLog()) * step.share) / 10);
        if (index >= this.storage.firstIndex()) this.storage.compact(index);
        return;
      }
    }
  }

  /** The last index up to which storage holds the log as it is now, and not what a conflict has replaced meanwhile. */
  storedOfLog(): number {
    let index = this.storage.firstIndex() - 1;
    while (index < Math.min(this.storage.lastIndex(), this.terms.length - 1) && this.storage.term(index + 1) === this.terms[index + 1])
      index++;
    return index;
  }

  append(step: AppendCommand): void {
    if (step.higherTerm) this.term++;
    const previous = Math.max(this.committed, this.terms.length - 1 - step.back);
    // A leader never changes what it once wrote in its term, so different entries come only with a higher term.
    const conflicts = previous < this.terms.length - 1 && !step.higherTerm;
    if (conflicts) return;
    const entries = Array.from({ length: step.count }, (_, at) => entry(previous + 1 + at, this.term));
    const logTerm = this.terms[previous]! + (step.wrongPrevious ? 1_000 : 0);
    const lastNew = previous + step.count;
    const commit = Math.max(0, lastNew + 2 - step.commitBack);
    const result = this.log.maybeAppend({ index: previous, term: logTerm }, entries, commit);
    if (step.wrongPrevious) {
      expect(result).toBeUndefined();
      return;
    }
    expect(result).toBe(lastNew);
    // Nothing to append means nothing to cut off.
    if (entries.length > 0) this.terms = [...this.terms.slice(0, previous + 1), ...entries.map((one) => one.term)];
    this.committed = Math.max(this.committed, Math.min(commit, lastNew));
  }

  repeat(from: number, count: number): void {
    const previous = Math.min(this.terms.length - 1, Math.max(this.storage.firstIndex() - 1, from));
    const known = this.terms.slice(previous + 1, previous + 1 + count);
    const entries = known.map((term, at) => entry(previous + 1 + at, term));
    const result = this.log.maybeAppend({ index: previous, term: this.terms[previous]! }, entries, 0);
    expect(result).toBe(previous + entries.length);
  }

  stable(which: number): void {
    // Writes are done in order; answers may come for several at once.
    const done = this.writes.splice(0, which + 1);
    for (const entries of done) {
      this.storage.append(entries);
      const last = entries.at(-1)!;
      this.log.unstable.stableTo(last.index, last.term);
    }
  }

  check(): void {
    expect(this.log.lastIndex()).toBe(this.terms.length - 1);
    expect(this.log.committed).toBe(this.committed);
    for (let index = this.log.firstIndex() - 1; index < this.terms.length; index++) {
      expect(this.log.term(index)).toBe(this.terms[index]);
    }
    expect(this.log.term(this.terms.length)).toBeUndefined();
    const first = this.log.firstIndex();
    if (first > this.terms.length - 1) return;
    const all = this.log.slice(first, this.terms.length, Number.POSITIVE_INFINITY);
    expect(all.kind === "entries" && all.entries.map((one) => [one.index, one.term])).toEqual(
      this.terms.slice(first).map((term, at) => [first + at, term]),
    );
    // One byte of room still gives one entry, and no more.
    const one = this.log.slice(first, this.terms.length, 1);
    expect(one.kind === "entries" && one.entries.length).toBe(1);
  }
}

function entry(index: number, term: number): Entry {
  return { index, term, type: "EntryNormal", data: bytes(`${term}/${index}`) };
}

/** A stored entry is replaced and the new one committed before it is stored; then the log is cut. Found by a random run. */
const REPLACED_THEN_CUT: [Command[]] = [
  [
    { kind: "append", back: 0, count: 1, higherTerm: false, wrongPrevious: false, commitBack: 3 },
    { kind: "handToStorage" },
    { kind: "stable", which: 0 },
    { kind: "append", back: 1, count: 1, higherTerm: true, wrongPrevious: false, commitBack: 0 },
    { kind: "compact", share: 10 },
    { kind: "handToStorage" },
    { kind: "stable", which: 0 },
  ],
];

describe("RaftLog", () => {
  it("is one log, whatever part of it storage holds, through appends, conflicts, late writes and compaction", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (steps) => {
        const run = new ModelRun();
        for (const step of steps) {
          run.run(step);
          run.check();
        }
      }),
      { numRuns: 500, examples: [REPLACED_THEN_CUT] },
    );
  });

  it("hints at the last index that can match, never above what was asked", () => {
    const ascending = fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }).map((steps) => {
      let term = 1;
      return steps.map((step) => {
        term += step > 1 ? step - 1 : 0;
        return term;
      });
    });
    fc.assert(
      fc.property(ascending, fc.nat(14), fc.nat(12), (terms, index, term) => {
        const log = new RaftLog(new MemoryStorage(), Number.POSITIVE_INFINITY, undefined);
        log.append(terms.map((one, at) => entry(at + 1, one)));
        const start = Math.min(index, log.lastIndex());
        const hint = log.findConflictByTerm(start, term);
        const brute = [0, ...terms].findLastIndex((one, at) => at <= start && one <= term);
        expect(hint.index).toBe(brute);
        expect(hint.term).toBe(brute === 0 ? 0 : terms[brute - 1]);
      }),
      { numRuns: 1_000 },
    );
  });
});
