/** What becomes of a step: finished, failed, lost, assigned. The fence decides whether whoever speaks still owns it (state.md 1, 3, 7). */
import {
  type Assign,
  type CommandResult,
  limits,
  type StepFailed,
  type StepFinished,
  type StepLost,
  type TaskError,
  utf8Length,
} from "@triad/protocol";
import { type Application, ok, refused } from "./application.ts";
import { assignPicks, releaseLost, replaceMember } from "./assignment.ts";
import { commitStep, settleEnsemble } from "./commit-step.ts";
import { deltaBytes } from "./facts.ts";
import { keys } from "./keys.ts";
import { learnFailed } from "./learning.ts";
import type { Member, OpenStep, PartialRecord, TaskRecord } from "./records.ts";
import { endTask } from "./task-lifecycle.ts";

export interface Owned {
  readonly task: TaskRecord & { readonly step: OpenStep };
  readonly member: Member;
}

type StepReport = { readonly task: string; readonly step: number; readonly member: number; readonly fence: number };

/** The open step that the report's fence still owns; else what to answer, and nothing is changed. */
export function owned(app: Application, report: StepReport): Owned | CommandResult {
  const task = app.tx.task(report.task);
  if (task === undefined) return refused("TRIAD_TASK_NOT_FOUND", `no task ${report.task}`);
  // The record of a committed step keeps the fences that won: the same one again is a repetition of what was accepted.
  if (report.step <= task.steps && app.tx.step(report.task, report.step)?.fences.includes(report.fence))
    return { outcome: "duplicate", task: task.id };
  if (task.phase === "ended") return { outcome: "ended", task: task.id, status: task.status };
  const member = task.step?.n === report.step ? task.step.members[report.member] : undefined;
  if (task.step === null || member === undefined || member.fence !== report.fence) return fenced(app, task, member);
  if (member.state === "finished") return { outcome: "duplicate", task: task.id };
  if (member.state !== "assigned") return fenced(app, task, member);
  return { task: { ...task, step: task.step }, member };
}

function fenced(app: Application, task: TaskRecord, member: Member | undefined): CommandResult {
  app.emit({ kind: "attempt", agent: member?.agent ?? "", outcome: "fenced", serviceMs: 0 });
  return { outcome: "fenced", task: task.id };
}

export function isOwned(value: Owned | CommandResult): value is Owned {
  return "member" in value;
}

/** What is wrong with a result, whoever sent it: workers check the same before, so this is met only by a worker that did not. */
function invalidResult(command: StepFinished, task: TaskRecord): TaskError | undefined {
  // A stored output weighs nothing here: the schema bounds it, and its reference is small.
  const bytes = (typeof command.output === "string" ? utf8Length(command.output) : 0) + deltaBytes(command.facts);
  if (bytes > limits.INLINE_BODY_BYTES_MAX) {
    return { code: "TRIAD_BODY_TOO_LARGE", message: `${bytes} bytes of output and facts are above ${limits.INLINE_BODY_BYTES_MAX}` };
  }
  if (task.strategy.kind === "ensemble" && command.next.kind !== "finish") {
    return { code: "TRIAD_STEP_INVALID", message: "a member of an ensemble can only finish" };
  }
  return undefined;
}

export function stepFinished(app: Application, command: StepFinished): CommandResult {
  const found = owned(app, command);
  if (!isOwned(found)) return found;
  const { task, member } = found;
  const error = invalidResult(command, task);
  if (error !== undefined) {
    return stepFailed(app, { ...command, type: "StepFailed", cause: "invalid", terminal: true, error, retryAt: 0 });
  }
  app.emit({ kind: "attempt", agent: member.agent ?? "", outcome: "committed", serviceMs: command.serviceMs });
  const partial: PartialRecord = {
    output: command.output,
    facts: command.facts,
    evidence: command.evidence ?? null,
    quality: command.quality ?? null,
    usage: command.usage,
    serviceMs: command.serviceMs,
    view: command.view ?? null,
  };
  if (task.strategy.kind === "single") {
    commitStep(app, task, member, partial, command.next, { picks: command.assign, missing: [], members: null });
    return { ...ok, task: task.id };
  }
  app.tx.put(keys.partial(task.id, task.step.n, member.member), partial);
  app.retain(partial.output);
  settleEnsemble(app, replaceMember(task, { ...member, state: "finished" }), command.assign, false);
  return { ...ok, task: task.id };
}

export function stepFailed(app: Application, command: StepFailed): CommandResult {
  const found = owned(app, command);
  if (!isOwned(found)) return found;
  const { task, member } = found;
  const name = member.agent ?? "";
  app.emit({ kind: "attempt", agent: name, outcome: "failed", serviceMs: 0 });
  learnFailed(app, name, member.requires);
  const attempts = app.tx.agent(name)?.manifest.retry.attempts ?? limits.RETRY_ATTEMPTS_DEFAULT;
  if (!command.terminal && member.attempt < attempts) {
    const waiting: Member = {
      ...member,
      state: "waiting",
      fence: 0,
      workerToken: 0,
      attempt: member.attempt + 1,
      retryAt: command.retryAt,
      because: "retry",
      error: command.error,
    };
    app.putTask(assignPicks(app, replaceMember(task, waiting), command.assign));
    return { ...ok, task: task.id };
  }
  memberFailed(app, task, { ...member, state: "failed", fence: member.fence, error: command.error }, command.error, command.assign);
  return { ...ok, task: task.id };
}

/** A member has failed for good: the task with it, or the ensemble goes on without it. */
function memberFailed(app: Application, task: TaskRecord, failed: Member, error: TaskError, picks: StepFailed["assign"]): void {
  if (task.strategy.kind === "ensemble") {
    settleEnsemble(app, replaceMember(task, failed), picks, false);
    return;
  }
  const conversation = app.tx.conversation(task.conversation);
  if (conversation === undefined) throw new Error(`task ${task.id} has no conversation record`);
  endTask(app, task, conversation, "failed", { error, picks });
}

export function stepLost(app: Application, command: StepLost): CommandResult {
  const found = owned(app, command);
  if (!isOwned(found)) return found;
  loseAssignment(app, found.task, found.member, command.alone, command.assign);
  return { ...ok, task: found.task.id };
}

/** Its worker or thread is gone: same attempt, next start; no failure of its own. */
export function loseAssignment(app: Application, task: TaskRecord, member: Member, alone: boolean, picks: StepLost["assign"]): void {
  const released = releaseLost(app, member, alone);
  if ("unstable" in released) {
    memberFailed(app, task, { ...member, state: "failed", error: released.unstable }, released.unstable, picks);
    return;
  }
  app.putTask(assignPicks(app, replaceMember(task, released.member), picks));
}

/** Waiting, retry-due or lost steps get a worker; what no longer waits is left out. */
export function assign(app: Application, command: Assign): CommandResult {
  const tasks = new Set(command.assign.map((pick) => pick.task));
  for (const id of tasks) {
    const task = app.tx.task(id);
    if (task?.phase === "open") app.putTask(assignPicks(app, task, command.assign));
  }
  return ok;
}
