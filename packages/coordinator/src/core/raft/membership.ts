/**
 * A configuration: who votes, who learns, and whether two voter sets are joined. A value, never changed in place.
 * Kept apart from Progress (how members are doing) and from the changer (how one configuration follows from another).
 *
 * Invariants, checked by {@link membershipViolation}: all lists ascending without duplicates; a learner is in neither voter set; a
 * member of `learnersNext` is in `outgoing`; outside joint configurations `outgoing` and `learnersNext` are empty and `autoLeave` is false.
 */
import type { ConfState } from "./types.ts";

export interface Membership {
  /** The voters; in a joint configuration the new ones. */
  readonly incoming: readonly number[];
  /** The old voters of a joint configuration, else empty. */
  readonly outgoing: readonly number[];
  readonly learners: readonly number[];
  /** Old voters that become learners when the joint configuration is left; they cannot be both at once. */
  readonly learnersNext: readonly number[];
  /** The leader proposes to leave the joint configuration by itself. */
  readonly autoLeave: boolean;
}

export const EMPTY_MEMBERSHIP: Membership = { incoming: [], outgoing: [], learners: [], learnersNext: [], autoLeave: false };

export function isJoint(membership: Membership): boolean {
  return membership.outgoing.length > 0;
}

/** Members of either voter set, ascending. */
export function voterIds(membership: Membership): readonly number[] {
  if (!isJoint(membership)) return membership.incoming;
  return membership.outgoing.reduce(withId, membership.incoming);
}

export function hasVoter(membership: Membership, id: number): boolean {
  return membership.incoming.includes(id) || membership.outgoing.includes(id);
}

/** The list with `id` in its place; the same list when it is there already. */
export function withId(ids: readonly number[], id: number): readonly number[] {
  if (ids.includes(id)) return ids;
  const at = ids.findIndex((other) => other > id);
  return at < 0 ? [...ids, id] : [...ids.slice(0, at), id, ...ids.slice(at)];
}

export function withoutId(ids: readonly number[], id: number): readonly number[] {
  return ids.includes(id) ? ids.filter((other) => other !== id) : ids;
}

export function confStateOf(membership: Membership): ConfState {
  return {
    voters: membership.incoming,
    learners: membership.learners,
    votersOutgoing: membership.outgoing,
    learnersNext: membership.learnersNext,
    autoLeave: membership.autoLeave,
  };
}

/** Equality of conf states as sets: stored ones need not be in order. */
export function confStatesEquivalent(one: ConfState, other: ConfState): boolean {
  return (
    sameIds(one.voters, other.voters) &&
    sameIds(one.learners, other.learners) &&
    sameIds(one.votersOutgoing, other.votersOutgoing) &&
    sameIds(one.learnersNext, other.learnersNext) &&
    one.autoLeave === other.autoLeave
  );
}

/** Why the configuration is malformed, or undefined. `isTrackedLearner` is undefined for ids without progress. */
export function membershipViolation(membership: Membership, isTrackedLearner: (id: number) => boolean | undefined): string | undefined {
  for (const id of [...voterIds(membership), ...membership.learners, ...membership.learnersNext]) {
    if (isTrackedLearner(id) === undefined) return `no progress for ${id}`;
  }
  for (const id of membership.learnersNext) {
    if (!membership.outgoing.includes(id)) return `${id} is in LearnersNext, but not Voters[1]`;
    if (isTrackedLearner(id)) return `${id} is in LearnersNext, but is already marked as learner`;
  }
  for (const id of membership.learners) {
    if (membership.outgoing.includes(id)) return `${id} is in Learners and Voters[1]`;
    if (membership.incoming.includes(id)) return `${id} is in Learners and Voters[0]`;
    if (!isTrackedLearner(id)) return `${id} is in Learners, but is not marked as learner`;
  }
  if (!isJoint(membership)) {
    if (membership.learnersNext.length > 0) return "LearnersNext must be empty when not joint";
    if (membership.autoLeave) return "AutoLeave must be false when not joint";
  }
  return undefined;
}

/** etcd's notation, e.g. `voters=(1 2 3)&&(1 2) learners=(4) autoleave`. */
export function describeMembership(membership: Membership): string {
  let text = `voters=${describeIds(membership.incoming)}`;
  if (isJoint(membership)) text += `&&${describeIds(membership.outgoing)}`;
  if (membership.learners.length > 0) text += ` learners=${describeIds(membership.learners)}`;
  if (membership.learnersNext.length > 0) text += ` learners_next=${describeIds(membership.learnersNext)}`;
  if (membership.autoLeave) text += " autoleave";
  return text;
}

function describeIds(ids: readonly number[]): string {
  return `(${ids.map((id) => id.toString(16)).join(" ")})`;
}

function sameIds(one: readonly number[], other: readonly number[]): boolean {
  const left = [...new Set(one)].sort((a, b) => a - b);
  const right = [...new Set(other)].sort((a, b) => a - b);
  return left.length === right.length && left.every((id, at) => id === right[at]);
}
