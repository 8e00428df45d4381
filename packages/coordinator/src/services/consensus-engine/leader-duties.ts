/**
 * What only the leader does, always from Φ: it gives waiting steps a worker, ends what is past its deadline, declares silent workers lost, brings
 * assignments to workers and compares heartbeats. A new leader starts all of it from its applied state, so nothing depends on what the old one
 * remembered (state.md 5 to 7).
 */
import { type Command, type CommandResult, type Heartbeat, limits } from "@triad/protocol";
import type { Effect } from "../../core/state/application.ts";
import { keys } from "../../core/state/keys.ts";
import type { ConfigRecord, TaskRecord } from "../../core/state/records.ts";
import { anythingDue } from "../../core/state/retention.ts";
import { type StateReader, Transaction, type Writes } from "../../core/state/transaction.ts";
import type { Dispatcher } from "../dispatcher/dispatcher.ts";
import type { Clock, Messenger } from "../ports.ts";
import type { WorkerDirectory } from "../worker-directory/worker-directory.ts";
import { Agenda } from "./agenda.ts";
import type { LiveIndex } from "./live-index.ts";
import type { WaitingPlan } from "./planner.ts";
import { WaitingRoom } from "./waiting-room.ts";

const TURN_MS = 50;
/** A turn that comes later than this means that the process stood still: nobody's silence counts. */
const STALL_MS = 500;
const SILENCE_CHECK_MS = 250;

export interface LeaderPorts {
  readonly state: StateReader;
  readonly index: LiveIndex;
  readonly directory: WorkerDirectory;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly messenger: Messenger;
  readonly propose: (command: Command) => Promise<CommandResult>;
  readonly planWaiting: (waiting: WaitingRoom, nowMs: number) => WaitingPlan;
  readonly warn: (message: string, details: object) => void;
  /** What this coordinator was started with; values that are not given stay as Φ has them. */
  readonly wanted?: Partial<ConfigRecord>;
}

const TASK_PREFIX = keys.task("");
/** Effects after which there may be room where there was none. */
const FREES: ReadonlySet<Effect["kind"]> = new Set<Effect["kind"]>(["attempt", "voided", "taskEnded", "worker", "team"]);

export class LeaderDuties {
  private readonly ports: LeaderPorts;
  private readonly agenda = new Agenda();
  private readonly waiting = new WaitingRoom();
  private leading = false;
  private cancelTurn: (() => void) | undefined;
  private assignScheduled = false;
  private assigning = false;
  /** An Assign was not taken, so nothing will be applied that calls for the next: the coming turn makes it. */
  private assignAgain = false;
  private lastTurnMs = 0;
  private lastCheckMs = 0;
  private lastTickAt = 0;
  private connected = false;
  private configuring = false;

  constructor(ports: LeaderPorts) {
    this.ports = ports;
  }

  /** From now on this coordinator leads: everything is looked up anew. */
  begin(): void {
    const { clock, directory, dispatcher, index } = this.ports;
    this.leading = true;
    this.connected = this.ports.messenger.connected;
    this.lastTurnMs = clock.monotonicMs();
    directory.restartCount(this.lastTurnMs);
    dispatcher.reset();
    this.agenda.clear();
    this.waiting.clear();
    this.configure();
    for (const task of index.waiting()) this.waiting.arrive(task);
    for (const task of index.openTasks().values()) {
      this.remind(task);
      if (task.deadlineAt !== null) this.agenda.add({ at: task.deadlineAt, task: task.id });
    }
    this.scheduleAssign();
    this.scheduleTurn();
  }

  /**
   * Retention stands in Φ, where all coordinators read the same: the leader's own settings get there by an entry, and are looked at again until
   * they are there.
   */
  private configure(): void {
    const { state, wanted = {}, propose, warn } = this.ports;
    const before = new Transaction(state).config();
    const { retentionMs = before.retentionMs, keyTtlMs = before.keyTtlMs } = wanted;
    if (this.configuring || (retentionMs === before.retentionMs && keyTtlMs === before.keyTtlMs)) return;
    this.configuring = true;
    propose({ type: "SetConfig", retentionMs, keyTtlMs })
      .catch((error: unknown) => warn("own proposal not committed", { type: "SetConfig", error: String(error) }))
      .finally(() => {
        this.configuring = false;
      });
  }

  end(): void {
    this.leading = false;
    this.cancelTurn?.();
    this.cancelTurn = undefined;
    this.agenda.clear();
    this.waiting.clear();
    this.ports.dispatcher.reset();
  }

  /** After an entry has been applied while this coordinator leads. */
  applied(writes: Writes, effects: readonly Effect[]): void {
    if (!this.leading) return;
    let freed = false;
    for (const effect of effects) {
      freed ||= FREES.has(effect.kind);
      if (effect.kind === "routed") this.ports.dispatcher.enqueue(effect.pick.worker, effect.fence);
      else if (effect.kind === "voided") this.ports.dispatcher.abort(effect.worker, [effect.fence]);
      // A registration is a sign of life. Counted from its last heartbeat, a worker that comes back would be lost again before its first one.
      else if (effect.kind === "worker") this.ports.directory.hear(effect.worker, this.ports.clock.monotonicMs());
    }
    for (const [key, record] of writes) {
      if (!key.startsWith(TASK_PREFIX) || record === undefined) continue;
      const task = record as TaskRecord;
      this.look(task.id);
      if (task.phase === "ended") continue;
      this.remind(task);
      if (writes.has(keys.open(task.id)) && task.deadlineAt !== null) this.agenda.add({ at: task.deadlineAt, task: task.id });
    }
    if (freed) this.waiting.roomCame();
    if (this.waiting.isWorthVisit) this.scheduleAssign();
  }

