/**
 * The verdict on an ensemble: which members' answer stands, as soon as nothing that can still come would change it (theory.md 5, state.md 10).
 * Called by apply at each partial, with all members; integers only. Kept apart from what follows: closing the step, merging the winner's facts.
 *
 * Equal answers are equal texts after NFC and trim; they form a group. The group of the largest weight wins, on a tie the one whose lowest
 * member is lowest. The winner is the lowest member of that group that has answered when the verdict falls.
 *
 * Invariants:
 * A1 Exact early stop: decided if and only if every way in which the open members may still end (any answer, or failure) gives the same
 *    winning text. So a verdict never differs from that of waiting for all.
 * A2 `complete` only where not even an answer of the missing members could change the winning text: partial is never shown as complete.
 * A3 The quorum counts answers. An incomplete verdict stands on at least that many; a complete one needs no more than it has.
 */
export { voteWeight } from "./vote-weight.ts";

export interface MemberVote {
  readonly member: number;
  readonly agent: string;
  /** Counts only where `finished`. */
  readonly output: string;
  /** Integer ≥ 0; used by `weighted`. */
  readonly weight: number;
  readonly state: "open" | "finished" | "failed";
}

export type Verdict =
  | {
      readonly decided: false;
      /** Nothing that can still come would decide it: the quorum is out of reach, or the time is over. */
      readonly impossible: boolean;
    }
  | {
      readonly decided: true;
      readonly winner: number;
      /** The winning group's share of the weight that has answered, in (0, 1]. */
      readonly agreement: number;
      readonly complete: boolean;
      /** Members without an answer, ascending, where the verdict is not complete; else empty. */
      readonly missing: readonly number[];
    };

interface Group {
  /** Members with this answer, and the lowest of them. */
  readonly members: number;
  readonly lowest: number;
  readonly weight: number;
}

/**
 * @param quorum answers on which a verdict must stand when others are missing; `first` needs one.
 * @param closing the deadline has come: decide on what is there, if the quorum is, else never.
 */
export function aggregate(
  kind: "first" | "majority" | "weighted",
  members: readonly MemberVote[],
  quorum: number,
  closing: boolean,
): Verdict {
  const votes = members.toSorted((a, b) => a.member - b.member);
  const finished = votes.filter((vote) => vote.state === "finished");
  const open = votes.filter((vote) => vote.state === "open");
  const missing = votes.filter((vote) => vote.state !== "finished");
  const over = closing || open.length === 0;
  const first = finished[0];
  if (first === undefined) return { decided: false, impossible: over };
  if (kind === "first") return { decided: true, winner: first.member, agreement: 1, complete: true, missing: [] };

  // Where nobody's weight is above zero there is nothing to weigh by: each counts one. Weights are fixed when members are assigned.
  const weighted = kind === "weighted" && votes.some((vote) => vote.weight > 0);
  const weightOf = (vote: MemberVote): number => (weighted ? vote.weight : 1);
  const groups = groupsOf(finished, weightOf);
  const leader = groups.reduce((best, group) => (ahead(group, best) ? group : best));

  const complete = !canOvertake(leader, groups, missing, weightOf);
  const stands = finished.length >= quorum && (over || !canOvertake(leader, groups, open, weightOf));
  if (!complete && !stands) return { decided: false, impossible: over };
  return {
    decided: true,
    winner: leader.lowest,
    agreement: shareOf(leader, groups),
    complete,
    missing: complete ? [] : missing.map((vote) => vote.member),
  };
}

/** The text by which outputs are compared. Unicode keeps NFC stable for the characters that a version knows; all coordinators run the same. */
function answerOf(vote: MemberVote): string {
  return vote.output.normalize("NFC").trim();
}

/** In ascending order of their lowest members, since votes come in that order. */
function groupsOf(finished: readonly MemberVote[], weightOf: (vote: MemberVote) => number): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const vote of finished) {
    const answer = answerOf(vote);
    const group = groups.get(answer) ?? { members: 0, lowest: vote.member, weight: 0 };
    groups.set(answer, { members: group.members + 1, lowest: group.lowest, weight: group.weight + weightOf(vote) });
  }
  return [...groups.values()];
}

function ahead(group: Group, other: Group): boolean {
  return group.weight > other.weight || (group.weight === other.weight && group.lowest < other.lowest);
}

/** Whether answers of `others` could put another text in front: the worst case is that all of them say the same, old or new. */
function canOvertake(
  leader: Group,
  groups: readonly Group[],
  others: readonly MemberVote[],
  weightOf: (vote: MemberVote) => number,
): boolean {
  const lowestOther = others[0]?.member;
  if (lowestOther === undefined) return false;
  let weight = 0;
  for (const vote of others) weight += weightOf(vote);
  const joined = (group: Group): Group => ({
    members: group.members + others.length,
    lowest: Math.min(group.lowest, lowestOther),
    weight: group.weight + weight,
  });
  const newcomer: Group = { members: others.length, lowest: lowestOther, weight };
  return ahead(newcomer, leader) || groups.some((group) => group !== leader && ahead(joined(group), leader));
}

/** By weight; by heads where all who answered weigh nothing. */
function shareOf(leader: Group, groups: readonly Group[]): number {
  let weight = 0;
  let members = 0;
  for (const group of groups) {
    weight += group.weight;
    members += group.members;
  }
  return weight > 0 ? leader.weight / weight : leader.members / members;
}
