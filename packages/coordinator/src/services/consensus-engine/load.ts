/** Load as the router sees it: assignments in Φ, and what this leader has appended that is not applied yet (state.md 4). */
import type { Pick } from "@triad/protocol";
import type { LiveIndex } from "./live-index.ts";

const slotOf = (pick: Pick): string => `${pick.task}\n${pick.step}\n${pick.member}`;

export class Load {
  private readonly index: LiveIndex;
  /** Picks of entries in flight, by the member that they are for, and how many there are of each kind. */
  private readonly picked = new Map<string, Pick>();
  private readonly counts = new Map<string, number>();

  constructor(index: LiveIndex) {
    this.index = index;
  }

  add(picks: readonly Pick[]): void {
    for (const pick of picks) {
      const slot = slotOf(pick);
      this.uncount(this.picked.get(slot));
      this.picked.set(slot, pick);
      for (const kind of kindsOf(pick)) this.counts.set(kind, this.inFlight(kind) + 1);
    }
  }

  /** Their entry was applied, or will never be. */
  remove(picks: readonly Pick[]): void {
    for (const pick of picks) {
      const slot = slotOf(pick);
      if (this.picked.get(slot) !== pick) continue;
      this.uncount(pick);
      this.picked.delete(slot);
    }
  }

  clear(): void {
    this.picked.clear();
    this.counts.clear();
  }

  isPicked(task: string, step: number, member: number): boolean {
    return this.picked.has(`${task}\n${step}\n${member}`);
  }

  stepsOf(agent: string, extra: readonly Pick[]): number {
    return this.index.stepsOf(agent) + this.inFlight(ofAgent(agent)) + count(extra, (pick) => pick.agent === agent);
  }

  stepsIn(agent: string, worker: string, extra: readonly Pick[]): number {
    const there = (pick: Pick): boolean => pick.agent === agent && pick.worker === worker;
    return this.index.stepsIn(agent, worker) + this.inFlight(ofPair(agent, worker)) + count(extra, there);
  }

  stepsOfWorker(worker: string, extra: readonly Pick[]): number {
    return this.index.heldBy(worker).size + this.inFlight(ofWorker(worker)) + count(extra, (pick) => pick.worker === worker);
  }

  private inFlight(kind: string): number {
    return this.counts.get(kind) ?? 0;
  }

  private uncount(pick: Pick | undefined): void {
    if (pick === undefined) return;
    for (const kind of kindsOf(pick)) {
      const left = this.inFlight(kind) - 1;
      if (left > 0) this.counts.set(kind, left);
      else this.counts.delete(kind);
    }
  }
}

const ofAgent = (agent: string): string => `agent\n${agent}`;
const ofWorker = (worker: string): string => `worker\n${worker}`;
const ofPair = (agent: string, worker: string): string => `pair\n${agent}\n${worker}`;
const kindsOf = ({ agent, worker }: Pick): readonly string[] => [ofAgent(agent), ofWorker(worker), ofPair(agent, worker)];

function count(picks: readonly Pick[], matches: (pick: Pick) => boolean): number {
  let found = 0;
  for (const pick of picks) if (matches(pick)) found++;
  return found;
}
