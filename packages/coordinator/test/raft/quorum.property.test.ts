/** The fast quorum arithmetic against dumb second versions, on random configurations. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  jointCommittedIndex,
  jointVoteResult,
  majorityCommittedIndex,
  majorityVoteResult,
  type VoteResult,
} from "../../src/core/raft/quorum.ts";

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 9 }).map((list) => list.sort((a, b) => a - b));
const acknowledgements = fc.dictionary(fc.integer({ min: 1, max: 12 }).map(String), fc.integer({ min: 0, max: 9 }));
const votes = fc.dictionary(fc.integer({ min: 1, max: 12 }).map(String), fc.boolean());

/** All subsets of more than half of the voters, by counting. */
function majorities(voters: readonly number[]): number[][] {
  const subsets: number[][] = [[]];
  for (const id of voters) subsets.push(...subsets.map((set) => [...set, id]));
  return subsets.filter((set) => set.length * 2 > voters.length);
}

/** The highest index such that every member of some majority has acknowledged it. */
function bruteCommitted(voters: readonly number[], acknowledged: (id: number) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  return Math.max(...majorities(voters).map((set) => Math.min(...set.map(acknowledged))));
}

/** Won if some majority granted, lost if none can any more. */
function bruteVote(voters: readonly number[], cast: (id: number) => boolean | undefined): VoteResult {
  if (voters.length === 0) return "VoteWon";
  if (majorities(voters).some((set) => set.every((id) => cast(id) === true))) return "VoteWon";
  return majorities(voters).some((set) => set.every((id) => cast(id) !== false)) ? "VotePending" : "VoteLost";
}

describe("quorum arithmetic", () => {
  it("finds the index that some majority acknowledged", () => {
    fc.assert(
      fc.property(ids, acknowledgements, (voters, table) => {
        const fast = majorityCommittedIndex(voters, (id) => table[id]);
        expect(fast).toBe(bruteCommitted(voters, (id) => table[id] ?? 0));
      }),
      { numRuns: 2_000 },
    );
  });

  it("finds the lower of two majorities' indexes, in either order", () => {
    fc.assert(
      fc.property(ids, ids, acknowledgements, (incoming, outgoing, table) => {
        const acknowledged = (id: number) => table[id];
        const fast = jointCommittedIndex(incoming, outgoing, acknowledged);
        const brute = Math.min(...[incoming, outgoing].map((voters) => bruteCommitted(voters, (id) => table[id] ?? 0)));
        expect(fast).toBe(brute);
        expect(jointCommittedIndex(outgoing, incoming, acknowledged)).toBe(fast);
      }),
      { numRuns: 1_000 },
    );
  });

  it("decides votes as soon as, and only when, they are decided", () => {
    fc.assert(
      fc.property(ids, votes, (voters, table) => {
        expect(majorityVoteResult(voters, (id) => table[id])).toBe(bruteVote(voters, (id) => table[id]));
      }),
      { numRuns: 2_000 },
    );
  });

  it("wins joint votes only in both halves and loses them in either", () => {
    fc.assert(
      fc.property(ids, ids, votes, (incoming, outgoing, table) => {
        const halves = [incoming, outgoing].map((voters) => bruteVote(voters, (id) => table[id]));
        const expected = halves.includes("VoteLost") ? "VoteLost" : halves.includes("VotePending") ? "VotePending" : "VoteWon";
        expect(jointVoteResult(incoming, outgoing, (id) => table[id])).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });
});
