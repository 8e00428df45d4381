/**
 * In which order tasks that wait for a worker are tried, so that one free place costs a few looks and not one at everybody who waits. Memory of a
 * leader: Φ says who waits, this says who was seen to find no place, and why. Kept apart from what a try is: the planner's.
 *
 * H1 Whoever waits is in exactly one place: fresh, in a group, or asleep until its retry is due (then the agenda wakes it).
 * H2 In a group are tasks that want the same and found the same agent full. Where the first finds no place, the others would find none either;
 *    where it finds one, the next is tried.
 * H3 Groups are tried before those who are fresh, in turn: who waits longer goes first, and no group keeps the others from their turn.
 * H4 After room came free every group gets its turn, over as many visits as that takes.
 */

/** What a try comes to; a name tells whom the task waits for, and for what. */
export type Tried = { readonly kind: "placed" } | { readonly kind: "asleep" } | { readonly kind: "full"; readonly group: string };

/** Tries of one visit: the loop that makes them also beats. */
const FRESH_TRIED_MAX = 256;
const GROUPS_TRIED_MAX = 64;

export class WaitingRoom {
  private readonly fresh = new Set<string>();
  private readonly groups = new Map<string, Set<string>>();
  private readonly groupOf = new Map<string, string>();
  /** Groups that are still to have their turn; they stand first. */
  private turnsLeft = 0;

  clear(): void {
    this.fresh.clear();
    this.groups.clear();
    this.groupOf.clear();
    this.turnsLeft = 0;
  }

  /** Somebody has not been tried since something changed for them. */
  get isWorthVisit(): boolean {
    return this.fresh.size > 0 || (this.turnsLeft > 0 && this.groups.size > 0);
  }

  /** There may be room where there was none. */
  roomCame(): void {
    this.turnsLeft = this.groups.size;
  }

  /** It waits, and what is known of it may no longer be true. */
  arrive(task: string): void {
    this.leave(task);
    this.fresh.add(task);
  }

  leave(task: string): void {
    this.fresh.delete(task);
    const name = this.groupOf.get(task);
    if (name === undefined) return;
    this.groupOf.delete(task);
    const group = this.groups.get(name);
    group?.delete(task);
    if (group?.size === 0) this.groups.delete(name);
  }

  /** Tries who may find a place, until `enough`; those who were placed have left, and are given back. */
  visit(tryOne: (task: string) => Tried, enough: () => boolean): readonly string[] {
    const placed: string[] = [];
    // Those whose turn was still to come may have left.
    this.turnsLeft = Math.min(this.turnsLeft, this.groups.size);
    for (const name of [...this.groups.keys()].slice(0, Math.min(this.turnsLeft, GROUPS_TRIED_MAX))) {
      this.visitGroup(name, tryOne, enough, placed);
      if (enough()) return placed;
      this.turnsLeft--;
    }
    if (this.turnsLeft > 0) return placed;
    let tries = 0;
    for (const task of this.fresh) {
      if (enough() || tries++ >= FRESH_TRIED_MAX) break;
      this.tryHere(task, tryOne, placed);
    }
    return placed;
  }

  private visitGroup(name: string, tryOne: (task: string) => Tried, enough: () => boolean, placed: string[]): void {
    const group = this.groups.get(name);
    for (const task of group ?? []) {
      if (enough()) return;
      if (!this.tryHere(task, tryOne, placed)) break;
    }
    if (group === undefined || group.size === 0) return;
    this.groups.delete(name);
    this.groups.set(name, group);
  }

  /** False where it found no place. */
  private tryHere(task: string, tryOne: (task: string) => Tried, placed: string[]): boolean {
    const tried = tryOne(task);
    if (tried.kind === "full") {
      if (this.groupOf.get(task) !== tried.group) this.file(task, tried.group);
      return false;
    }
    this.leave(task);
    if (tried.kind === "placed") placed.push(task);
    return true;
  }

  private file(task: string, name: string): void {
    this.leave(task);
    this.groupOf.set(task, name);
    const group = this.groups.get(name);
    if (group === undefined) this.groups.set(name, new Set([task]));
    else group.add(task);
  }
}
