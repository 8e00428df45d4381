/**
 * What log time removes: ended tasks, their idempotency keys, and a conversation with its last task, oldest first. A Tick, which is proposed
 * for this, removes many; any other command a few, more than it makes: an entry holds hundreds of them, and all wait while it is applied.
 */
import type { Body, TranscriptEvent } from "@triad/protocol";
import type { Application } from "./application.ts";
import { type DueKind, keys } from "./keys.ts";
import type { ConversationRecord, DueRecord, PartialRecord, StepRecord, TaskRecord } from "./records.ts";

/** A task has ended: from now on log time may remove it, and its key once that is old enough as well. */
export function scheduleRemoval(app: Application, task: TaskRecord): void {
  const { tx } = app;
  tx.put(keys.due("task", app.at, task.id), { at: app.at, id: task.id });
  const meta = tx.meta();
  const oldestTask = meta.oldestTask ?? app.at;
  if (task.key === null) {
    tx.put(keys.meta, { ...meta, oldestTask });
    return;
  }
  tx.put(keys.due("key", task.openedAt, task.key), { at: task.openedAt, id: task.key });
  const oldestKey = meta.oldestKey === null || task.openedAt < meta.oldestKey ? task.openedAt : meta.oldestKey;
  tx.put(keys.meta, { ...meta, oldestTask, oldestKey });
}

/** True where a command at log time `at` would remove something: then a Tick is worth an entry. */
export function anythingDue(app: Pick<Application, "tx">, at: number): boolean {
  const meta = app.tx.meta();
  const config = app.tx.config();
  return (
    (meta.oldestTask !== null && meta.oldestTask + config.retentionMs <= at) ||
    (meta.oldestKey !== null && meta.oldestKey + config.keyTtlMs <= at)
  );
}

/** Removes what is due, at most `budget` records; every command does so first. */
export function removeDue(app: Application, budget: number): void {
  if (!anythingDue(app, app.at)) return;
  const config = app.tx.config();
  const removedKeys = sweep(app, "key", config.keyTtlMs, budget, (key) => app.tx.remove(keys.idempotency(key)));
  sweep(app, "task", config.retentionMs, budget - removedKeys, (id) => removeTask(app, id));
}

function sweep(app: Application, kind: DueKind, keepMs: number, budget: number, remove: (id: string) => void): number {
  let removed = 0;
  let oldest: number | null = null;
  // One more than the budget: the first that stays says when the next is due.
  for (const [key, record] of app.tx.first(keys.dues(kind), budget + 1)) {
    const due = record as DueRecord;
    if (removed >= budget || due.at + keepMs > app.at) {
      oldest = due.at;
      break;
    }
    app.tx.remove(key);
    remove(due.id);
    removed++;
  }
  const meta = app.tx.meta();
  app.tx.put(keys.meta, kind === "task" ? { ...meta, oldestTask: oldest } : { ...meta, oldestKey: oldest });
  return removed;
}

function removeAll(app: Application, prefix: string): void {
  for (const key of app.tx.list(prefix).keys()) app.tx.remove(key);
}

export function removePartials(app: Application, task: string): void {
  for (const [key, record] of app.tx.list(keys.allPartials(task))) {
    app.release((record as PartialRecord).output);
    app.tx.remove(key);
  }
}

/** The texts that a step's record holds, its members' among them. */
export function bodiesOfStep(step: StepRecord): readonly (Body | null)[] {
  return [step.output, ...(step.members ?? []).map((member) => member.output)];
}

// What is numbered is removed by its numbers: a listing would look through everything that was written lately.

function removeSteps(app: Application, { id, steps, events }: TaskRecord): void {
  for (let n = 1; n <= steps; n++) {
    const step: StepRecord | undefined = app.tx.step(id, n);
    if (step === undefined) continue;
    for (const body of bodiesOfStep(step)) app.release(body);
    app.tx.remove(keys.step(id, n));
  }
  for (let n = 1; n <= events; n++) app.tx.remove(keys.taskEvent(id, n));
}

function removeEvents(app: Application, { id, events }: ConversationRecord): void {
  for (let seq = 1; seq <= events; seq++) {
    const key = keys.event(id, seq);
    app.release((app.tx.get(key) as TranscriptEvent | undefined)?.body);
    app.tx.remove(key);
  }
}

function removeTask(app: Application, id: string): void {
  const { tx } = app;
  const task = tx.task(id);
  if (task === undefined) return;
  tx.remove(keys.task(id));
  tx.remove(keys.input(id));
  removeSteps(app, task);
  if (task.key !== null && tx.idempotency(task.key)?.task === id) {
    // The key may not outlive what it points to.
    tx.remove(keys.idempotency(task.key));
    tx.remove(keys.due("key", task.openedAt, task.key));
  }
  const conversation = tx.conversation(task.conversation);
  if (conversation === undefined) return;
  tx.remove(keys.conversationTask(conversation.id, task.place));
  if (conversation.tasks > 1) {
    app.putConversation({ ...conversation, tasks: conversation.tasks - 1 });
    return;
  }
  tx.remove(keys.conversation(conversation.id));
  removeEvents(app, conversation);
  for (const prefix of [keys.facts, keys.contexts]) removeAll(app, prefix(conversation.id));
}
