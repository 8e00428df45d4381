/**
 * Verdicts of ensembles. The early stop is checked against brute force: every way in which the open members may still end, every answer
 * that a failed one might have given; and by scenarios of state.md 10.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { aggregate, type MemberVote, type Verdict, voteWeight } from "../../src/core/aggregation/aggregate.ts";

type Kind = "majority" | "weighted";
/** `?` open, `!` failed, anything else an answer. */
const members = (script: string, weights: readonly number[] = []): MemberVote[] =>
  script.split(" ").map((word, member) => ({
    member,
    agent: `agent-${member}`,
    output: word === "?" || word === "!" ? "" : word,
    weight: weights[member] ?? 1,
    state: word === "?" ? "open" : word === "!" ? "failed" : "finished",
  }));

/** The winning text where all is said: largest weight, then the lowest member. Members that failed have no say. */
function plainWinner(kind: Kind, votes: readonly MemberVote[]): string | null {
  const byWeight = kind === "weighted" && votes.some((vote) => vote.weight > 0);
  let winner: string | null = null;
  let most = -1;
  for (const vote of votes) {
    if (vote.state !== "finished") continue;
    const sum = votes.reduce((s, v) => s + (v.state === "finished" && v.output === vote.output ? (byWeight ? v.weight : 1) : 0), 0);
    if (sum > most) [winner, most] = [vote.output, sum];
  }
  return winner;
}

/** Every way in which the members in `state` may turn out, each as one of `endings`. */
function* turnouts(votes: readonly MemberVote[], state: MemberVote["state"], endings: readonly string[]): Generator<MemberVote[]> {
  const at = votes.findIndex((vote) => vote.state === state);
  if (at < 0) return yield [...votes];
  for (const ending of endings) {
    const turned: MemberVote = { ...votes[at]!, output: ending, state: ending === "!" ? "failed" : "finished" };
    // A failed member that stays silent is marked, so that it is not asked again.
    yield* turnouts(votes.with(at, turned), state, endings);
  }
}

/** Old answers, and two that nobody has given: more new ones than two can't do more than two. */
const answersOf = (votes: readonly MemberVote[]): string[] => [
  ...new Set([...votes.filter((vote) => vote.state === "finished").map((vote) => vote.output), "new", "newer"]),
];

/** Whether no answer of the missing members could put another text in front. */
function unshakeable(kind: Kind, votes: readonly MemberVote[]): boolean {
  const winner = plainWinner(kind, votes);
  if (winner === null) return false;
  const asked = votes.map((vote) => (vote.state === "finished" ? vote : ({ ...vote, state: "open" } as const)));
  const silent = [...answersOf(votes), "!"];
  for (const turned of turnouts(asked, "open", silent)) if (plainWinner(kind, turned) !== winner) return false;
  return true;
}

/** What waiting for all gives: the text, or null where the quorum was missed and the missing might have changed it. */
function waited(kind: Kind, votes: readonly MemberVote[], quorum: number): string | null {
  const answered = votes.filter((vote) => vote.state === "finished").length;
  return answered >= quorum || unshakeable(kind, votes) ? plainWinner(kind, votes) : null;
}

const textOf = (verdict: Verdict, votes: readonly MemberVote[]): string | null =>
  verdict.decided ? votes.find((vote) => vote.member === verdict.winner)!.output : null;

const voteOf = fc.record({
  state: fc.constantFrom("open" as const, "finished" as const, "failed" as const),
  output: fc.constantFrom("a", "b", "c"),
  weight: fc.integer({ min: 0, max: 4 }),
});
const ensemble = fc
  .array(voteOf, { minLength: 1, maxLength: 5 })
  .map((list) => list.map((vote, member): MemberVote => ({ ...vote, member, agent: `agent-${member}` })));
const kinds = fc.constantFrom("majority" as const, "weighted" as const);

