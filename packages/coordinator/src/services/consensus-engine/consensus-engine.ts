/**
 * The Consensus Engine: orders commands through Raft, applies them, and answers from what apply made of them. Wires the propose path (planner,
 * queue), the state behind it, and the leader's duties. Kept apart from transport and disk: those are ports.
 *
 * E1: apply runs in log order, once an entry, on every coordinator alike. E2: only a coordinator that has applied an entry of its own term
 * as leader proposes, dispatches or aborts. E3: whoever waits for an index is told after its writes can be read.
 */
import {
  type Command,
  type CommandResult,
  type DecisionsPublished,
  decodeCommands,
  type Heartbeat,
  limits,
  type Pick,
  TriadError,
} from "@triad/protocol";
import type { Entry } from "../../core/raft/types.ts";
import type { Effect } from "../../core/state/application.ts";
import { applyEntry, hashWrites } from "../../core/state/apply.ts";
import type { ConfigRecord, StateRecord } from "../../core/state/records.ts";
import { type StateReader, Transaction } from "../../core/state/transaction.ts";
import { Dispatcher } from "../dispatcher/dispatcher.ts";
import type { Clock, Messenger, ServiceMetrics, Sha256 } from "../ports.ts";
import type { SoftStateReport } from "../raft-driver/ports.ts";
import type { ProposeOutcome } from "../raft-driver/raft-driver.ts";
import { Router } from "../router/router.ts";
import { WorkerDirectory } from "../worker-directory/worker-directory.ts";
import { LeaderDuties } from "./leader-duties.ts";
import { LiveIndex } from "./live-index.ts";
import { Load } from "./load.ts";
import { Planner } from "./planner.ts";
import { ProposalQueue } from "./proposal-queue.ts";

/** Φ on disk, with its cache: what the engine reads, and where each entry's writes go. */
export interface AppliedState extends StateReader {
  readonly applied: { readonly index: number; readonly term: number; readonly stateHash: string };
  commit(
    writes: ReadonlyMap<string, StateRecord | undefined>,
    encoded: ReadonlyMap<string, Uint8Array | undefined>,
    mark: { readonly index: number; readonly term: number; readonly stateHash: string },
  ): void;
}

export interface EnginePorts {
  readonly self: string;
  /** Raft id → coordinator id; "" for none. */
  readonly nameOf: (raftId: number) => string;
  readonly state: AppliedState;
  readonly clock: Clock;
  readonly messenger: Messenger;
  readonly metrics: ServiceMetrics;
  readonly sha256: Sha256;
  readonly rng: () => number;
  readonly warn: (message: string, details: object) => void;
  /** Settings that this coordinator brings into Φ when it leads. */
  readonly wanted?: Partial<ConfigRecord>;
}

/** Entries that were applied in this turn and not published yet. */
interface Untold {
  readonly index: number;
  readonly term: number;
  readonly commands: number;
  readonly decisions: DecisionsPublished["decisions"];
}

export interface AppliedNotice {
  readonly index: number;
  readonly effects: readonly Effect[];
  /** Another state took the place of this one: whatever the entries in between did is in it, and nobody will tell. */
  readonly restored?: boolean;
}

/** An entry decoded from the log may be a little above the limit for several commands: one command may be as large as a body allows. */
const ENTRY_DECODE_BYTES_MAX: number = 2 * limits.FRAME_BYTES_MAX;
/** For a coordinator to hear of what is committed: beyond it is cut off from the leader, and a reader is better off elsewhere. */
const APPLY_WAIT_MS = 10_000;
/** Checkpoints of the state hash that are kept for comparison. */
const CHECKS_KEPT = 16;

interface IndexWaiter {
  readonly index: number;
  /** False: it will not be seen here. */
  readonly settle: (applied: boolean) => void;
}

export class ConsensusEngine {
  readonly index: LiveIndex;
  readonly router: Router;
  private readonly ports: EnginePorts;
  private readonly queue: ProposalQueue;
  private readonly duties: LeaderDuties;
  private readonly load: Load;
  private readonly listeners = new Set<(notice: AppliedNotice) => void>();
  private readonly indexWaiters = new Set<IndexWaiter>();
  private readonly checks = new Map<number, string>();
  private append: (data: Uint8Array) => ProposeOutcome = () => ({ ok: false, reason: "notLeader", leader: 0 });
  private soft: SoftStateReport = { leader: 0, role: "StateFollower", term: 0 };
  private ready = false;
  private untold: Untold | undefined;

