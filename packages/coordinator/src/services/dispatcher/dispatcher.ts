/**
 * Brings assignments to their workers, from Φ alone: after an entry is applied, and whenever a heartbeat shows that something is missing or
 * void (state.md 5). A new leader compares, it does not replay. Nothing here is remembered that Φ does not say, but when a fence was last sent.
 */
import { CONTEXT_DIM, type Dispatch, type Heartbeat, type InboxMessage, limits, type TranscriptEvent } from "@triad/protocol";
import { factsOf } from "../../core/state/facts.ts";
import { journalFor } from "../../core/state/journal.ts";
import { keys } from "../../core/state/keys.ts";
import type { AgentRecord } from "../../core/state/records.ts";
import { type StateReader, Transaction } from "../../core/state/transaction.ts";
import { eventBytes } from "../../core/transcript/transcript.ts";
import type { Held, LiveIndex } from "../consensus-engine/live-index.ts";
import type { Clock, Messenger } from "../ports.ts";

interface Sent {
  readonly no: number;
  readonly atMs: number;
}

export interface DispatcherPorts {
  readonly state: StateReader;
  readonly index: LiveIndex;
  readonly clock: Clock;
  readonly messenger: Messenger;
  /** Id of this coordinator, and its term while it leads. */
  readonly self: string;
  readonly term: () => number;
  /** Called before dispatches leave: what else is to be sent in this turn goes with them. */
  readonly beforeFlush?: () => void;
}

/** Events of the transcript in a dispatch: enough for a window, bounded in number as well as bytes. */
const EVENTS_MAX = 24;

/** Below this many fences nobody looks which of them are over. */
const SENT_MIN = 4_096;

export class Dispatcher {
  private readonly ports: DispatcherPorts;
  /** Worker → highest number given in this term. */
  private readonly numbers = new Map<string, number>();
  private readonly sent = new Map<number, Sent>();
  private readonly due = new Map<string, Set<number>>();
  private forgetAt = SENT_MIN;
  private scheduled = false;

  constructor(ports: DispatcherPorts) {
    this.ports = ports;
  }

  /** A new term: numbers begin again, and nothing counts as sent. */
  reset(): void {
    this.numbers.clear();
    this.sent.clear();
    this.due.clear();
  }

