/**
 * A step is committed: transcript, facts, learning, negotiation, and what comes next, all in one entry. One hand-off = this one place.
 * An ensemble's step is committed by the partial that decides it.
 */
import type { NextMove, Pick, TaskError } from "@triad/protocol";
import { aggregate, type MemberVote } from "../aggregation/aggregate.ts";
import type { Application } from "./application.ts";
import { assignPicks, newStep, voidOthers } from "./assignment.ts";
import { answerText, eventText } from "./bodies.ts";
import { candidatesFor } from "./candidates.ts";
import { mergeFacts } from "./facts.ts";
import { removeJournals } from "./journal.ts";
import { keys } from "./keys.ts";
import { learnCommitted, learnRouting, negotiateStep } from "./learning.ts";
import type { ConversationRecord, Member, OpenStep, PartialRecord, StepMember, StepRecord, TaskRecord } from "./records.ts";
import { bodiesOfStep, removePartials } from "./retention.ts";
import { endTask, membersOf } from "./task-lifecycle.ts";

interface Closing {
  readonly picks: readonly Pick[];
  /** Members of an ensemble that a deadline left out. */
  readonly missing: readonly number[];
  readonly members: readonly StepMember[] | null;
}

/** Commits `partial` as the result of the task's open step, taken by `member`. */
export function commitStep(
  app: Application,
  task: TaskRecord & { readonly step: OpenStep },
  member: Member,
  partial: PartialRecord,
  next: NextMove,
  closing: Closing,
): void {
  const { tx } = app;
  const team = tx.team();
  const before = tx.conversation(task.conversation);
  if (team === undefined || before === undefined || member.agent === null || member.routing === null) {
    throw new Error(`task ${task.id}: a step is committed without team, conversation or assignment`);
  }
  const name = member.agent;
  const merged = mergeFacts(app, before, partial.facts, { task: task.id, step: task.step.n, agent: name });
  if (merged === undefined) {
    const error: TaskError = { code: "TRIAD_FACTS_TOO_LARGE", message: "the conversation's facts would exceed their bound" };
    endTask(app, task, before, "failed", { error, picks: closing.picks });
    return;
  }
  let conversation = app.append(merged, {
    type: "step",
    task: task.id,
    step: task.step.n,
    by: name,
    ...eventText(partial.output),
    facts: partial.facts,
  });
  learnCommitted(app, name, member.requires, { serviceMs: partial.serviceMs, costUsd: partial.usage.costUsd }, partial.quality);
  const receiver = receiverOf(app, task, next, closing.picks);
  const negotiated = negotiateStep(app, team, conversation, name, receiver, partial.evidence);
  conversation = { ...negotiated.conversation, lastAgent: name, lastWorker: member.worker };
  const record: StepRecord = {
    n: task.step.n,
    agent: name,
    worker: member.worker,
    attempt: member.attempt,
    start: member.start,
    fences: task.step.members.filter((m) => m.state === "finished" || m.member === member.member).map((m) => m.fence),
    outcome: next.kind,
    output: partial.output,
    facts: partial.facts,
    requires: member.requires,
    routing: member.routing,
    agreement: negotiated.agreement,
    usage: partial.usage,
    view: partial.view,
    startedAt: member.assignedAt,
    finishedAt: app.at,
    members: closing.members,
  };
  tx.put(keys.step(task.id, record.n), record);
  for (const body of bodiesOfStep(record)) app.retain(body);
  removeJournals(app, task);
  const told = app.tell(task, {
    event: "step",
    step: record.n,
    agent: name,
    worker: member.worker,
    attempt: member.attempt,
    fence: member.fence,
  });
  const committed: TaskRecord = { ...told, step: null, steps: record.n, agreement: negotiated.agreement };
  if (next.kind === "finish") finish(app, committed, conversation, partial, closing, name);
  else handOff(app, committed, conversation, next, closing.picks);
}

/** Who gets the step that follows, where that is known in this entry: it takes its negotiation rounds with it. */
function receiverOf(app: Application, task: TaskRecord, next: NextMove, picks: readonly Pick[]): string | undefined {
  if (next.kind === "finish") return undefined;
  const picked = picks.find((pick) => pick.task === task.id && pick.step === task.steps + 2)?.agent ?? next.to;
  return picked !== undefined && app.tx.agent(picked) !== undefined ? picked : undefined;
}

function finish(
  app: Application,
  task: TaskRecord,
  conversation: ConversationRecord,
  partial: PartialRecord,
  closing: Closing,
  settledBy: string,
): void {
  learnRouting(app, task, settledBy);
  const ending = { output: partial.output, picks: closing.picks };
  endTask(app, task, conversation, "completed", closing.missing.length === 0 ? ending : { ...ending, missing: closing.missing });
}

