/**
 * Computes the configuration that follows from another by a change: `simple`, `enterJoint`, `leaveJoint`, and `restore` from a
 * stored conf state. Pure: it works on copies, and a refused change leaves nothing behind.
 *
 * Invariants: a simple change moves at most one voter, so that old and new majorities intersect; a joint configuration is entered only
 * from a simple one and left only to a simple one; a voter demoted while joint stays a voter until the joint configuration is left.
 */
import type { ConfChangeSingle } from "./conf-change.ts";
import type { Membership } from "./membership.ts";
import { EMPTY_MEMBERSHIP, isJoint, membershipViolation, withId, withoutId } from "./membership.ts";
import type { Progress } from "./progress.ts";
import type { ProgressTracker } from "./progress-tracker.ts";
import type { ConfState } from "./types.ts";

/** Why a change cannot be applied to the current configuration. */
export class ConfChangeError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "ConfChangeError";
  }
}

export interface ChangedMembership {
  readonly membership: Membership;
  readonly progress: ReadonlyMap<number, Progress>;
}

export class MembershipChanger {
  readonly #newProgress: (isLearner: boolean) => Progress;
  readonly #before: Membership;
  #incoming: readonly number[];
  #outgoing: readonly number[];
  #learners: readonly number[];
  #learnersNext: readonly number[];
  readonly #progress = new Map<number, Progress>();

  /** A changer is good for one change. `lastIndex` is where probing of new members starts. */
  constructor(tracker: ProgressTracker, current: ChangedMembership, lastIndex: number) {
    this.#newProgress = (isLearner) => {
      const progress = tracker.newProgress(0, Math.max(lastIndex, 1), isLearner);
      // A new member counts as heard from, or the next quorum check could depose the leader before it can answer.
      progress.recentActive = true;
      return progress;
    };
    this.#before = current.membership;
    this.#incoming = current.membership.incoming;
    this.#outgoing = current.membership.outgoing;
    this.#learners = current.membership.learners;
    this.#learnersNext = current.membership.learnersNext;
    for (const [id, progress] of current.progress) this.#progress.set(id, progress.clone());
    this.#finish(current.membership.autoLeave);
  }

  simple(changes: readonly ConfChangeSingle[]): ChangedMembership {
    if (isJoint(this.#before)) throw new ConfChangeError("can't apply simple config change in joint config");
    this.#apply(changes);
    if (symmetricDifference(this.#before.incoming, this.#incoming) > 1) {
      throw new ConfChangeError("more than one voter changed without entering joint config");
    }
    return this.#finish(false);
  }

  enterJoint(autoLeave: boolean, changes: readonly ConfChangeSingle[]): ChangedMembership {
    if (isJoint(this.#before)) throw new ConfChangeError("config is already joint");
    if (this.#incoming.length === 0) throw new ConfChangeError("can't make a zero-voter config joint");
    this.#outgoing = this.#incoming;
    this.#apply(changes);
    return this.#finish(autoLeave);
  }

  leaveJoint(): ChangedMembership {
    if (!isJoint(this.#before)) throw new ConfChangeError("can't leave a non-joint config");
    for (const id of this.#learnersNext) {
      this.#learners = withId(this.#learners, id);
      this.#progress.get(id)!.isLearner = true;
    }
    this.#learnersNext = [];
    for (const id of this.#outgoing) {
      if (!this.#incoming.includes(id) && !this.#learners.includes(id)) this.#progress.delete(id);
    }
    this.#outgoing = [];
    return this.#finish(false);
  }

  #apply(changes: readonly ConfChangeSingle[]): void {
    for (const change of changes) {
      if (change.nodeId === 0) continue;
      switch (change.type) {
        case "ConfChangeAddNode":
          this.#makeVoter(change.nodeId);
          break;
        case "ConfChangeAddLearnerNode":
          this.#makeLearner(change.nodeId);
          break;
        case "ConfChangeRemoveNode":
          this.#remove(change.nodeId);
          break;
        case "ConfChangeUpdateNode":
          break;
      }
    }
    if (this.#incoming.length === 0) throw new ConfChangeError("removed all voters");
  }

  #makeVoter(id: number): void {
    const progress = this.#progress.get(id);
    if (progress === undefined) this.#progress.set(id, this.#newProgress(false));
    else progress.isLearner = false;
    this.#learners = withoutId(this.#learners, id);
    this.#learnersNext = withoutId(this.#learnersNext, id);
    this.#incoming = withId(this.#incoming, id);
  }

  #makeLearner(id: number): void {
    const progress = this.#progress.get(id);
    if (progress === undefined) {
      this.#learners = withId(this.#learners, id);
      this.#progress.set(id, this.#newProgress(true));
      return;
    }
    if (progress.isLearner) return;
    this.#remove(id);
    this.#progress.set(id, progress);
    if (this.#outgoing.includes(id)) {
      // Still a voter of the outgoing set, and a member is never both: it becomes a learner on leaving.
      this.#learnersNext = withId(this.#learnersNext, id);
    } else {
      progress.isLearner = true;
      this.#learners = withId(this.#learners, id);
    }
  }

  #remove(id: number): void {
    if (!this.#progress.has(id)) return;
    this.#incoming = withoutId(this.#incoming, id);
    this.#learners = withoutId(this.#learners, id);
    this.#learnersNext = withoutId(this.#learnersNext, id);
    // A voter of the outgoing set is still needed for its majority.
    if (!this.#outgoing.includes(id)) this.#progress.delete(id);
  }

  #finish(autoLeave: boolean): ChangedMembership {
    const membership: Membership = {
      incoming: this.#incoming,
      outgoing: this.#outgoing,
      learners: this.#learners,
      learnersNext: this.#learnersNext,
      autoLeave,
    };
    const violation = membershipViolation(membership, (id) => this.#progress.get(id)?.isLearner);
    if (violation !== undefined) throw new ConfChangeError(violation);
    return { membership, progress: this.#progress };
  }
}

/** The configuration a stored conf state describes, built by the same operations that built it the first time. */
export function restoreMembership(tracker: ProgressTracker, confState: ConfState, lastIndex: number): ChangedMembership {
  const add = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeAddNode", nodeId });
  const remove = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeRemoveNode", nodeId });
  const learn = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeAddLearnerNode", nodeId });
  const incoming = [
    ...confState.votersOutgoing.map(remove),
    ...confState.voters.map(add),
    ...confState.learners.map(learn),
    ...confState.learnersNext.map(learn),
  ];
  const joint = confState.votersOutgoing.length > 0;
  let current: ChangedMembership = { membership: EMPTY_MEMBERSHIP, progress: new Map() };
  for (const change of joint ? confState.votersOutgoing.map(add) : incoming) {
    current = new MembershipChanger(tracker, current, lastIndex).simple([change]);
  }
  return joint ? new MembershipChanger(tracker, current, lastIndex).enterJoint(confState.autoLeave, incoming) : current;
}

function symmetricDifference(one: readonly number[], other: readonly number[]): number {
  return one.filter((id) => !other.includes(id)).length + other.filter((id) => !one.includes(id)).length;
}
