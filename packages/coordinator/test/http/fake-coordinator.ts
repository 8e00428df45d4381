/**
 * A CoordinatorApi in memory: enough of a coordinator to see what HTTP asks of it and to decide what it answers. Tests hold the strings:
 * tasks end when told, event feeds give what they are given, and any method can be made to fail.
 */
import { type EffectVerdict, type Json, TriadError } from "@triad/protocol";
import type {
  Accepted,
  AgentView,
  ClusterView,
  ConversationView,
  CoordinatorApi,
  ExplainView,
  SubmitRequest,
  TaskStreamEvent,
  TaskView,
} from "../../src/services/state-manager/api.ts";

const PARTS = { time: -0.1, cost: 0, affinity: 0.2, quality: 0.8, incumbent: 0 };
const AT = "2026-01-02T03:04:05.000Z";

/** Events of one reader: pushed by the test, pulled by the server. */
export class EventFeed implements AsyncIterable<TaskStreamEvent> {
  readonly afterId: number;
  readonly signal: AbortSignal;
  /** How many events the server has asked for. */
  pulled = 0;
  returned = false;
  readonly #queue: (TaskStreamEvent | { readonly error: Error } | "end")[] = [];
  #wake: (() => void) | undefined;

  constructor(afterId: number, signal: AbortSignal) {
    this.afterId = afterId;
    this.signal = signal;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  push(...events: readonly TaskStreamEvent[]): void {
    this.#queue.push(...events);
    this.#wake?.();
  }

  end(): void {
    this.#queue.push("end");
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#queue.push({ error });
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<TaskStreamEvent> {
    try {
      while (!this.signal.aborted) {
        this.pulled++;
        const next = this.#queue.shift() ?? (await this.#more());
        if (next === "end" || next === undefined) return;
        if ("error" in next) throw next.error;
        yield next;
      }
    } finally {
      this.returned = true;
    }
  }

  async #more(): Promise<TaskStreamEvent | { readonly error: Error } | "end" | undefined> {
    if (!this.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#queue.shift();
  }
}

export class FakeCoordinator implements CoordinatorApi {
  readonly calls: { readonly method: string; readonly arguments: readonly unknown[] }[] = [];
  readonly tasks = new Map<string, TaskView>();
  readonly keys = new Map<string, { readonly body: string; readonly accepted: Accepted }>();
  readonly feeds: EventFeed[] = [];
  readonly waiters: { readonly id: string; readonly waitMs: number; readonly signal: AbortSignal; readonly end: () => void }[] = [];
  isReady = true;
  /** Thrown by the next call of that method. */
  readonly failures = new Map<string, unknown>();
  #feedListeners: ((feed: EventFeed) => void)[] = [];
  #waitListeners: (() => void)[] = [];
  #seq = 0;

  #called(method: string, ...values: readonly unknown[]): void {
    this.calls.push({ method, arguments: values });
    if (!this.failures.has(method)) return;
    const failure = this.failures.get(method);
    this.failures.delete(method);
    throw failure;
  }

  addTask(id: string, status: TaskView["status"] = "running"): TaskView {
    const routing = {
      score: 0.9,
      runnerUp: "trains",
      candidates: [{ agent: "hotels", score: 0.9, parts: PARTS }],
      reason: "best" as const,
    };
    const step = { n: 1, agent: "hotels", worker: "w1", attempt: 1, outcome: "finish", output: "done", facts: {}, agreement: 1 };
    const steps = [{ ...step, routing, startedAt: AT, finishedAt: AT }];
    const task: TaskView = { task: id, conversation: `c-${id}`, status, facts: { area: "north" }, steps, openedAt: AT };
    this.tasks.set(id, task);
    return task;
  }

  /** The feed of the next reader that connects. */
  nextFeed(): Promise<EventFeed> {
    return new Promise((resolve) => this.#feedListeners.push(resolve));
  }

  /** Resolves once a request is held in taskWhenEnded. */
  nextWaiter(): Promise<void> {
    return new Promise((resolve) => this.#waitListeners.push(resolve));
  }

  #find(id: string): TaskView {
    const task = this.tasks.get(id);
    if (!task) throw new TriadError("TRIAD_TASK_NOT_FOUND");
    return task;
  }

  async submit(request: SubmitRequest): Promise<Accepted> {
    this.#called("submit", request);
    const { idempotencyKey, ...body } = request;
    const known = idempotencyKey === undefined ? undefined : this.keys.get(idempotencyKey);
    if (known && known.body !== JSON.stringify(body)) throw new TriadError("TRIAD_IDEMPOTENCY_CONFLICT");
    if (known) return known.accepted;
    const task = `t-${++this.#seq}`;
    this.addTask(task);
    const accepted: Accepted = { task, conversation: request.conversation ?? `c-${task}`, status: "accepted", commitIndex: this.#seq };
    if (idempotencyKey !== undefined) this.keys.set(idempotencyKey, { body: JSON.stringify(body), accepted });
    return accepted;
  }

  async task(id: string): Promise<TaskView> {
    this.#called("task", id);
    return this.#find(id);
  }

  async taskWhenEnded(id: string, waitMs: number, signal: AbortSignal): Promise<TaskView> {
    this.#called("taskWhenEnded", id, waitMs);
    const { task } = this.#find(id);
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
      this.waiters.push({ id, waitMs, signal, end: resolve });
      for (const listener of this.#waitListeners.splice(0)) listener();
    });
    return this.#find(task);
  }

  async taskEvents(id: string, afterId: number, signal: AbortSignal): Promise<AsyncIterable<TaskStreamEvent>> {
    this.#called("taskEvents", id, afterId);
    this.#find(id);
    const feed = new EventFeed(afterId, signal);
    this.feeds.push(feed);
    for (const listener of this.#feedListeners.splice(0)) listener(feed);
    return feed;
  }

  async cancel(id: string): Promise<TaskView> {
    this.#called("cancel", id);
    const task = this.#find(id);
    const after: TaskView = task.status === "running" || task.status === "waiting" ? { ...task, status: "cancelled", endedAt: AT } : task;
    this.tasks.set(id, after);
    return after;
  }

  async resolveEffect(
    id: string,
    effect: { readonly n: number; readonly member?: number },
    verdict: EffectVerdict,
    request: string,
  ): Promise<TaskView> {
    this.#called("resolveEffect", id, effect, verdict, request);
    const task = this.#find(id);
    if (effect.n === 9) throw new TriadError("TRIAD_EFFECT_NOT_WAITING");
    return task;
  }

  async feedback(id: string, feedback: { readonly quality: number; readonly step?: number }, request: string): Promise<void> {
    this.#called("feedback", id, feedback, request);
    this.#find(id);
  }

  async conversation(id: string, options: { readonly verify: boolean }): Promise<ConversationView> {
    this.#called("conversation", id, options);
    if (id !== "c-1") throw new TriadError("TRIAD_CONVERSATION_NOT_FOUND");
    const empty: Readonly<Record<string, Json>> = {};
    const opened = {
      seq: 1,
      prev: "",
      id: "ab12",
      type: "opened" as const,
      at: 1,
      task: "t-1",
      step: 0,
      by: "user",
      text: "hi",
      facts: empty,
    };
    const view: ConversationView = {
      conversation: id,
      root: "ab12",
      events: [opened],
      facts: { area: "north" },
      provenance: { area: { version: 1, task: "t-1", step: 0, agent: "" } },
      tasks: [{ task: "t-1", status: "running" }],
    };
    return options.verify ? { ...view, verified: true } : view;
  }

  async agents(): Promise<readonly AgentView[]> {
    this.#called("agents");
    return [await this.agent("hotels")];
  }

  async agent(id: string): Promise<AgentView> {
    this.#called("agent", id);
    if (id !== "hotels") throw new TriadError("TRIAD_AGENT_UNKNOWN");
    const capabilities = { hotels: { quality: 0.9, done: 1, samples: 3, latencyMs: 12.5, costUsd: 0 } };
    const triple = { prompt: { template: "You book hotels.", version: 1 }, context: { dim: 256, norm: 0.5, steps: 4 }, capabilities };
    return { id, workers: ["w1", "w2"], actors: 1, status: "up", triple };
  }

  async explain(request: Parameters<CoordinatorApi["explain"]>[0]): Promise<ExplainView> {
    this.#called("explain", request);
    if (request.requires && !Object.hasOwn(request.requires, "hotels")) throw new TriadError("TRIAD_SKILL_UNKNOWN");
    const candidates = [{ agent: "hotels", score: 0.9, parts: PARTS }];
    return { agent: "hotels", score: 0.9, runnerUp: null, reason: "only", requires: request.requires ?? null, candidates };
  }

  cluster(): ClusterView {
    this.#called("cluster");
    const place = { term: 2, commitIndex: 9, appliedIndex: 9, stateHash: "ff00" };
    return {
      cluster: "triad-a",
      leader: "k1",
      term: 2,
      coordinators: [{ id: "k1", pid: 11, role: "leader", http: "http://127.0.0.1:7070", ...place }],
      workers: [{ id: "w1", pid: 12, state: "up", threads: 2, agents: 3, inFlight: 0, http: "" }],
      tasks: { running: 1, completed: 2, failed: 0 },
    };
  }

  async drainWorker(id: string): Promise<{ readonly id: string; readonly state: string }> {
    this.#called("drainWorker", id);
    if (id !== "w1") throw new TriadError("TRIAD_WORKER_NOT_FOUND");
    return { id, state: "draining" };
  }

  ready(): boolean {
    return this.isReady;
  }
}