  /** The assignment with this fence goes out with this loop turn's message to its worker. */
  enqueue(worker: string, fence: number): void {
    const fences = this.due.get(worker);
    if (fences === undefined) this.due.set(worker, new Set([fence]));
    else fences.add(fence);
    if (this.scheduled) return;
    this.scheduled = true;
    this.ports.clock.soon(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  abort(worker: string, fences: readonly number[]): void {
    for (const fence of fences) this.sent.delete(fence);
    if (fences.length > 0) this.send(worker, { kind: "abort", ...this.header(), fences });
  }

  tell(
    worker: string,
    message:
      | { readonly kind: "reregister"; readonly token: number }
      | { readonly kind: "replaced"; readonly bootId: string }
      | { readonly kind: "drain" },
  ): void {
    this.send(worker, { ...this.header(), ...message });
  }

  private header(): { readonly term: number; readonly leader: string } {
    return { term: this.ports.term(), leader: this.ports.self };
  }

  private send(worker: string, message: InboxMessage): void {
    if (this.ports.messenger.connected) this.ports.messenger.toWorker(worker, message);
  }

  /**
   * Compares what a worker runs with what Φ gives it. Fences above `fenceMax` are of commands that this coordinator has not applied:
   * it cannot say that they are void.
   */
  compare(heartbeat: Heartbeat, fenceMax: number): void {
    const held = this.ports.index.heldBy(heartbeat.worker);
    const running = new Set(heartbeat.fences);
    const nowMs = this.ports.clock.monotonicMs();
    const sameTerm = heartbeat.echoTerm === this.ports.term();
    for (const [fence, entry] of held) {
      if (running.has(fence) || entry.token !== heartbeat.token) continue;
      const sent = this.sent.get(fence);
      const arrived = sent !== undefined && sameTerm && sent.no <= heartbeat.echoNo;
      if (sent === undefined || arrived || nowMs - sent.atMs >= limits.REDISPATCH_MS) this.enqueue(heartbeat.worker, fence);
    }
    const fences = heartbeat.fences.filter((fence) => fence < fenceMax && !held.has(fence));
    this.abort(heartbeat.worker, fences);
  }

  private flush(): void {
    this.ports.beforeFlush?.();
    const due = [...this.due];
    this.due.clear();
    if (!this.ports.messenger.connected) return;
    for (const [worker, fences] of due) this.flushWorker(worker, fences);
  }

  private flushWorker(worker: string, fences: ReadonlySet<number>): void {
    const held = this.ports.index.heldBy(worker);
    let items: Dispatch[] = [];
    let bytes = 0;
    const ship = (): void => {
      if (items.length > 0) this.send(worker, { kind: "dispatch", ...this.header(), items });
      items = [];
      bytes = 0;
    };
    for (const fence of fences) {
      const entry = held.get(fence);
      if (entry === undefined) continue;
      const no = (this.numbers.get(worker) ?? 0) + 1;
      const dispatch = this.build(entry, fence, no);
      if (dispatch === undefined) continue;
      this.numbers.set(worker, no);
      this.sent.set(fence, { no, atMs: this.ports.clock.monotonicMs() });
      const size = sizeOf(dispatch);
      if (bytes + size > limits.DISPATCH_BYTES_MAX || items.length >= limits.ASSIGNMENTS_MAX) ship();
      items.push(dispatch);
      bytes += size;
    }
    ship();
    this.forget();
  }

  /** What was sent for fences that Φ no longer knows is dropped now and then, so that the map stays as small as the work under way. */
  private forget(): void {
    if (this.sent.size < this.forgetAt) return;
    const live = new Set<number>();
    for (const task of this.ports.index.openTasks().values()) for (const member of task.step?.members ?? []) live.add(member.fence);
    for (const fence of this.sent.keys()) if (!live.has(fence)) this.sent.delete(fence);
    // Not again before it has doubled: with many live fences each look would find nothing to drop.
    this.forgetAt = Math.max(SENT_MIN, 2 * this.sent.size);
  }

  private build(held: Held, fence: number, no: number): Dispatch | undefined {
    const tx = new Transaction(this.ports.state);
    const task = tx.task(held.task);
    const member = task?.step?.members[held.member];
    const input = tx.input(held.task);
    const conversation = task === undefined ? undefined : tx.conversation(task.conversation);
    if (task === undefined || member === undefined || input === undefined || conversation === undefined) return undefined;
    const agent = tx.agent(held.agent);
    const context = tx.context(conversation.id, held.agent)?.context ?? profileOf(agent);
    const effects = journalFor(tx, task.id, held.step, member);
    const { events } = lastEvents(tx, conversation.id, conversation.events, limits.DISPATCH_TRANSCRIPT_BYTES_MAX, EVENTS_MAX);
    return {
      no,
      fence,
      task: task.id,
      step: held.step,
      member: held.member,
      attempt: member.attempt,
      start: member.start,
      alone: member.alone,
      conversation: conversation.id,
      agent: held.agent,
      input: input.input,
      requires: member.requires,
      facts: factsOf(tx, conversation.id),
      events,
      eventsTotal: conversation.events,
      root: conversation.root,
      context,
      ...(task.deadlineAt === null ? {} : { deadlineAt: task.deadlineAt }),
      ensemble: task.strategy.kind === "ensemble",
      ...(effects.length === 0 ? {} : { effects }),
    };
  }
}

function profileOf(agent: AgentRecord | undefined): Uint8Array {
  const profile = agent?.profile ?? new Uint8Array(0);
  return profile.length === CONTEXT_DIM * 4 ? profile : new Uint8Array(0);
}

function sizeOf(dispatch: Dispatch): number {
  let bytes = 2048 + dispatch.input.length;
  for (const event of dispatch.events) bytes += 212 + eventBytes(event);
  for (const [name, fact] of Object.entries(dispatch.facts)) bytes += 256 + name.length + JSON.stringify(fact.value).length;
  for (const { outcome } of dispatch.effects ?? []) {
    bytes += 256 + (outcome.kind === "returned" ? outcome.value.length * 2 : JSON.stringify(outcome.error).length * 2);
  }
  return bytes;
}

/** The last events of a conversation, oldest first, within a bound of bytes and number. */
export function lastEvents(
  state: StateReader,
  conversation: string,
  total: number,
  bytesMax: number,
  eventsMax: number,
): { readonly events: readonly TranscriptEvent[] } {
  const events: TranscriptEvent[] = [];
  let bytes = 0;
  for (let seq = total; seq > 0 && events.length < eventsMax; seq--) {
    const event = state.get(keys.event(conversation, seq)) as TranscriptEvent | undefined;
    if (event === undefined) break;
    bytes += eventBytes(event);
    if (bytes > bytesMax && events.length > 0) break;
    events.push(event);
  }
  return { events: events.reverse() };
}
