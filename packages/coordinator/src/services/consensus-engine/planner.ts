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
import type { Tried, WaitingRoom } from "./waiting-room.ts";

export type Plan =
  /** Answered from what is applied: nothing would change. */
  | { readonly kind: "answer"; readonly result: CommandResult }
  | { readonly kind: "append"; readonly command: Command; readonly picks: readonly Pick[] };

/** Refusals that must be seen by the log: a leader that was deposed without knowing would deny what its successor has accepted. */
const NEEDS_LOG = new Set(["TRIAD_TASK_NOT_FOUND", "TRIAD_WORKER_NOT_FOUND", "TRIAD_BAD_REQUEST", "TRIAD_TEAM_VERSION"]);

/** Of a pick's decision: names and numbers of at most eight candidates. */
const PICK_BYTES = 1_280;

/** Picks for tasks that wait, and which tasks they are for. */
export interface WaitingPlan {
  readonly plan: Plan | undefined;
  readonly placed: readonly string[];
}

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
    const { result, effects } = applyCommand(tx, withPicks(command, []), nowMs, this.sha256, true);
    if (result.outcome !== "ok") {
      const viaLog = result.outcome === "refused" ? NEEDS_LOG.has(result.code ?? "") : isOfLaterEntry(tx, command);
      return viaLog ? { kind: "append", command: withPicks(command, []), picks: [] } : { kind: "answer", result };
    }
    const refusal = command.type === "OpenTask" ? this.unroutable(tx, command) : undefined;
    if (refusal !== undefined) return { kind: "answer", result: refusal };
    if (!("assign" in command)) return { kind: "append", command, picks: [] };
    // Its picks were made by planWaiting; they are load from here on.
    if (command.type === "Assign") return { kind: "append", command, picks: command.assign };
    const picks: Pick[] = [];
    const at = tx.meta().at;
    for (const effect of effects) {
      if (effect.kind !== "waiting") continue;
      const task = tx.task(effect.task);
      if (task !== undefined) picks.push(...this.router.picksFor(tx, task, at, picks));
    }
    return { kind: "append", command: withPicks(command, picks), picks };
  }

  /** Picks for tasks that wait, as one Assign of at most 256 that fits an entry; no plan where none finds a place. */
  planWaiting(waiting: WaitingRoom, nowMs: number): WaitingPlan {
    const tx = new Transaction(this.state);
    const picks: Pick[] = [];
    let bytes = 0;
    const at = Math.max(tx.meta().at, nowMs);
    const tryOne = (id: string): Tried => {
      const task: TaskRecord | undefined = tx.task(id);
      if (task === undefined) return { kind: "asleep" };
      const { picks: found, full } = this.router.placementOf(tx, task, at, picks);
      for (const pick of found) {
        picks.push(pick);
        bytes += PICK_BYTES + bytesOfSkills(pick);
      }
      if (found.length > 0) return { kind: "placed" };
      if (full !== undefined) return { kind: "full", group: `${full}\n${wantsOf(task)}` };
      // What is due and was not tried is picked in an entry on its way, whose end it must not miss.
      const due = task.step?.members.some((member) => member.state === "waiting" && member.retryAt <= at) ?? false;
      return due ? { kind: "full", group: IN_FLIGHT } : { kind: "asleep" };
    };
    const enough = (): boolean => picks.length > limits.ASSIGNMENTS_MAX - limits.ENSEMBLE_MAX || bytes > limits.ENTRY_BYTES_MAX;
    const placed = waiting.visit(tryOne, enough);
    return { placed, plan: picks.length === 0 ? undefined : { kind: "append", command: { type: "Assign", assign: picks }, picks } };
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

const IN_FLIGHT = "in flight";

/** What tasks that find the same agents have in common: who is kept, the skills that are asked for (none: the text decides), how many answer. */
function wantsOf({ step }: TaskRecord): string {
  if (step === null) return "";
  const kept = step.members.flatMap(({ state, agent }) => (state === "waiting" && agent !== null ? [agent] : []));
  return JSON.stringify([kept, Object.keys(step.requires ?? {}).sort(), step.members.length]);
}

function bytesOfSkills(pick: Pick): number {
  let bytes = 0;
  for (const skill of Object.keys(pick.requires)) bytes += skill.length * 3 + 12;
  return bytes;
}

function withPicks(command: Command, picks: readonly Pick[]): Command {
  return "assign" in command && command.type !== "Assign" ? { ...command, assign: picks } : command;
}

/** A fence of an entry that is not applied here: only a leader that was deposed without knowing meets one, and it cannot say that it is void. */
function isOfLaterEntry(tx: Transaction, command: Command): boolean {
  // The copy counts this command already.
  return "fence" in command && command.fence >= tx.meta().seq * limits.FENCE_STRIDE;
}
