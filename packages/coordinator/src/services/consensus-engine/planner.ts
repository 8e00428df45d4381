/**
 * The leader's synchronous propose path (state.md 4): what does this command come to, and who takes the steps that it opens? It runs the very
 * apply on a copy, sees which steps wait afterwards, and has the router pick for them. Nothing awaits between reading Φ and appending.
 */
import { type Command, type CommandResult, limits, type Pick } from "@triad/protocol";
import { applyCommand } from "../../core/state/apply.ts";
import type { TaskRecord } from "../../core/state/records.ts";
import { type StateReader, Transaction } from "../../core/state/transaction.ts";
import type { Sha256 } from "../ports.ts";
import type { Router } from "../router/router.ts";

export type Plan =
  /** Answered from what is applied: nothing would change. */
  | { readonly kind: "answer"; readonly result: CommandResult }
  | { readonly kind: "append"; readonly command: Command; readonly picks: readonly Pick[] };

/** Refusals that must be seen by the log: a leader that was deposed without knowing would deny what its successor has accepted. */
const NEEDS_LOG = new Set(["TRIAD_TASK_NOT_FOUND", "TRIAD_WORKER_NOT_FOUND", "TRIAD_BAD_REQUEST"]);

export class Planner {
  private readonly state: StateReader;
  private readonly router: Router;
  private readonly sha256: Sha256;
  /** Uniform in [0, 1), for the jitter of retries. */
  private readonly rng: () => number;

  constructor(state: StateReader, router: Router, sha256: Sha256, rng: () => number) {
    this.state = state;
    this.router = router;
    this.sha256 = sha256;
    this.rng = rng;
  }

  plan(proposed: Command, nowMs: number): Plan {
    const command = proposed.type === "StepFailed" ? { ...proposed, retryAt: this.retryAt(proposed, nowMs) } : proposed;
    const tx = new Transaction(this.state);
    const { result, effects } = applyCommand(tx, withPicks(command, []), nowMs, this.sha256);
    if (result.outcome !== "ok") {
      const viaLog = result.outcome === "refused" ? NEEDS_LOG.has(result.code ?? "") : isOfLaterEntry(tx, command);
      return viaLog ? { kind: "append", command: withPicks(command, []), picks: [] } : { kind: "answer", result };
    }
    const refusal = command.type === "OpenTask" ? this.unroutable(tx, command) : undefined;
    if (refusal !== undefined) return { kind: "answer", result: refusal };
    if (!("assign" in command)) return { kind: "append", command, picks: [] };
    const picks: Pick[] = [];
    const at = tx.meta().at;
    for (const effect of effects) {
      if (effect.kind !== "waiting") continue;
      const task = tx.task(effect.task);
      if (task !== undefined) picks.push(...this.router.picksFor(tx, task, at, picks));
    }
    return { kind: "append", command: withPicks(command, picks), picks };
  }

  /** Picks for tasks that wait, as one Assign of at most 256, or undefined where none finds a place. */
  planWaiting(waiting: Iterable<string>, nowMs: number): Plan | undefined {
    const tx = new Transaction(this.state);
    const picks: Pick[] = [];
    const at = Math.max(tx.meta().at, nowMs);
    for (const id of waiting) {
      const task: TaskRecord | undefined = tx.task(id);
      if (task === undefined) continue;
      picks.push(...this.router.picksFor(tx, task, at, picks));
      if (picks.length > limits.ASSIGNMENTS_MAX - limits.ENSEMBLE_MAX) break;
    }
    return picks.length === 0 ? undefined : { kind: "append", command: { type: "Assign", assign: picks }, picks };
  }

  /** A request that no agent could ever take is refused, not left waiting. */
  private unroutable(tx: Transaction, command: Extract<Command, { type: "OpenTask" }>): CommandResult | undefined {
    const available = this.router.available(tx, command.requires, command.embedding ?? null);
    if (command.strategy.kind === "ensemble" && available < command.strategy.agents) {
      const message = `${command.strategy.agents} agents are asked for and ${available} can answer`;
      return { outcome: "refused", code: "TRIAD_ENSEMBLE_TOO_SMALL", message, details: { available } };
    }
    if (available === 0) return { outcome: "refused", code: "TRIAD_NO_CANDIDATE", message: "no agent of the team can take this" };
    return undefined;
  }

  /** The leader's clock plus backoffMs · 2^(attempt − 1), at most 30 s, with up to a quarter of jitter. */
  private retryAt(command: Extract<Command, { type: "StepFailed" }>, nowMs: number): number {
    const tx = new Transaction(this.state);
    const member = tx.task(command.task)?.step?.members[command.member];
    const retry = member?.agent == null ? undefined : tx.agent(member.agent)?.manifest.retry;
    const backoffMs = (retry?.backoffMs ?? limits.RETRY_BACKOFF_MS_DEFAULT) * 2 ** Math.min(30, (member?.attempt ?? 1) - 1);
    return Math.round(nowMs + Math.min(limits.RETRY_BACKOFF_MS_MAX, backoffMs) * (1 + 0.25 * this.rng()));
  }
}

function withPicks(command: Command, picks: readonly Pick[]): Command {
  return "assign" in command && command.type !== "Assign" ? { ...command, assign: picks } : command;
}

/** A fence of an entry that is not applied here: only a leader that was deposed without knowing meets one, and it cannot say that it is void. */
function isOfLaterEntry(tx: Transaction, command: Command): boolean {
  // The copy counts this command already.
  return "fence" in command && command.fence >= tx.meta().seq * limits.FENCE_STRIDE;
}
