/** A task that was accepted, as its submitter holds it: follow it, wait for it, cancel it, judge it. */

import { TaskFailedError } from "./errors.ts";
import { type EventStreamOptions, taskEvents } from "./event-stream.ts";
import type { Transport } from "./transport.ts";
import type { TaskEvent, TaskView } from "./types.ts";

/** How long one read is held by the coordinator; below what proxies commonly cut. */
const HELD_MS = 30_000;

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Past this, the wait (not the task) ends with the DOMException "TimeoutError". */
  readonly timeoutMs?: number;
}

export class Task {
  readonly id: string;
  readonly conversation: string;
  readonly #transport: Transport;

  constructor(transport: Transport, id: string, conversation: string) {
    this.#transport = transport;
    this.id = id;
    this.conversation = conversation;
  }

  /** Every committed event from the first on, and live ones as they come, to the task's end; survives the loss of a coordinator. */
  events(options: EventStreamOptions = {}): AsyncGenerator<TaskEvent, void, undefined> {
    return taskEvents(this.#transport, `${this.#path()}/events`, options);
  }

  /** The task when it has ended, however it ended. */
  async ended(options: WaitOptions = {}): Promise<TaskView> {
    const bounds = [options.signal, options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs)].filter(
      (s) => s !== undefined,
    );
    const signal = AbortSignal.any(bounds);
    for (;;) {
      const view = await this.#transport.json<TaskView>("GET", `${this.#path()}?wait=${HELD_MS / 1_000}s`, { signal, heldMs: HELD_MS });
      if (view.status !== "running" && view.status !== "waiting") return view;
    }
  }

  /** The completed task; throws {@link TaskFailedError}, with the whole task in it, where it ended otherwise. */
  async result(options: WaitOptions = {}): Promise<TaskView & { readonly output: string }> {
    const view = await this.ended(options);
    if (view.status !== "completed") throw new TaskFailedError(view);
    return { ...view, output: view.output ?? "" };
  }

  /** The task as it stands. */
  view(options: { readonly signal?: AbortSignal } = {}): Promise<TaskView> {
    return this.#transport.json<TaskView>("GET", this.#path(), options);
  }

  #path(): string {
    return `/v1/tasks/${encodeURIComponent(this.id)}`;
  }
}