function handOff(
  app: Application,
  task: TaskRecord,
  conversation: ConversationRecord,
  next: Extract<NextMove, { kind: "handoff" }>,
  picks: readonly Pick[],
): void {
  const error = impossible(app, task, next);
  if (error !== undefined) {
    endTask(app, task, conversation, "failed", { error, picks });
    return;
  }
  app.emit({ kind: "handoff" });
  app.putConversation(conversation);
  const requires = next.to === undefined ? (next.requires ?? null) : null;
  const step = newStep(task.steps + 1, requires, next.to ?? null, membersOf(task));
  app.putTask(assignPicks(app, { ...task, handoffs: task.handoffs + 1, step }, picks));
}

/** Why a hand-off cannot be: its output is committed all the same, and the task fails with this. */
function impossible(app: Application, task: TaskRecord, next: Extract<NextMove, { kind: "handoff" }>): TaskError | undefined {
  if (task.handoffs + 1 > task.maxTransitions) {
    return { code: "TRIAD_MAX_TRANSITIONS", message: `one hand-off more than maxTransitions ${task.maxTransitions}` };
  }
  if (next.to !== undefined && app.tx.agent(next.to) === undefined) {
    return { code: "TRIAD_HANDOFF_UNKNOWN_AGENT", message: `there is no agent "${next.to}" to hand off to` };
  }
  if (next.to === undefined && candidatesFor(app, next.requires ?? {}) === 0) {
    const skills = Object.keys(next.requires ?? {}).join(", ");
    return { code: "TRIAD_HANDOFF_NO_CANDIDATE", message: `no agent has all of: ${skills}` };
  }
  return undefined;
}

/**
 * Looks whether an ensemble's step is decided by what its members brought so far; `closing` decides with what is there. Puts the task
 * either way. True where the step was decided.
 */
export function settleEnsemble(app: Application, task: TaskRecord, picks: readonly Pick[], closing: boolean): boolean {
  const { step } = task;
  if (step === null || task.strategy.kind !== "ensemble") throw new Error(`task ${task.id} has no open ensemble step`);
  const { aggregate: kind, agents, quorum } = task.strategy;
  if (kind === "merge" || kind === "judge") throw new Error(`task ${task.id}: aggregate ${kind} was let into the log`);
  const votes = step.members.map((member): MemberVote => {
    const output = answerText(app.tx.partial(task.id, step.n, member.member)?.output ?? "");
    const state = member.state === "finished" || member.state === "failed" ? member.state : "open";
    return { member: member.member, agent: member.agent ?? "", output, weight: member.voteWeight, state };
  });
  const verdict = aggregate(kind, votes, quorum ?? agents, closing);
  if (!verdict.decided) {
    // At a deadline without a quorum the caller ends the task as expired.
    if (closing) return false;
    if (verdict.impossible) {
      failEnsemble(app, task, step, picks);
      return true;
    }
    app.putTask(assignPicks(app, task, picks));
    return false;
  }
  const winner = step.members[verdict.winner];
  const partial = app.tx.partial(task.id, step.n, verdict.winner);
  if (winner === undefined || partial === undefined) throw new Error(`task ${task.id}: the winner of a vote has no answer`);
  const members = outcomesOf(app, task, step, verdict.winner, votes);
  learnOthers(app, task, step, verdict.winner);
  voidOthers(app, step, winner.member);
  removePartials(app, task.id);
  const missing = closing ? verdict.missing : [];
  commitStep(app, { ...task, step }, winner, partial, { kind: "finish" }, { picks, missing, members });
  return true;
}

function failEnsemble(app: Application, task: TaskRecord, step: OpenStep, picks: readonly Pick[]): void {
  const conversation = app.tx.conversation(task.conversation);
  if (conversation === undefined) throw new Error(`task ${task.id} has no conversation record`);
  const failed = step.members.find((member) => member.error !== null);
  const error = failed?.error ?? { code: "TRIAD_STEP_FAILED", message: "the members of the ensemble could not decide" };
  endTask(app, task, conversation, "failed", { error, picks });
}

/** Members that answered but did not win have done their step as well: it counts for `done`, latency and cost. */
function learnOthers(app: Application, task: TaskRecord, step: OpenStep, winner: number): void {
  for (const member of step.members) {
    const partial = app.tx.partial(task.id, step.n, member.member);
    if (member.member === winner || member.agent === null || partial === undefined) continue;
    const measure = { serviceMs: partial.serviceMs, costUsd: partial.usage.costUsd };
    learnCommitted(app, member.agent, member.requires, measure, partial.quality);
  }
}

function outcomesOf(
  app: Application,
  task: TaskRecord,
  step: OpenStep,
  winner: number,
  votes: readonly MemberVote[],
): readonly StepMember[] {
  const plain = (text: string): string => text.normalize("NFC").trim();
  const won = plain(votes[winner]?.output ?? "");
  return step.members.map((member): StepMember => {
    const output = app.tx.partial(task.id, step.n, member.member)?.output ?? null;
    const agrees = output !== null && plain(answerText(output)) === won;
    const outcome =
      member.member === winner ? "won" : member.state === "failed" ? "failed" : output === null ? "voided" : agrees ? "agreed" : "differed";
    return {
      member: member.member,
      agent: member.agent ?? "",
      worker: member.worker,
      fence: member.fence,
      weight: member.voteWeight,
      outcome,
      output,
    };
  });
}