  constructor(ports: EnginePorts) {
    this.ports = ports;
    const { state, clock, messenger, rng, sha256, self } = ports;
    this.index = LiveIndex.of(state);
    this.load = new Load(this.index);
    const directory = new WorkerDirectory();
    this.router = new Router({ load: this.load, directory, rng });
    const planner = new Planner(state, this.router, sha256, rng);
    const leads = (): boolean => this.leads;
    this.queue = new ProposalQueue({
      clock,
      load: this.load,
      leads,
      append: (data) => this.append(data),
      appliedIndex: () => state.applied.index,
      plan: (command, nowMs) => {
        const startedMs = clock.monotonicMs();
        const plan = planner.plan(command, nowMs);
        // Answered from Φ without an entry, so apply's effects will not tell of it.
        if (plan.kind === "answer" && plan.result.outcome === "fenced") ports.metrics.fencedWrite();
        if (plan.kind === "append" && plan.picks.length > 0) ports.metrics.routeSeconds((clock.monotonicMs() - startedMs) / 1000);
        return plan;
      },
    });
    const dispatcher = new Dispatcher({
      state,
      index: this.index,
      clock,
      messenger,
      self,
      term: () => this.soft.term,
      beforeFlush: () => this.tell(),
    });
    this.duties = new LeaderDuties({
      state,
      index: this.index,
      directory,
      dispatcher,
      clock,
      messenger,
      warn: ports.warn,
      ...(ports.wanted === undefined ? {} : { wanted: ports.wanted }),
      propose: (command) => this.queue.propose(command),
      planWaiting: (waiting, nowMs) => planner.planWaiting(waiting, nowMs),
    });
    this.reportTeam();
  }

  /** The driver is made after the engine, since it calls it. */
  attach(append: (data: Uint8Array) => ProposeOutcome): void {
    this.append = append;
  }

  /** Leads, and has applied an entry of its own term. */
  get leads(): boolean {
    return this.ready && this.soft.role === "StateLeader";
  }

  get softState(): SoftStateReport {
    return this.soft;
  }

  /** Has applied an entry of the term that it is in: what was committed before is here. */
  get caughtUp(): boolean {
    return this.soft.term > 0 && this.ports.state.applied.term === this.soft.term;
  }

  /** Id of the leader as far as this coordinator knows; "" where it knows none. */
  get leader(): string {
    return this.ports.nameOf(this.soft.leader);
  }

  /** State hashes at the last multiples of STATE_HASH_EVERY, for comparison with the others. */
  get checkpoints(): ReadonlyMap<number, string> {
    return this.checks;
  }

  /** See {@link ProposalQueue.propose}. */
  propose(command: Command): Promise<CommandResult> {
    return this.queue.propose(command);
  }

  heartbeat(message: Heartbeat): void {
    if (this.leads) this.duties.heartbeat(message);
  }

