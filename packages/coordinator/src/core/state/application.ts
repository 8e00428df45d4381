/**
 * What is at hand while one command is applied: the transaction, log time, the command's number, and the effects that come of it.
 * Effects are data for the leader and for listeners; none of them is needed to rebuild Φ.
 */
import { type CommandResult, type EndStatus, limits, type Pick, type TranscriptEvent } from "@triad/protocol";
import { appendEvent } from "../transcript/transcript.ts";
import { type MaybeStored, releaseBody, retainBody } from "./bodies.ts";
import { keys } from "./keys.ts";
import type { ConversationRecord, TaskEventRecord, TaskRecord } from "./records.ts";
import type { Transaction } from "./transaction.ts";

/** SHA-256 as lower-case hex; injected, so that core needs no library. */
export type Sha256 = (bytes: Uint8Array) => string;

export type Effect =
  | { readonly kind: "routed"; readonly pick: Pick; readonly fence: number; readonly attempt: number; readonly start: number }
  | { readonly kind: "voided"; readonly worker: string; readonly fence: number }
  | { readonly kind: "waiting"; readonly task: string }
  | { readonly kind: "taskEvent"; readonly task: string; readonly record: TaskEventRecord }
  | { readonly kind: "taskEnded"; readonly task: string; readonly status: EndStatus }
  | {
      readonly kind: "attempt";
      readonly agent: string;
      readonly outcome: "committed" | "failed" | "lost" | "fenced";
      readonly serviceMs: number;
    }
  | { readonly kind: "handoff" }
  | { readonly kind: "negotiated"; readonly agreement: number; readonly rejected: string | null }
  | { readonly kind: "journal"; readonly outcome: "intended" | "done" | "failed" | "doubt" | "asked" | "resolved" }
  /** A record refers to these chunks from now on: whoever lacks one gets it from the others. */
  | { readonly kind: "referred"; readonly chunks: readonly string[] }
  | { readonly kind: "team" }
  | { readonly kind: "worker"; readonly worker: string };

export class Application {
  readonly tx: Transaction;
  /** Log time of the command, milliseconds since the epoch. */
  readonly at: number;
  /** Φ.seq of the command. */
  readonly seq: number;
  readonly sha256: Sha256;
  readonly effects: Effect[] = [];
  /** The leader looks ahead on a copy that it throws away: what neither its answer nor its routing reads is not computed. */
  readonly rehearsal: boolean;
  private assigned = 0;

  constructor(tx: Transaction, at: number, seq: number, sha256: Sha256, rehearsal = false) {
    this.rehearsal = rehearsal;
    this.tx = tx;
    this.at = at;
    this.seq = seq;
    this.sha256 = sha256;
  }

  /** The next fence of this command: one number over all tasks and members (state.md 1). */
  nextFence(): number {
    return this.seq * limits.FENCE_STRIDE + this.assigned++;
  }

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  putTask(task: TaskRecord): void {
    this.tx.put(keys.task(task.id), task);
  }

  putConversation(conversation: ConversationRecord): void {
    this.tx.put(keys.conversation(conversation.id), conversation);
  }

  /** A record that holds this text is written. */
  retain(body: MaybeStored): void {
    const chunks = retainBody(this.tx, body);
    if (chunks.length > 0) this.emit({ kind: "referred", chunks });
  }

  /** A record that held this text is removed. */
  release(body: MaybeStored): void {
    releaseBody(this.tx, body);
  }

  /** Appends to the hash-chained transcript; gives the conversation with its new root. */
  append(conversation: ConversationRecord, event: Omit<TranscriptEvent, "seq" | "prev" | "id" | "at">): ConversationRecord {
    if (this.rehearsal) return conversation;
    const appended = appendEvent({ root: conversation.root, seq: conversation.events }, { ...event, at: this.at }, this.sha256);
    this.tx.put(keys.event(conversation.id, appended.seq), appended);
    this.retain(appended.body);
    return { ...conversation, root: appended.id, events: appended.seq };
  }

  /** Numbers a committed event for clients; gives the task with its new count. */
  tell(task: TaskRecord, event: Partial<TaskEventRecord> & Pick1<TaskEventRecord, "event">): TaskRecord {
    const n = task.events + 1;
    const record: TaskEventRecord = {
      step: 0,
      member: 0,
      agent: "",
      worker: "",
      attempt: 0,
      fence: 0,
      text: "",
      ...event,
      n,
      at: this.at,
    };
    this.tx.put(keys.taskEvent(task.id, n), record);
    this.emit({ kind: "taskEvent", task: task.id, record });
    return { ...task, events: n };
  }
}

type Pick1<T, K extends keyof T> = { readonly [P in K]: T[P] };

export const ok: CommandResult = { outcome: "ok" };

export function refused(code: string, message: string, details?: unknown): CommandResult {
  return details === undefined ? { outcome: "refused", code, message } : { outcome: "refused", code, message, details };
}
