/** A task's birth, start and end, and the queue of its conversation: tasks of one conversation run one after the other, in log order. */
import {
  type Body,
  type CommandResult,
  type EndStatus,
  limits,
  type OpenTask,
  type Pick,
  type TaskError,
  utf8Length,
} from "@triad/protocol";
import { type Application, ok, refused } from "./application.ts";
import { assignPicks, newStep, voidOthers } from "./assignment.ts";
import { unservable } from "./candidates.ts";
import { deltaBytes, mergeFacts } from "./facts.ts";
import { removeJournals } from "./journal.ts";
import { keys } from "./keys.ts";
import type { ConversationRecord, InputRecord, TaskRecord } from "./records.ts";
import { removePartials, scheduleRemoval } from "./retention.ts";

function newConversation(id: string): ConversationRecord {
  return {
    id,
    root: "",
    events: 0,
    busy: null,
    queue: [],
    opened: 0,
    tasks: 0,
    factBytes: 0,
    factNames: 0,
    team: [],
    lastAgent: null,
    lastWorker: null,
    lastTurn: null,
  };
}

/** The answer where the request was seen before: by its task id or by its idempotency key. */
export function seenBefore(app: Pick2<Application, "tx">, command: OpenTask): CommandResult | undefined {
  const same = app.tx.task(command.task);
  if (same !== undefined) {
    return same.requestDigest === command.requestDigest
      ? { outcome: "duplicate", task: same.id, conversation: same.conversation, status: same.status }
      : { outcome: "conflict", code: "TRIAD_TASK_CONFLICT", message: "the task id exists with another body", task: same.id };
  }
  const byKey = command.key === undefined ? undefined : app.tx.idempotency(command.key);
  if (byKey === undefined) return undefined;
  if (byKey.requestDigest !== command.requestDigest) {
    return {
      outcome: "conflict",
      code: "TRIAD_IDEMPOTENCY_CONFLICT",
      message: "the idempotency key was used with another body",
      task: byKey.task,
    };
  }
  const task = app.tx.task(byKey.task);
  return { outcome: "duplicate", task: byKey.task, conversation: task?.conversation ?? "", status: task?.status ?? "completed" };
}

type Pick2<T, K extends keyof T> = { readonly [P in K]: T[P] };

function requestBytes(command: OpenTask): number {
  let bytes = utf8Length(command.input) + deltaBytes(command.facts);
  for (const observation of command.observations) bytes += utf8Length(observation.text);
  return bytes;
}

/** Why a request cannot be accepted now, whoever asks: checked by the leader before it appends and by apply again. */
export function refusalOf(app: Pick2<Application, "tx">, command: OpenTask): CommandResult | undefined {
  const team = app.tx.team();
  if (team === undefined) return refused("TRIAD_NO_TEAM", "no team is registered yet");
  const unknown = Object.keys(command.requires ?? {}).filter((skill) => !team.skills.includes(skill));
  if (unknown.length > 0)
    return refused("TRIAD_SKILL_UNKNOWN", `unknown skill: ${unknown.join(", ")}`, { known: team.skills.slice(0, 64) });
  const bytes = requestBytes(command);
  if (bytes > limits.INLINE_BODY_BYTES_MAX) {
    return refused("TRIAD_BODY_TOO_LARGE", `${bytes} bytes of input and facts are above ${limits.INLINE_BODY_BYTES_MAX}`);
  }
  const meta = app.tx.meta();
  if (meta.running >= limits.OPEN_TASKS_MAX || meta.openBytes + bytes > limits.OPEN_TASK_BYTES_MAX) {
    return refused("TRIAD_OVERLOADED", `${meta.running} tasks are open`);
  }
  const queue = app.tx.conversation(command.conversation)?.queue.length ?? 0;
  if (queue >= limits.CONVERSATION_QUEUE_MAX) return refused("TRIAD_QUEUE_FULL", `${queue} tasks wait in this conversation`);
  return undefined;
}

export function openTask(app: Application, command: OpenTask): CommandResult {
  const seen = seenBefore(app, command) ?? refusalOf(app, command);
  if (seen !== undefined) return seen;
  const { tx } = app;
  const before = tx.conversation(command.conversation) ?? newConversation(command.conversation);
  const task: TaskRecord = {
    id: command.task,
    conversation: command.conversation,
    place: before.opened + 1,
    key: command.key ?? null,
    requestDigest: command.requestDigest,
    openedAt: app.at,
    deadlineAt: command.deadlineAt ?? null,
    maxTransitions: command.maxTransitions,
    strategy: command.strategy,
    requires: command.requires ?? null,
    phase: "queued",
    status: "running",
    step: null,
    steps: 0,
    handoffs: 0,
    events: 0,
    firstAgent: null,
    endedAt: null,
    output: null,
    error: null,
    agreement: null,
    missing: null,
    feedback: [],
    resolutions: [],
  };
  const input: InputRecord = {
    input: command.input,
    observations: command.observations,
    facts: command.facts,
    embedding: command.embedding ?? null,
    bytes: requestBytes(command),
  };
  tx.put(keys.input(task.id), input);
  tx.put(keys.open(task.id), { openedAt: app.at });
  if (command.key !== undefined) {
    tx.put(keys.idempotency(command.key), { task: task.id, requestDigest: command.requestDigest, at: app.at });
  }
  tx.put(keys.conversationTask(before.id, task.place), { task: task.id });
  const meta = tx.meta();
  tx.put(keys.meta, { ...meta, running: meta.running + 1, openBytes: meta.openBytes + input.bytes });
  const conversation = { ...before, opened: before.opened + 1, tasks: before.tasks + 1 };
  const told = app.tell(task, { event: "accepted" });
  if (conversation.busy === null) startTask(app, told, conversation, command.assign);
  else {
    app.putTask(told);
    app.putConversation({ ...conversation, queue: [...conversation.queue, task.id] });
  }
  return { ...ok, task: task.id, conversation: conversation.id, status: "running" };
}

