/**
 * From a command to its result: what gathers in a loop turn is planned in order, appended as few entries, and answered when those entries have
 * been applied. Kept apart from apply: a reply is built from the entry's result, never from the proposal.
 *
 * Q1: a command whose entry was overwritten, or whose leader stepped down, is rejected as `lost`: what became of it is unknown, and only a
 * repetition with the same ids is safe. Q2: no promise stays open: every one is settled by apply, by loss of leadership or by stop.
 */
import { type Command, type CommandResult, encodeCommands, limits, type Pick } from "@triad/protocol";
import type { Clock } from "../ports.ts";
import { PROPOSAL_BYTES_MAX, type ProposeOutcome } from "../raft-driver/raft-driver.ts";
import type { Load } from "./load.ts";
import type { Plan } from "./planner.ts";

export type ProposalFailure = "notLeader" | "lost" | "busy" | "stopped";

export class ProposalError extends Error {
  readonly reason: ProposalFailure;
  constructor(reason: ProposalFailure) {
    super(`proposal: ${reason}`);
    this.name = "ProposalError";
    this.reason = reason;
  }
}

interface Waiting {
  readonly command: Command;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: ProposalError) => void;
}

interface Planned extends Waiting {
  readonly planned: Command;
  readonly picks: readonly Pick[];
}

interface Pending {
  readonly term: number;
  readonly items: readonly Planned[];
}

export interface ProposalQueuePorts {
  readonly clock: Clock;
  readonly load: Load;
  readonly plan: (command: Command, nowMs: number) => Plan;
  readonly append: (data: Uint8Array) => ProposeOutcome;
  /** This coordinator leads and has applied an entry of its own term. */
  readonly leads: () => boolean;
  readonly appliedIndex: () => number;
}

/** Commands that wait for their turn; beyond it the queue is full and the caller is told so. */
const QUEUE_MAX = 16_384;

export class ProposalQueue {
  private readonly ports: ProposalQueuePorts;
  private waiting: Waiting[] = [];
  private readonly pending = new Map<number, Pending>();
  private scheduled = false;
  private stopped = false;

  constructor(ports: ProposalQueuePorts) {
    this.ports = ports;
  }

  /** Resolves with what apply made of the command, or what it had made of it before. Rejects with {@link ProposalError}. */
  propose(command: Command): Promise<CommandResult> {
    if (this.stopped) return Promise.reject(new ProposalError("stopped"));
    if (!this.ports.leads()) return Promise.reject(new ProposalError("notLeader"));
    if (this.waiting.length >= QUEUE_MAX) return Promise.reject(new ProposalError("busy"));
    return new Promise((resolve, reject) => {
      this.waiting.push({ command, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.ports.clock.soon(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  private turn(): void {
    const batch = this.waiting;
    this.waiting = [];
    if (!this.ports.leads()) {
      for (const item of batch) item.reject(new ProposalError("notLeader"));
      return;
    }
    const nowMs = this.ports.clock.wallMs();
    const planned: Planned[] = [];
    for (const item of batch) {
      const plan = this.ports.plan(item.command, nowMs);
      if (plan.kind === "answer") {
        item.resolve({ ...plan.result, index: this.ports.appliedIndex() });
        continue;
      }
      // Counted at once, so that the next command of this batch sees the load.
      this.ports.load.add(plan.picks);
      planned.push({ ...item, planned: plan.command, picks: plan.picks });
    }
    for (let start = 0; start < planned.length; start += limits.ENTRY_COMMANDS_MAX) {
      this.append(planned.slice(start, start + limits.ENTRY_COMMANDS_MAX), nowMs);
    }
  }

  /** One entry, or two halves where it would be too large. */
  private append(items: readonly Planned[], nowMs: number): void {
    if (items.length === 0) return;
    const data = encodeCommands(
      nowMs,
      items.map((item) => item.planned),
    );
    if (data.length > limits.ENTRY_BYTES_MAX && items.length > 1) {
      const half = items.length >> 1;
      this.append(items.slice(0, half), nowMs);
      this.append(items.slice(half), nowMs);
      return;
    }
    if (data.length > PROPOSAL_BYTES_MAX) {
      const message = `the command is ${data.length} bytes in the log; at most ${PROPOSAL_BYTES_MAX}`;
      for (const item of items) {
        this.ports.load.remove(item.picks);
        item.resolve({ outcome: "refused", code: "TRIAD_FRAME_TOO_LARGE", message, index: this.ports.appliedIndex() });
      }
      return;
    }
    const outcome = this.ports.append(data);
    if (outcome.ok) {
      this.pending.set(outcome.index, { term: outcome.term, items });
      return;
    }
    for (const item of items) {
      this.ports.load.remove(item.picks);
      item.reject(new ProposalError(outcome.reason));
    }
  }

  /** The entry at this index has been applied: answers those who wait for it, or tells them that another entry stands in its place. */
  applied(index: number, term: number, results: readonly CommandResult[]): void {
    const pending = this.pending.get(index);
    if (pending === undefined) return;
    this.pending.delete(index);
    for (const [i, item] of pending.items.entries()) {
      this.ports.load.remove(item.picks);
      const result = results[i];
      if (pending.term === term && result !== undefined) item.resolve({ ...result, index });
      else item.reject(new ProposalError("lost"));
    }
  }

  /** Leadership is over: what is in flight may or may not be committed, and nobody here will see which. */
  abandon(reason: "lost" | "stopped"): void {
    if (reason === "stopped") this.stopped = true;
    const pending = [...this.pending.values()];
    this.pending.clear();
    for (const { items } of pending) for (const item of items) item.reject(new ProposalError(reason));
    const waiting = this.waiting;
    this.waiting = [];
    for (const item of waiting) item.reject(new ProposalError(reason === "lost" ? "notLeader" : reason));
    this.ports.load.clear();
  }
}
