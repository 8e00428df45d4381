/**
 * Majority arithmetic over one voter set or a joint pair, over ascending id lists.
 * Kept apart from the tracker so that it can be checked against a second, dumb computation.
 *
 * Invariant: a joint decision holds only if both majorities agree; an empty set agrees to everything, which makes a joint pair
 * with an empty half equal to the other half.
 */

export type VoteResult = "VotePending" | "VoteLost" | "VoteWon";

/** Index a voter has acknowledged; undefined when unknown, which counts as 0. */
export type AcknowledgedIndex = (voter: number) => number | undefined;
/** How a voter voted; undefined when it has not. */
export type CastVote = (voter: number) => boolean | undefined;

export function majoritySize(voterCount: number): number {
  return (voterCount - (voterCount % 2)) / 2 + 1;
}

/** Highest index acknowledged by a majority of `voters`; Infinity when there are none. */
export function majorityCommittedIndex(voters: readonly number[], acknowledged: AcknowledgedIndex): number {
  const count = voters.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  // Insertion sort into descending order: voter sets are small, and this runs for every acknowledgement.
  const descending: number[] = [];
  for (const voter of voters) {
    const index = acknowledged(voter) ?? 0;
    let at = descending.length;
    descending.push(index);
    while (at > 0 && descending[at - 1]! < index) {
      descending[at] = descending[at - 1]!;
      at--;
    }
    descending[at] = index;
  }
  return descending[majoritySize(count) - 1]!;
}

/** Highest index acknowledged by a majority of both sets. */
export function jointCommittedIndex(incoming: readonly number[], outgoing: readonly number[], acknowledged: AcknowledgedIndex): number {
  const first = majorityCommittedIndex(incoming, acknowledged);
  if (outgoing.length === 0) return first;
  const second = majorityCommittedIndex(outgoing, acknowledged);
  return Math.min(first, second);
}

export function majorityVoteResult(voters: readonly number[], cast: CastVote): VoteResult {
  if (voters.length === 0) return "VoteWon";
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = cast(voter);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const needed = majoritySize(voters.length);
  if (granted >= needed) return "VoteWon";
  return granted + missing >= needed ? "VotePending" : "VoteLost";
}

export function jointVoteResult(incoming: readonly number[], outgoing: readonly number[], cast: CastVote): VoteResult {
  const first = majorityVoteResult(incoming, cast);
  const second = majorityVoteResult(outgoing, cast);
  if (first === second) return first;
  // One lost half loses the vote whatever the other half does.
  return first === "VoteLost" || second === "VoteLost" ? "VoteLost" : "VotePending";
}