/** Members of a step of this strategy. */
export function membersOf(task: TaskRecord): number {
  return task.strategy.kind === "ensemble" ? task.strategy.agents : 1;
}

/** The task's turn in its conversation: its request enters the transcript and its first step opens. */
export function startTask(app: Application, task: TaskRecord, before: ConversationRecord, picks: readonly Pick[]): void {
  const input = app.tx.input(task.id);
  if (input === undefined) throw new Error(`task ${task.id} has no input record`);
  let conversation: ConversationRecord = { ...before, busy: task.id };
  const merged = mergeFacts(app, conversation, input.facts, { task: task.id, step: 0, agent: "" });
  for (const { by, text } of input.observations) {
    conversation = app.append(conversation, { type: "observed", task: task.id, step: 0, by, text, facts: {} });
  }
  const facts = merged === undefined ? {} : input.facts;
  conversation = app.append(conversation, { type: "opened", task: task.id, step: 0, by: "user", text: input.input, facts });
  const started: TaskRecord = { ...task, phase: "open", step: newStep(1, task.requires, null, membersOf(task)) };
  // The team may have changed while it waited in the queue.
  const nobody = unservable(app, task, task.requires);
  if (merged !== undefined && nobody !== undefined) {
    endTask(app, started, { ...conversation, factBytes: merged.factBytes, factNames: merged.factNames }, "failed", {
      error: nobody,
      picks,
    });
    return;
  }
  if (merged === undefined) {
    endTask(app, started, conversation, "failed", {
      error: { code: "TRIAD_FACTS_TOO_LARGE", message: "the conversation's facts would exceed their bound" },
      picks,
    });
    return;
  }
  conversation = { ...conversation, factBytes: merged.factBytes, factNames: merged.factNames };
  app.putConversation(conversation);
  app.putTask(assignPicks(app, started, picks));
}

export interface Ending {
  readonly output?: Body;
  readonly error?: TaskError;
  readonly missing?: readonly number[];
  readonly picks: readonly Pick[];
}

/**
 * Ends a task and starts the next of its conversation. The caller has put neither the task nor the conversation as they are handed in.
 * First in the log wins: whoever calls this has seen that the task has not ended.
 */
export function endTask(app: Application, task: TaskRecord, conversation: ConversationRecord, status: EndStatus, ending: Ending): void {
  const { tx } = app;
  if (task.step !== null) {
    voidOthers(app, task.step, -1);
    removePartials(app, task.id);
    removeJournals(app, task);
  }
  const ended: TaskRecord = {
    ...task,
    phase: "ended",
    status,
    step: null,
    endedAt: app.at,
    output: ending.output ?? null,
    error: ending.error ?? null,
    missing: ending.missing ?? null,
  };
  app.putTask(app.tell(ended, { event: status, step: task.steps, text: ending.error?.message ?? "" }));
  app.emit({ kind: "taskEnded", task: task.id, status });
  const meta = tx.meta();
  const bytes = tx.input(task.id)?.bytes ?? 0;
  tx.put(keys.meta, {
    ...meta,
    running: meta.running - 1,
    openBytes: meta.openBytes - bytes,
    ended: { ...meta.ended, [status]: meta.ended[status] + 1 },
  });
  tx.remove(keys.open(task.id));
  scheduleRemoval(app, ended);
  leaveConversation(app, ended, conversation, ending);
}

function leaveConversation(app: Application, task: TaskRecord, before: ConversationRecord, ending: Ending): void {
  if (before.busy !== task.id) {
    // It waited in the queue and never began: nothing of it is in the transcript.
    app.putConversation({ ...before, queue: before.queue.filter((id) => id !== task.id) });
    return;
  }
  const text = ending.error === undefined ? task.status : `${task.status}: ${ending.error.code}`;
  const conversation = app.append(
    { ...before, lastTurn: app.tx.input(task.id)?.embedding ?? null },
    { type: "ended", task: task.id, step: 0, by: "", text, facts: {} },
  );
  const [nextId, ...queue] = conversation.queue;
  const next = nextId === undefined ? undefined : app.tx.task(nextId);
  if (next === undefined) app.putConversation({ ...conversation, busy: null, queue });
  else startTask(app, next, { ...conversation, queue }, ending.picks);
}
