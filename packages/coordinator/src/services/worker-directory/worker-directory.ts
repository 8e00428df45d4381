/**
 * Which workers are there, who was heard, and which of them takes a step: where the conversation was last, else the least loaded of those with
 * room for the agent. Silence counts only while this coordinator leads and is connected, so that an outage or an election re-runs nothing.
 */
import { limits, type Pick } from "@triad/protocol";
import type { AgentRecord, WorkerRecord } from "../../core/state/records.ts";
import type { Transaction } from "../../core/state/transaction.ts";
import type { Load } from "../consensus-engine/load.ts";

export class WorkerDirectory {
  /** Worker id → when its last heartbeat with the live token was read, monotonic milliseconds. */
  private readonly heard = new Map<string, number>();
  /** Silence before this moment does not count. */
  private countFrom = 0;

  /** This coordinator has begun to lead, has reconnected, or has stood still: the count of silence starts anew. */
  restartCount(nowMs: number): void {
    this.countFrom = nowMs;
  }

  hear(worker: string, nowMs: number): void {
    this.heard.set(worker, nowMs);
  }

  /** Workers that have been silent for too long, by the tokens that are to die. */
  silent(workers: readonly WorkerRecord[], nowMs: number): readonly WorkerRecord[] {
    return workers.filter((worker) => {
      if (worker.state === "down") return false;
      return nowMs - Math.max(this.heard.get(worker.id) ?? 0, this.countFrom) > limits.WORKER_LOST_MS;
    });
  }

  /** Places for the agent's steps over all workers that take work. */
  capacity(tx: Transaction, agent: AgentRecord): number {
    let places = 0;
    for (const worker of tx.workers()) if (worker.state === "up") places += agent.manifest.concurrency;
    return places;
  }

  /**
   * The worker for a step of this agent, or undefined where none has room.
   * @param preferred where the conversation was last: its actor is warm there.
   * @param avoid where the last attempt failed: only if there is no other.
   */
  choose(
    tx: Transaction,
    agent: AgentRecord,
    load: Load,
    extra: readonly Pick[],
    preferred: string | null,
    avoid: string | null,
  ): WorkerRecord | undefined {
    const name = agent.manifest.name;
    const room = tx
      .workers()
      .filter((worker) => worker.state === "up" && load.stepsIn(name, worker.id, extra) < agent.manifest.concurrency);
    const others = room.filter((worker) => worker.id !== avoid);
    const choices = others.length > 0 ? others : room;
    const warm = choices.find((worker) => worker.id === preferred);
    if (warm !== undefined) return warm;
    let best: WorkerRecord | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const worker of choices) {
      const steps = load.stepsOfWorker(worker.id, extra);
      if (steps < least) {
        best = worker;
        least = steps;
      }
    }
    return best;
  }
}
