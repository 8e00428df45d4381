/**
 * The events of one task for one listener: committed ones from Φ, in order, after whatever the listener has seen; and the live ones (`started`,
 * `delta`) of the step that runs. Live events are held until the fence that they belong to has been applied here, dropped where it is void, and
 * never replayed (state.md 5).
 */
import { type LiveEvent, limits } from "@triad/protocol";
import { keys } from "../../core/state/keys.ts";
import type { StepRecord, TaskEventRecord, TaskRecord } from "../../core/state/records.ts";
import type { StateReader } from "../../core/state/transaction.ts";
import type { AppliedNotice } from "../consensus-engine/consensus-engine.ts";
import type { Clock, Messenger } from "../ports.ts";
import type { TaskStreamEvent } from "../state-manager/api.ts";
import { streamEvent } from "../state-manager/views.ts";

export interface TaskStreamPorts {
  readonly state: StateReader;
  readonly clock: Clock;
  readonly messenger: Messenger;
  readonly onApplied: (listener: (notice: AppliedNotice) => void) => () => void;
}

interface Held {
  readonly event: LiveEvent;
  readonly atMs: number;
}

const ENDS = new Set(["completed", "failed", "cancelled", "expired"]);

export class TaskStream implements AsyncIterableIterator<TaskStreamEvent> {
  private readonly task: string;
  private readonly ports: TaskStreamPorts;
  private readonly live: LiveEvent[] = [];
  private held: Held[] = [];
  private readonly lastN = new Map<number, number>();
  private readonly cleanUps: (() => void)[] = [];
  private seen: number;
  private ended = false;
  private wake: (() => void) | undefined;

  constructor(task: string, afterId: number, ports: TaskStreamPorts, signal: AbortSignal) {
    this.task = task;
    this.seen = afterId;
    this.ports = ports;
    this.cleanUps.push(ports.messenger.onLiveEvents(task, (event) => this.onLive(event)));
    this.cleanUps.push(ports.onApplied((notice) => this.onApplied(notice)));
    const stop = (): void => this.finish();
    signal.addEventListener("abort", stop, { once: true });
    this.cleanUps.push(() => signal.removeEventListener("abort", stop));
    if (signal.aborted) this.finish();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<TaskStreamEvent>> {
    while (!this.ended) {
      const event = this.take();
      if (event !== undefined) {
        if (ENDS.has(event.event)) this.finish();
        return { done: false, value: event };
      }
      if (this.nothingLeft()) {
        this.finish();
        break;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<TaskStreamEvent>> {
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The task has ended and the listener has seen, or skipped, its last event. */
  private nothingLeft(): boolean {
    const task = this.ports.state.get(keys.task(this.task)) as TaskRecord | undefined;
    return task === undefined || (task.phase === "ended" && this.seen >= task.events);
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    for (const cleanUp of this.cleanUps.splice(0)) cleanUp();
    this.wakeUp();
  }

  private wakeUp(): void {
    this.wake?.();
    this.wake = undefined;
  }

  /** A live event stands between the `routed` of its fence and the end of its step: it goes out before the next committed event does. */
  private take(): TaskStreamEvent | undefined {
    const committed = this.committed(this.seen + 1);
    const first = this.live[0];
    if (first !== undefined && (committed === undefined || !this.startsBefore(committed, first))) {
      this.live.shift();
      return liveView(first);
    }
    if (committed === undefined) return undefined;
    this.seen = committed.n;
    return streamEvent(this.task, committed);
  }

  /** True where the committed event must be shown before the live one: it is its `routed`, or came before that. */
  private startsBefore(committed: TaskEventRecord, live: LiveEvent): boolean {
    if (committed.event === "accepted") return true;
    if (committed.event === "routed") return committed.fence <= live.fence;
    return committed.event === "step" && committed.step < live.step;
  }

  private committed(n: number): TaskEventRecord | undefined {
    return this.ports.state.get(keys.taskEvent(this.task, n)) as TaskEventRecord | undefined;
  }

  private onApplied(notice: AppliedNotice): void {
    if (!notice.restored && !notice.effects.some((effect) => effect.kind === "taskEvent" && effect.task === this.task)) return;
    this.release();
    this.wakeUp();
  }

  private onLive(event: LiveEvent): void {
    const nowMs = this.ports.clock.monotonicMs();
    this.held = this.held.filter((held) => nowMs - held.atMs <= limits.LIVE_EVENTS_MS);
    if (this.held.length >= limits.LIVE_EVENTS_MAX) return;
    this.held.push({ event, atMs: nowMs });
    this.release();
    this.wakeUp();
  }

  /** Live events whose fence is applied and still holds its step go on; void ones and repetitions are dropped; the rest waits. */
  private release(): void {
    const waiting: Held[] = [];
    const task = this.ports.state.get(keys.task(this.task)) as TaskRecord | undefined;
    for (const held of this.held) {
      const { event } = held;
      const member = task?.step?.n === event.step ? task.step.members[event.member] : undefined;
      if (member !== undefined && member.state === "assigned" && member.fence === event.fence) {
        const last = this.lastN.get(event.fence) ?? -1;
        if (event.n > last && this.live.length < limits.LIVE_EVENTS_MAX) {
          this.lastN.set(event.fence, event.n);
          this.live.push(event);
        }
      } else if (!this.isVoid(task, event)) waiting.push(held);
    }
    this.held = waiting;
  }

  private isVoid(task: TaskRecord | undefined, event: LiveEvent): boolean {
    if (task === undefined || task.phase === "ended") return true;
    if (this.ports.state.get(keys.step(this.task, event.step)) as StepRecord | undefined) return true;
    const current = task.step;
    const fence = current?.n === event.step ? (current.members[event.member]?.fence ?? 0) : 0;
    return fence > event.fence;
  }
}

function liveView(event: LiveEvent): TaskStreamEvent {
  const data = { task: event.task, step: event.step, agent: event.agent, worker: event.worker, attempt: event.attempt };
  return { event: event.event, data: event.event === "delta" ? { ...data, text: event.text } : data };
}
