/** Load as the router sees it: assignments in Φ, and what this leader has appended that is not applied yet (state.md 4). */
import type { Pick } from "@triad/protocol";
import type { LiveIndex } from "./live-index.ts";

const slotOf = (pick: Pick): string => `${pick.task}\n${pick.step}\n${pick.member}`;

export class Load {
  private readonly index: LiveIndex;
  /** Picks of entries in flight, by the member that they are for. */
  private readonly picked = new Map<string, Pick>();

  constructor(index: LiveIndex) {
    this.index = index;
  }

  add(picks: readonly Pick[]): void {
    for (const pick of picks) this.picked.set(slotOf(pick), pick);
  }

  /** Their entry was applied, or will never be. */
  remove(picks: readonly Pick[]): void {
    for (const pick of picks) if (this.picked.get(slotOf(pick)) === pick) this.picked.delete(slotOf(pick));
  }

  clear(): void {
    this.picked.clear();
  }

  isPicked(task: string, step: number, member: number): boolean {
    return this.picked.has(`${task}\n${step}\n${member}`);
  }

  stepsOf(agent: string, extra: readonly Pick[]): number {
    return this.index.stepsOf(agent) + this.count((pick) => pick.agent === agent, extra);
  }

  stepsIn(agent: string, worker: string, extra: readonly Pick[]): number {
    return this.index.stepsIn(agent, worker) + this.count((pick) => pick.agent === agent && pick.worker === worker, extra);
  }

  stepsOfWorker(worker: string, extra: readonly Pick[]): number {
    return this.index.heldBy(worker).size + this.count((pick) => pick.worker === worker, extra);
  }

  private count(matches: (pick: Pick) => boolean, extra: readonly Pick[]): number {
    let count = 0;
    for (const pick of this.picked.values()) if (matches(pick)) count++;
    for (const pick of extra) if (matches(pick)) count++;
    return count;
  }
}