  onApplied(listener: (notice: AppliedNotice) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Resolves when this index has been applied here. Rejects with TRIAD_NO_LEADER where it is not in time, or this coordinator stops before: what
   * is read without it may be stale.
   */
  whenApplied(index: number): Promise<void> {
    if (this.ports.state.applied.index >= index) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (applied: boolean): void => {
        cancel();
        this.indexWaiters.delete(waiter);
        if (applied) resolve();
        else reject(new TriadError("TRIAD_NO_LEADER", "this coordinator does not hear what the leader has committed"));
      };
      const waiter: IndexWaiter = { index, settle };
      const cancel = this.ports.clock.schedule(APPLY_WAIT_MS, () => settle(false));
      this.indexWaiters.add(waiter);
    });
  }

  onSoftState(state: SoftStateReport): void {
    const before = this.soft;
    this.soft = state;
    const wasLeader = before.role === "StateLeader";
    const isLeader = state.role === "StateLeader";
    if (wasLeader && (!isLeader || before.term !== state.term)) {
      this.ready = false;
      this.duties.end();
      this.queue.abandon("lost");
    }
    if (!isLeader) this.ready = false;
  }

  /** Applies committed entries, in order. Throws where an entry cannot be what this program wrote: then the process must end. */
  onCommitted(entries: readonly Entry[]): void {
    for (const entry of entries) this.applyOne(entry);
    this.wakeIndexWaiters();
  }

  /** The state is another one, from further on in the log: all that was derived from the old one is derived anew. */
  onRestored(): void {
    const { state, metrics } = this.ports;
    this.index.reload(state);
    this.load.clear();
    this.checks.clear();
    this.reportTeam();
    metrics.tasksRunning(new Transaction(state).meta().running);
    metrics.applied(state.applied.index);
    this.noteCheckpoint(state.applied.index, state.applied.stateHash);
    for (const listener of this.listeners) listener({ index: state.applied.index, effects: [], restored: true });
    this.wakeIndexWaiters();
  }

  private applyOne(entry: Entry): void {
    const { state, sha256, metrics } = this.ports;
    const previous = state.applied;
    if (entry.index <= previous.index) return;
    if (entry.data.length === 0 || entry.type !== "EntryNormal") {
      state.commit(NO_WRITES, NO_WRITES, { index: entry.index, term: entry.term, stateHash: previous.stateHash });
      this.queue.applied(entry.index, entry.term, []);
      this.noteCheckpoint(entry.index, previous.stateHash);
      if (this.soft.role === "StateLeader" && entry.term === this.soft.term && !this.ready) {
        this.ready = true;
        this.duties.begin();
      }
      return;
    }
    const { at, commands } = decodeCommands(entry.data, ENTRY_DECODE_BYTES_MAX);
    const applied = applyEntry(state, commands, at, sha256);
    const { hash, encoded } = hashWrites(previous.stateHash, entry.index, applied.writes, sha256);
    state.commit(applied.writes, encoded, { index: entry.index, term: entry.term, stateHash: hash });
    this.index.note(applied.writes);
    this.queue.applied(entry.index, entry.term, applied.results);
    this.noteCheckpoint(entry.index, hash);
    metrics.applied(entry.index);
    this.report(applied.effects);
    if (this.leads) {
      // Dispatches first: what is published leaves with them, in one write.
      this.duties.applied(applied.writes, applied.effects);
      this.publish(entry, commands.length, applied.effects);
    }
    for (const listener of this.listeners) listener({ index: entry.index, effects: applied.effects });
  }

  private noteCheckpoint(index: number, hash: string): void {
    if (index % limits.STATE_HASH_EVERY !== 0) return;
    this.checks.set(index, hash);
    const oldest = this.checks.keys().next();
    if (this.checks.size > CHECKS_KEPT && !oldest.done) this.checks.delete(oldest.value);
  }

  private wakeIndexWaiters(): void {
    const { index } = this.ports.state.applied;
    for (const waiter of this.indexWaiters) if (waiter.index <= index) waiter.settle(true);
  }

  /** Every coordinator counts what the log says; that they agree is what dashboards rely on after a failover. */
  private report(effects: readonly Effect[]): void {
    const { metrics } = this.ports;
    for (const effect of effects) {
      switch (effect.kind) {
        case "routed":
          metrics.routed(effect.pick.agent, effect.pick.routing.reason);
          break;
        case "attempt":
          if (effect.outcome === "fenced") metrics.fencedWrite();
          metrics.attempt(effect.agent, effect.outcome, effect.serviceMs);
          break;
        case "handoff":
          metrics.handoff();
          break;
        case "journal":
          metrics.effect(effect.outcome);
          break;
        case "taskEnded":
          metrics.taskEnded(effect.status);
          break;
        case "negotiated":
          metrics.negotiated(effect.agreement, effect.rejected);
          break;
        case "team":
          this.reportTeam();
          break;
        default:
      }
    }
    metrics.tasksRunning(new Transaction(this.ports.state).meta().running);
  }

  private reportTeam(): void {
    const team = new Transaction(this.ports.state).team();
    if (team !== undefined) this.ports.metrics.team(team.agents, team.alpha, team.lipschitzBound);
  }

  /** What was committed in this turn, told in one message each, together with the dispatches that come of it: a socket write wakes the bus. */
  private publish(entry: Entry, commands: number, effects: readonly Effect[]): void {
    const before = this.untold;
    const decisions = effects.flatMap((effect) => (effect.kind === "routed" ? [decisionOf(effect.pick, effect.fence)] : []));
    this.untold = {
      index: entry.index,
      term: entry.term,
      commands: (before?.commands ?? 0) + commands,
      decisions: [...(before?.decisions ?? []), ...decisions],
    };
    if (before === undefined) this.ports.clock.soon(() => this.tell());
  }

  private tell(): void {
    const { untold, ports } = this;
    this.untold = undefined;
    if (untold === undefined || !ports.messenger.connected) return;
    const { index, term, commands, decisions } = untold;
    ports.messenger.publishCommit(index, term, commands);
    if (decisions.length > 0) ports.messenger.publishDecisions({ kind: "decisions", index, term, decisions });
  }

  stop(): void {
    this.duties.end();
    this.queue.abandon("stopped");
    for (const waiter of this.indexWaiters) waiter.settle(false);
  }
}

const NO_WRITES: ReadonlyMap<string, undefined> = new Map();

function decisionOf(pick: Pick, fence: number) {
  const { task, step, member, agent, worker, routing } = pick;
  return { task, step, member, agent, worker, fence, score: routing.score, runnerUp: routing.runnerUp, reason: routing.reason };
}
