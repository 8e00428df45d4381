/**
 * What Φ says of work under way, indexed for the leader: open tasks, who holds which fence, how many steps an agent has in a worker. Derived
 * from Φ record by record, so that it is right on every coordinator at any moment and a new leader starts with it.
 */
import { keys } from "../../core/state/keys.ts";
import type { Member, TaskRecord } from "../../core/state/records.ts";
import type { StateReader, Writes } from "../../core/state/transaction.ts";

export interface Held {
  readonly task: string;
  readonly step: number;
  readonly member: number;
  readonly agent: string;
  readonly token: number;
}

const TASK_PREFIX = keys.task("");
const pairOf = (agent: string, worker: string): string => `${agent}\n${worker}`;

export class LiveIndex {
  private readonly tasks = new Map<string, TaskRecord>();
  private readonly byWorker = new Map<string, Map<number, Held>>();
  private readonly byAgent = new Map<string, number>();
  private readonly byPair = new Map<string, number>();
  private readonly waitingTasks = new Set<string>();

  /** Reads every open task of a state once. */
  static of(state: StateReader): LiveIndex {
    const index = new LiveIndex();
    index.reload(state);
    return index;
  }

  /** The same for another state: whoever holds this index goes on with it. */
  reload(state: StateReader): void {
    for (const part of [this.tasks, this.byWorker, this.byAgent, this.byPair, this.waitingTasks]) part.clear();
    for (const key of state.list(keys.opens).keys()) {
      const task = state.get(keys.task(key.slice(keys.opens.length))) as TaskRecord | undefined;
      if (task !== undefined) this.replace(task.id, task);
    }
  }

  note(writes: Writes): void {
    for (const [key, record] of writes) {
      if (key.startsWith(TASK_PREFIX)) this.replace(key.slice(TASK_PREFIX.length), record as TaskRecord | undefined);
    }
  }

  private replace(id: string, task: TaskRecord | undefined): void {
    for (const member of this.tasks.get(id)?.step?.members ?? []) if (member.state === "assigned") this.drop(member);
    this.waitingTasks.delete(id);
    if (task === undefined || task.phase === "ended") {
      this.tasks.delete(id);
      return;
    }
    this.tasks.set(id, task);
    for (const member of task.step?.members ?? []) {
      if (member.state === "assigned") this.hold(task, member);
      else if (member.state === "waiting") this.waitingTasks.add(id);
    }
  }

  private hold(task: TaskRecord, member: Member): void {
    const agent = member.agent ?? "";
    let fences = this.byWorker.get(member.worker);
    if (fences === undefined) {
      fences = new Map();
      this.byWorker.set(member.worker, fences);
    }
    fences.set(member.fence, { task: task.id, step: task.step?.n ?? 0, member: member.member, agent, token: member.workerToken });
    this.byAgent.set(agent, (this.byAgent.get(agent) ?? 0) + 1);
    const pair = pairOf(agent, member.worker);
    this.byPair.set(pair, (this.byPair.get(pair) ?? 0) + 1);
  }

  private drop(member: Member): void {
    const agent = member.agent ?? "";
    this.byWorker.get(member.worker)?.delete(member.fence);
    lower(this.byAgent, agent);
    lower(this.byPair, pairOf(agent, member.worker));
  }

  openTasks(): ReadonlyMap<string, TaskRecord> {
    return this.tasks;
  }

  /** Tasks with a member that waits for a worker, in the order in which they began to wait. */
  waiting(): ReadonlySet<string> {
    return this.waitingTasks;
  }

  heldBy(worker: string): ReadonlyMap<number, Held> {
    return this.byWorker.get(worker) ?? NOTHING_HELD;
  }

  stepsOf(agent: string): number {
    return this.byAgent.get(agent) ?? 0;
  }

  stepsIn(agent: string, worker: string): number {
    return this.byPair.get(pairOf(agent, worker)) ?? 0;
  }
}

const NOTHING_HELD: ReadonlyMap<number, Held> = new Map();

function lower(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