test("exact early stop: decided if and only if every way to wait for all ends with the same text", () => {
  fc.assert(
    fc.property(kinds, ensemble, fc.integer({ min: 1, max: 5 }), (kind, votes, quorum) => {
      const wanted = Math.min(quorum, votes.length);
      const outcomes = new Set<string | null>();
      for (const turned of turnouts(votes, "open", [...answersOf(votes), "!"])) outcomes.add(waited(kind, turned, wanted));
      const [only] = outcomes;
      const verdict = aggregate(kind, votes, wanted, false);
      expect(textOf(verdict, votes)).toBe(outcomes.size === 1 ? only : null);
      if (!verdict.decided) expect(verdict.impossible).toBe(votes.every((vote) => vote.state !== "open"));
    }),
    { numRuns: 600 },
  );
});

test("complete means that nothing the missing could say would change the text; partial always names who is missing", () => {
  fc.assert(
    fc.property(kinds, ensemble, fc.integer({ min: 1, max: 5 }), fc.boolean(), (kind, votes, quorum, closing) => {
      const verdict = aggregate(kind, votes, Math.min(quorum, votes.length), closing);
      if (!verdict.decided) return;
      expect(verdict.complete).toBe(unshakeable(kind, votes));
      const absent = votes.filter((vote) => vote.state !== "finished").map((vote) => vote.member);
      expect(verdict.missing).toEqual(verdict.complete ? [] : absent);
      expect(verdict.agreement).toBeGreaterThan(0);
      expect(verdict.agreement).toBeLessThanOrEqual(1);
    }),
    { numRuns: 600 },
  );
});

test("at the deadline: the same text as of those who answered, if the quorum is there, else none", () => {
  fc.assert(
    fc.property(kinds, ensemble, fc.integer({ min: 1, max: 5 }), (kind, votes, quorum) => {
      const wanted = Math.min(quorum, votes.length);
      const verdict = aggregate(kind, votes, wanted, true);
      const closed = votes.map((vote) => (vote.state === "open" ? ({ ...vote, state: "failed" } as const) : vote));
      expect(textOf(verdict, votes)).toBe(waited(kind, closed, wanted));
      if (!verdict.decided) expect(verdict.impossible).toBe(true);
    }),
    { numRuns: 600 },
  );
});

test("the order in which members are passed does not matter, and nothing is changed", () => {
  fc.assert(
    fc.property(kinds, ensemble, fc.integer(), fc.boolean(), (kind, votes, seed, closing) => {
      const shuffled = votes.toSorted((a, b) => ((a.member * 7 + seed) % 5) - ((b.member * 7 + seed) % 5));
      const copy = structuredClone(shuffled);
      expect(aggregate(kind, shuffled, votes.length, closing)).toEqual(aggregate(kind, votes, votes.length, closing));
      expect(shuffled).toEqual(copy);
    }),
  );
});

test("two of three that agree decide at once, the third may do what it likes", () => {
  const complete = { decided: true, agreement: 1, complete: true, missing: [] };
  expect(aggregate("majority", members("x x ?"), 3, false)).toEqual({ ...complete, winner: 0 });
  expect(aggregate("majority", members("? x x"), 3, false)).toEqual({ ...complete, winner: 1 });
  expect(aggregate("majority", members("x ? ?"), 3, false)).toEqual({ decided: false, impossible: false });
  expect(aggregate("majority", members("x y ?"), 3, false)).toEqual({ decided: false, impossible: false });
});

test("weighted by log odds: one voter of .95 outweighs two of .6, and decides before they have spoken", () => {
  const weights = [0.95, 0.6, 0.6].map(voteWeight);
  expect(aggregate("weighted", members("left ? ?", weights), 3, false)).toMatchObject({ decided: true, winner: 0, complete: true });
  expect(aggregate("weighted", members("? right right", weights), 3, false)).toEqual({ decided: false, impossible: false });
  expect(aggregate("weighted", members("left right right", weights), 3, false)).toMatchObject({ winner: 0 });
  expect(aggregate("majority", members("left right right", weights), 3, false)).toMatchObject({ winner: 1, agreement: 2 / 3 });
});

