/**
 * What the leader knows of one member's log, and how it may send to it.
 * Kept apart from the tracker: it decides nothing about quorums, only about one member's flow.
 *
 * Invariants: match < next; entries in (match, next) are in flight when replicating; in StateSnapshot nothing is sent.
 */
import type { Inflights } from "./inflights.ts";

/**
 * `StateProbe`: one message a heartbeat round until the log position is known. `StateReplicate`: optimistic pipelining, bounded by the
 * inflight window. `StateSnapshot`: the entries needed are compacted away, paused until the snapshot is acknowledged or reported.
 */
export type ProgressState = "StateProbe" | "StateReplicate" | "StateSnapshot";

export class Progress {
  /** Highest index known to be durable on the member. Only ever grows within a term. */
  match: number;
  /** First index to send next. */
  next: number;
  /** Highest commit index sent; an acknowledgement shows whether the member still has to hear of a higher one. */
  #sentCommit = 0;
  state: ProgressState = "StateProbe";
  /** Index of the snapshot on its way, 0 when none. */
  pendingSnapshot = 0;
  /** Heard from since the last quorum check. */
  recentActive = false;
  /** The flow is stopped until an acknowledgement or a heartbeat response. */
  appendFlowPaused = false;
  readonly inflights: Inflights;
  isLearner: boolean;

  constructor(match: number, next: number, isLearner: boolean, inflights: Inflights) {
    this.match = match;
    this.next = next;
    this.isLearner = isLearner;
    this.inflights = inflights;
  }

  /** A copy for a configuration under construction. It shares the window: of the two only one survives. */
  clone(): Progress {
    const copy = new Progress(this.match, this.next, this.isLearner, this.inflights);
    copy.#sentCommit = this.#sentCommit;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.recentActive = this.recentActive;
    copy.appendFlowPaused = this.appendFlowPaused;
    return copy;
  }

  becomeProbe(): void {
    // After a snapshot the member may be past it already, so probing starts above whichever is higher.
    const next = this.state === "StateSnapshot" ? Math.max(this.match, this.pendingSnapshot) + 1 : this.match + 1;
    this.#resetState("StateProbe");
    this.next = next;
    this.#lowerSentCommit();
  }

  becomeReplicate(): void {
    this.#resetState("StateReplicate");
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.#resetState("StateSnapshot");
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.#sentCommit = index;
  }

  /** A MsgApp with `count` entries of `sizeBytes` payload leaves now. */
  sentEntries(count: number, sizeBytes: number): void {
    if (this.state === "StateSnapshot") throw new Error("append sent to a member that waits for a snapshot");
    if (this.state === "StateProbe") {
      // One probe at a time; an empty one costs nothing and does not count.
      if (count > 0) this.appendFlowPaused = true;
      return;
    }
    if (count > 0) {
      this.next += count;
      this.inflights.add(this.next - 1, sizeBytes);
    }
    this.appendFlowPaused = this.inflights.full;
  }

  sentCommitIndex(commit: number): void {
    this.#sentCommit = commit;
  }

  /** Whether telling the member of `commit` could move its commit index: it must hold entries beyond what it was told. */
  canBumpCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  /** An acknowledgement up to `index`; false when it brings no news. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.appendFlowPaused = false;
    return true;
  }

  /**
   * A rejection of the append at `rejected`, with the member's hint where its log could match. False when it is stale: a rejection
   * may be reordered or duplicated, and must never take `next` to or below `match`.
   */
  maybeDecrementTo(rejected: number, matchHint: number): boolean {
    if (this.state === "StateReplicate") {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.#lowerSentCommit();
      return true;
    }
    // Probing sends one message at a time, so only the rejection of exactly that one is current.
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, matchHint + 1), this.match + 1);
    this.#lowerSentCommit();
    this.appendFlowPaused = false;
    return true;
  }

  get paused(): boolean {
    return this.state === "StateSnapshot" || this.appendFlowPaused;
  }

  toString(): string {
    let text = `${this.state} match=${this.match} next=${this.next}`;
    if (this.isLearner) text += " learner";
    if (this.paused) text += " paused";
    if (this.pendingSnapshot > 0) text += ` pendingSnap=${this.pendingSnapshot}`;
    if (!this.recentActive) text += " inactive";
    if (this.inflights.count > 0) text += ` inflight=${this.inflights.count}${this.inflights.full ? "[full]" : ""}`;
    return text;
  }

  #resetState(state: ProgressState): void {
    this.appendFlowPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.reset();
  }

  #lowerSentCommit(): void {
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
  }
}