  /** Whether it waits, and what for, may have changed. */
  private look(task: string): void {
    if (this.ports.index.waiting().has(task)) this.waiting.arrive(task);
    else this.waiting.leave(task);
  }

  private remind(task: TaskRecord): void {
    for (const member of task.step?.members ?? []) {
      if (member.state === "waiting" && member.retryAt > 0) this.agenda.add({ at: member.retryAt, task: task.id });
    }
  }

  heartbeat(message: Heartbeat): void {
    if (!this.leading) return;
    const tx = new Transaction(this.ports.state);
    const worker = tx.worker(message.worker);
    if (message.token === 0) return;
    const { dispatcher, directory } = this.ports;
    if (worker === undefined) {
      if (message.token <= tx.meta().seq) dispatcher.tell(message.worker, { kind: "reregister", token: message.token });
      return;
    }
    if (worker.state !== "down" && worker.bootId !== message.bootId) {
      if (message.token < worker.token) dispatcher.tell(message.worker, { kind: "replaced", bootId: message.bootId });
      return;
    }
    if (worker.token !== message.token || worker.state === "down") {
      // A token above ours is of an entry that is not applied here yet.
      if (message.token <= tx.meta().seq) dispatcher.tell(message.worker, { kind: "reregister", token: message.token });
      return;
    }
    directory.hear(worker.id, this.ports.clock.monotonicMs());
    if (worker.state === "draining") dispatcher.tell(worker.id, { kind: "drain" });
    dispatcher.compare(message, (tx.meta().seq + 1) * limits.FENCE_STRIDE);
  }

  private scheduleTurn(): void {
    this.cancelTurn = this.ports.clock.schedule(TURN_MS, () => {
      if (!this.leading) return;
      this.turn();
      this.scheduleTurn();
    });
  }

  private turn(): void {
    const { clock, directory, messenger } = this.ports;
    const nowMs = clock.monotonicMs();
    const stalled = nowMs - this.lastTurnMs > STALL_MS;
    this.lastTurnMs = nowMs;
    if (stalled || !messenger.connected || !this.connected) directory.restartCount(nowMs);
    this.connected = messenger.connected;
    if (this.assignAgain) this.scheduleAssign();
    this.runAgenda();
    if (nowMs - this.lastCheckMs < SILENCE_CHECK_MS) return;
    this.lastCheckMs = nowMs;
    this.configure();
    const tx = new Transaction(this.ports.state);
    for (const worker of directory.silent(tx.workers(), nowMs)) {
      this.send({ type: "WorkerLost", worker: worker.id, token: worker.token, reason: "silent" });
    }
    const at = Math.max(tx.meta().at, clock.wallMs());
    if (at - this.lastTickAt >= limits.TICK_MS && anythingDue({ tx }, at)) {
      this.lastTickAt = at;
      this.send({ type: "Tick" });
    }
  }

  private runAgenda(): void {
    const at = Math.max(new Transaction(this.ports.state).meta().at, this.ports.clock.wallMs());
    for (const item of this.agenda.takeDue(at)) {
      const task = this.ports.index.openTasks().get(item.task);
      if (task === undefined) continue;
      if (task.deadlineAt !== null && task.deadlineAt <= at) {
        const error = { code: "TRIAD_DEADLINE", message: "the deadline passed before the task ended" };
        // Until the entry is applied the task is still due: if this proposal is lost, the next turn makes another.
        this.agenda.add({ at: at + 1000, task: task.id });
        this.send({ type: "EndTask", task: task.id, status: "expired", error, assign: [] });
      } else {
        this.look(task.id);
        this.scheduleAssign();
      }
    }
  }

  private scheduleAssign(): void {
    if (this.assignScheduled || !this.leading) return;
    this.assignScheduled = true;
    this.ports.clock.soon(() => {
      this.assignScheduled = false;
      this.assignWaiting();
    });
  }

  /** One Assign at a time: the next looks at what it left. */
  private assignWaiting(): void {
    if (!this.leading || this.assigning) return;
    this.assignAgain = false;
    const { plan, placed } = this.ports.planWaiting(this.waiting, this.ports.clock.wallMs());
    if (plan?.kind !== "append") {
      if (this.waiting.isWorthVisit) this.scheduleAssign();
      return;
    }
    this.assigning = true;
    this.ports
      .propose(plan.command)
      .then(
        () => this.scheduleAssign(),
        (error: unknown) => {
          this.ports.warn("assignment not committed", { error: String(error) });
          for (const task of placed) this.look(task);
          this.assignAgain = true;
        },
      )
      .finally(() => {
        this.assigning = false;
      });
  }

  /** A proposal of the leader's own: if it is lost, what called for it is still in Φ and is found again. */
  private send(command: Command): void {
    this.ports
      .propose(command)
      .catch((error: unknown) => this.ports.warn("own proposal not committed", { type: command.type, error: String(error) }));
  }
}