test("a tie goes to the group whose lowest member is lowest", () => {
  expect(aggregate("majority", members("b a a b"), 4, false)).toMatchObject({ winner: 0, agreement: 0.5 });
  expect(aggregate("majority", members("c a b"), 3, false)).toMatchObject({ winner: 0 });
  expect(aggregate("weighted", members("a b c", [1, 2, 1]), 3, false)).toMatchObject({ winner: 1 });
  // A tie that is still open for a lower member is not decided: member 0 could bring its own answer level.
  expect(aggregate("majority", members("? a"), 2, false)).toMatchObject({ decided: false });
  expect(aggregate("majority", members("a ?"), 2, false)).toMatchObject({ decided: true, winner: 0 });
});

test("weights that are all zero count heads", () => {
  expect(aggregate("weighted", members("a b b", [0, 0, 0]), 3, false)).toMatchObject({ winner: 1, agreement: 2 / 3 });
  // One weight is enough to weigh by; where those who answered have none, the lowest wins and heads tell the agreement.
  expect(aggregate("weighted", members("b a a !", [0, 0, 0, 5]), 3, false)).toMatchObject({ winner: 0, agreement: 1 / 3, missing: [3] });
});

test("answers are equal after NFC and trim, and not by case or inner space", () => {
  expect(aggregate("majority", members("x caf\u00e9 cafe\u0301"), 3, false)).toMatchObject({ winner: 1 });
  const spaced = members("x y y").map((vote) => ({ ...vote, output: vote.member === 2 ? "\n y\t" : vote.output }));
  expect(aggregate("majority", spaced, 3, false)).toMatchObject({ winner: 1, agreement: 2 / 3 });
  expect(aggregate("majority", members("x y Y"), 3, false)).toMatchObject({ winner: 0, agreement: 1 / 3 });
});

test("first: whoever finishes, whatever the quorum; nobody: never", () => {
  expect(aggregate("first", members("? ? z"), 3, false)).toEqual({ decided: true, winner: 2, agreement: 1, complete: true, missing: [] });
  expect(aggregate("first", members("! ? !"), 1, false)).toEqual({ decided: false, impossible: false });
  expect(aggregate("first", members("! ! !"), 1, false)).toEqual({ decided: false, impossible: true });
  expect(aggregate("first", members("? ? !"), 1, true)).toEqual({ decided: false, impossible: true });
});

test("failures and the quorum: two of two answers are enough for two, not for three", () => {
  expect(aggregate("majority", members("a b !"), 2, false)).toMatchObject({ decided: true, winner: 0, complete: false, missing: [2] });
  expect(aggregate("majority", members("a b !"), 3, false)).toEqual({ decided: false, impossible: true });
  expect(aggregate("majority", members("a a !"), 3, false)).toMatchObject({ decided: true, complete: true });
  expect(aggregate("majority", members("a ! !"), 2, false)).toEqual({ decided: false, impossible: true });
  expect(aggregate("majority", members("! ! !"), 1, false)).toEqual({ decided: false, impossible: true });
});

test("the deadline decides on a quorum and says who is missing", () => {
  expect(aggregate("majority", members("a b ? ?"), 2, false)).toEqual({ decided: false, impossible: false });
  expect(aggregate("majority", members("a b ? ?"), 2, true)).toMatchObject({ decided: true, winner: 0, complete: false, missing: [2, 3] });
  expect(aggregate("majority", members("a b ? ?"), 3, true)).toEqual({ decided: false, impossible: true });
});

test("the weight of a vote: 0 for a coin or worse, the log odds in 1/1024, 3 at most", () => {
  for (const quality of [0, 0.3, 0.5, Number.NaN, -1]) expect(voteWeight(quality)).toBe(0);
  expect(voteWeight(0.6)).toBe(415);
  expect(voteWeight(0.95)).toBe(3015);
  for (const quality of [0.96, 0.999999, 1, 2]) expect(voteWeight(quality)).toBe(3072);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (p, q) => {
      expect(Number.isInteger(voteWeight(p))).toBe(true);
      if (p >= q) expect(voteWeight(p)).toBeGreaterThanOrEqual(voteWeight(q));
    }),
  );
});
