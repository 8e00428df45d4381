/**
 * apply(Φ, entry) → writes, results and effects: total, deterministic, pure, + − × ÷ only (architecture.md, rule 2). A command that no longer
 * fits is a no-op with a reason; nothing here throws for what a command says. It throws only where Φ itself is broken: then this
 * coordinator must stop, loudly, before it answers anyone.
 */
import { type Command, type CommandResult, type EndTask, encodeCanonical, type Feedback, limits, type SetConfig } from "@triad/protocol";
import { Application, type Effect, ok, refused, type Sha256 } from "./application.ts";
import { settleEnsemble } from "./commit-step.ts";
import { effectDone, effectIntended, effectResolved } from "./effects.ts";
import { keys } from "./keys.ts";
import { learnQuality } from "./learning.ts";
import { drainWorker, registerTeam, registerWorker, workerLost } from "./registry.ts";
import { removeDue } from "./retention.ts";
import { assign, stepFailed, stepFinished, stepLost } from "./steps.ts";
import { endTask, openTask } from "./task-lifecycle.ts";
import { type StateReader, Transaction, type Writes } from "./transaction.ts";

export interface Applied {
  readonly writes: Writes;
  /** One result a command, in order. */
  readonly results: readonly CommandResult[];
  readonly effects: readonly Effect[];
}

/** Applies the commands of one entry, in order. `at` is the leader's clock; log time is never behind what it was. */
export function applyEntry(state: StateReader, commands: readonly Command[], at: number, sha256: Sha256): Applied {
  const tx = new Transaction(state);
  const results: CommandResult[] = [];
  const effects: Effect[] = [];
  for (const command of commands) {
    const outcome = applyCommand(tx, command, at, sha256);
    results.push(outcome.result);
    effects.push(...outcome.effects);
  }
  return { writes: tx.writes(), results, effects };
}

/** One command on an open transaction: what apply does, and what the leader does on a copy before it routes. */
export function applyCommand(
  tx: Transaction,
  command: Command,
  at: number,
  sha256: Sha256,
  rehearsal = false,
): { readonly result: CommandResult; readonly effects: readonly Effect[] } {
  const before = tx.meta();
  const meta = { ...before, seq: before.seq + 1, at: Math.max(before.at, at) };
  tx.put(keys.meta, meta);
  const app = new Application(tx, meta.at, meta.seq, sha256, rehearsal);
  removeDue(app, command.type === "Tick" ? limits.DUE_PER_TICK : limits.DUE_PER_COMMAND);
  return { result: dispatch(app, command), effects: app.effects };
}

function dispatch(app: Application, command: Command): CommandResult {
  switch (command.type) {
    case "RegisterTeam":
      return registerTeam(app, command);
    case "RegisterWorker":
      return registerWorker(app, command);
    case "DrainWorker":
      return drainWorker(app, command);
    case "WorkerLost":
      return workerLost(app, command);
    case "OpenTask":
      return openTask(app, command);
    case "StepFinished":
      return stepFinished(app, command);
    case "StepFailed":
      return stepFailed(app, command);
    case "StepLost":
      return stepLost(app, command);
    case "EffectIntended":
      return effectIntended(app, command);
    case "EffectDone":
      return effectDone(app, command);
    case "EffectResolved":
      return effectResolved(app, command);
    case "Assign":
      return assign(app, command);
    case "EndTask":
      return end(app, command);
    case "Feedback":
      return feedback(app, command);
    case "SetConfig":
      return setConfig(app, command);
    case "Tick":
      return ok;
  }
}

function end(app: Application, command: EndTask): CommandResult {
  const task = app.tx.task(command.task);
  if (task === undefined) return refused("TRIAD_TASK_NOT_FOUND", `no task ${command.task}`);
  if (task.phase === "ended") return { outcome: "ended", task: task.id, status: task.status };
  const conversation = app.tx.conversation(task.conversation);
  if (conversation === undefined) throw new Error(`task ${task.id} has no conversation record`);
  // At a deadline an ensemble with a quorum answers with what is there, and says who is missing.
  if (command.status === "expired" && task.step !== null && task.strategy.kind === "ensemble") {
    if (settleEnsemble(app, task, command.assign, true)) return { ...ok, task: task.id, status: "completed" };
  }
  const ending = command.error === undefined ? {} : { error: command.error };
  endTask(app, task, conversation, command.status, { ...ending, picks: command.assign });
  return { ...ok, task: task.id, status: command.status };
}

function feedback(app: Application, command: Feedback): CommandResult {
  const task = app.tx.task(command.task);
  if (task === undefined) return refused("TRIAD_TASK_NOT_FOUND", `no task ${command.task}`);
  if (task.feedback.includes(command.request)) return { outcome: "duplicate", task: task.id };
  const step = app.tx.step(task.id, command.step ?? task.steps);
  if (step === undefined) return refused("TRIAD_BAD_REQUEST", `task ${task.id} has no committed step ${command.step ?? task.steps}`);
  learnQuality(app, step.agent, step.requires, command.quality);
  app.putTask({ ...task, feedback: [...task.feedback, command.request].slice(-limits.FEEDBACK_KEPT) });
  return { ...ok, task: task.id };
}

function setConfig(app: Application, command: SetConfig): CommandResult {
  const before = app.tx.config();
  app.tx.put(keys.config, {
    retentionMs: command.retentionMs ?? before.retentionMs,
    keyTtlMs: command.keyTtlMs ?? before.keyTtlMs,
  });
  return ok;
}

/**
 * stateHash(n) = SHA-256(stateHash(n−1) ‖ index ‖ writes), with the records' stored bytes, so that storing and hashing encode once.
 */
export function hashWrites(
  previous: string,
  index: number,
  writes: Writes,
  sha256: Sha256,
): { readonly hash: string; readonly encoded: ReadonlyMap<string, Uint8Array | undefined> } {
  const encoded = new Map<string, Uint8Array | undefined>();
  let size = 0;
  const head = encodeCanonical([previous, index, writes.size]);
  const names: Uint8Array[] = [];
  for (const [key, record] of writes) {
    const bytes = record === undefined ? undefined : encodeCanonical(record as never);
    encoded.set(key, bytes);
    const name = encodeCanonical([key, bytes === undefined ? -1 : bytes.length]);
    names.push(name);
    size += name.length + (bytes?.length ?? 0);
  }
  const all = new Uint8Array(head.length + size);
  all.set(head, 0);
  let offset = head.length;
  let i = 0;
  for (const bytes of encoded.values()) {
    const name = names[i++];
    if (name !== undefined) {
      all.set(name, offset);
      offset += name.length;
    }
    if (bytes !== undefined) {
      all.set(bytes, offset);
      offset += bytes.length;
    }
  }
  return { hash: sha256(all), encoded };
}
