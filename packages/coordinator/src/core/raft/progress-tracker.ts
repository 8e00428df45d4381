/**
 * The leader's (and candidate's) book: the active configuration, the progress of each member, and the votes of the current election.
 * Kept apart from the state machine so that quorum questions are asked in one place.
 *
 * Invariants: `progress` holds exactly the members of `membership`; `ids` are its keys in ascending order, the order of all broadcasts.
 */
import { Inflights } from "./inflights.ts";
import type { Membership } from "./membership.ts";
import { EMPTY_MEMBERSHIP, isJoint } from "./membership.ts";
import { Progress } from "./progress.ts";
import type { VoteResult } from "./quorum.ts";
import { jointCommittedIndex, jointVoteResult } from "./quorum.ts";

export interface VoteTally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

export class ProgressTracker {
  readonly #maxInflightMessages: number;
  readonly #maxInflightBytes: number;
  #membership: Membership = EMPTY_MEMBERSHIP;
  #progress: ReadonlyMap<number, Progress> = new Map();
  #ids: readonly number[] = [];
  readonly #votes = new Map<number, boolean>();
  /** Bound once: these run for every acknowledgement and must not allocate. */
  readonly #matchOf = (id: number): number | undefined => this.#progress.get(id)?.match;
  readonly #voteOf = (id: number): boolean | undefined => this.#votes.get(id);

  constructor(maxInflightMessages: number, maxInflightBytes: number) {
    this.#maxInflightMessages = maxInflightMessages;
    this.#maxInflightBytes = maxInflightBytes;
  }

  get membership(): Membership {
    return this.#membership;
  }

  get progress(): ReadonlyMap<number, Progress> {
    return this.#progress;
  }

  get ids(): readonly number[] {
    return this.#ids;
  }

  get(id: number): Progress | undefined {
    return this.#progress.get(id);
  }

  /** Installs a configuration made by the changer. */
  switchTo(membership: Membership, progress: ReadonlyMap<number, Progress>): void {
    this.#membership = membership;
    this.#progress = progress;
    this.#ids = [...progress.keys()].sort((a, b) => a - b);
  }

  newProgress(match: number, next: number, isLearner: boolean): Progress {
    return new Progress(match, next, isLearner, new Inflights(this.#maxInflightMessages, this.#maxInflightBytes));
  }

  /** Forgets what was known of every member, as each change of term or role must; `self` keeps its own log's end. */
  resetProgress(self: number, lastIndex: number): void {
    const fresh = new Map<number, Progress>();
    for (const id of this.#ids) {
      const isLearner = this.#progress.get(id)!.isLearner;
      fresh.set(id, this.newProgress(id === self ? lastIndex : 0, lastIndex + 1, isLearner));
    }
    this.#progress = fresh;
  }

  isSingleton(): boolean {
    return this.#membership.incoming.length === 1 && !isJoint(this.#membership);
  }

  /** Highest index that a quorum holds durably. */
  committedIndex(): number {
    return jointCommittedIndex(this.#membership.incoming, this.#membership.outgoing, this.#matchOf);
  }

  quorumActive(): boolean {
    const active = (id: number): boolean | undefined => {
      const progress = this.#progress.get(id);
      return progress === undefined || progress.isLearner ? undefined : progress.recentActive;
    };
    return jointVoteResult(this.#membership.incoming, this.#membership.outgoing, active) === "VoteWon";
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** The first vote of a member counts; a repeated or contradicting one changes nothing. */
  recordVote(id: number, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  tallyVotes(): VoteTally {
    let granted = 0;
    let rejected = 0;
    for (const [id, progress] of this.#progress) {
      // A vote of a learner may be recorded (it can be a voter by then), but is not shown.
      const vote = progress.isLearner ? undefined : this.#votes.get(id);
      if (vote === true) granted++;
      else if (vote === false) rejected++;
    }
    return { granted, rejected, result: jointVoteResult(this.#membership.incoming, this.#membership.outgoing, this.#voteOf) };
  }
}
