/**
 * Runs the Raft core on a clock, a log and a bus: the only asynchronous part of consensus, and itself without a clock, disk or network
 * of its own, so that the simulator runs this very code. Kept apart from what the entries mean.
 *
 * One turn of the loop takes everything that arrived, lets the core work it off, and sends one frame to each peer.
 * (V1) Persist before send: what rests on a write leaves when the log says that it is durable, and not before. A leader's appends rest
 *      on nothing and leave at once (thesis 10.2.1). A request for votes waits too, though etcd's core gives it out at once: a candidate
 *      that lost its term, and entries it boasted of, in a crash could win the same term with a vote given to the longer log.
 * (V2) Commit before tell: `onCommitted` gets what is committed and durable here, in order, once.
 * (V3) Messages before ticks: within a turn what was heard is stepped before time passes (ticker.ts has the rest of that rule).
 * (V4) After a failure nothing is sent, committed or answered any more; `onFatal` is called once.
 * (V5) A received state is put in place before anyone hears that it was (install-order.ts).
 */
import { TriadError } from "@triad/protocol";
import { RawNode } from "../../core/raft/raw-node.ts";
import { type Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, type Message, NONE, type Ready, type Role } from "../../core/raft/types.ts";
import { LIMITS_DEFAULT, type ProposeOutcome, type RaftDriverOptions, type RaftDriverStatus } from "./driver-options.ts";
import { clusterHash, isWireMessage } from "./frame.ts";
import { Handover, successorOf } from "./handover.ts";
import { Inbox } from "./inbox.ts";
import { InstallOrder } from "./install-order.ts";
import { Outbox } from "./outbox.ts";
import type {
  Clock,
  DurableLog,
  LogBatch,
  PeerProgress,
  RaftBus,
  RaftDriverCallbacks,
  ReadIndexFailure,
  SnapshotCarrier,
} from "./ports.ts";
import { ReadIndexError } from "./ports.ts";
import { ReadBarriers } from "./read-barriers.ts";
import { Ticker } from "./ticker.ts";

export type { ProposeOutcome, RaftDriverLimits, RaftDriverOptions, RaftDriverStatus } from "./driver-options.ts";

const TICK_MS_DEFAULT = 50;
/** One proposal must fit a frame, and a frame the bus. */
export const PROPOSAL_BYTES_MAX: number = 768 * 1024;
/** A read waits at most for two elections. */
const READ_TIMEOUT_ELECTIONS = 2;

interface Proposed {
  readonly index: number;
  readonly atMs: number;
}

export class RaftDriver {
  readonly #id: number;
  readonly #node: RawNode;
  readonly #log: DurableLog;
  readonly #bus: RaftBus;
  readonly #clock: Clock;
  readonly #callbacks: RaftDriverCallbacks;
  readonly #ticker: Ticker;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #reads: ReadBarriers;
  readonly #snapshots: SnapshotCarrier | undefined;
  readonly #installs = new InstallOrder();
  readonly #heardMs = new Map<number, number>();
  /** Snapshots that are here whole; stepped in the next turn. */
  #receivedSnapshots: Message[] = [];
  #handover: Handover | undefined;
  /** Answers that rested on a write which is durable now; stepped or sent in the next turn. */
  #released: Message[] = [];
  #tickDue = false;
  #turnScheduled = false;
  #phase: "new" | "running" | "stopped" = "new";
  #appendsInFlight = 0;
  #whenIdle: (() => void) | undefined;
  #known: { leader: number; role: Role; term: number };
  /** Own proposals that wait for commit, ascending. */
  #proposed: Proposed[] = [];

  /** Throws TRIAD_STORE_CORRUPT if the log ends before `applied`. */
  constructor(options: RaftDriverOptions) {
    const { id, log, clock, rng, callbacks, electionTicks } = options;
    const limits = { ...LIMITS_DEFAULT, ...options.limits };
    log.noteApplied(options.applied);
    this.#id = id;
    this.#log = log;
    this.#bus = options.bus;
    this.#snapshots = options.snapshots;
    this.#clock = clock;
    this.#callbacks = callbacks;
    this.#node = new RawNode({
      id,
      electionTick: electionTicks,
      heartbeatTick: options.heartbeatTicks,
      storage: log,
      applied: options.applied,
      asyncStorageWrites: true,
      maxSizePerMessageBytes: limits.messageBytesMax,
      maxCommittedSizePerReadyBytes: limits.committedBytesMax,
      maxUncommittedBytes: limits.uncommittedBytesMax,
      maxInflightMessages: limits.inflightMessagesMax,
      maxInflightBytes: limits.inflightBytesMax,
      checkQuorum: true,
      preVote: true,
      stepDownOnRemoval: true,
      disableProposalForwarding: true,
      rng,
    });
    const { term } = this.#node.status();
    this.#known = { leader: NONE, role: "StateFollower", term };
    const cluster = clusterHash(options.cluster);
    this.#inbox = new Inbox(cluster, id, options.peers);
    this.#outbox = new Outbox({ bus: options.bus, cluster, from: id, bootEpoch: log.bootEpoch });
    this.#reads = new ReadBarriers(rng, electionTicks * READ_TIMEOUT_ELECTIONS);
    this.#ticker = new Ticker(clock, options.tickMs ?? TICK_MS_DEFAULT, () => {
      this.#tickDue = true;
      this.#scheduleTurn();
    });
  }

  start(): void {
    if (this.#phase !== "new") throw new Error("a driver starts once");
    this.#phase = "running";
    this.#bus.onFrame((from, frame) => {
      if (this.#phase !== "running") return;
      if (!this.#inbox.receive(from, frame)) {
        this.#callbacks.onFrameDropped?.();
        return;
      }
      this.#heardMs.set(from, this.#clock.monotonicMs());
      this.#scheduleTurn();
    });
    this.#ticker.start();
    this.#scheduleTurn();
  }

  /** Settles every read, sends nothing more, and resolves when no append is under way. The log stays open. */
  stop(): Promise<void> {
    this.#halt();
    return new Promise((resolve) => {
      if (this.#appendsInFlight === 0) resolve();
      else this.#whenIdle = resolve;
    });
  }

  /**
   * Appends to the leader's log, at once, so that the caller knows the entry's place; it is replicated with all others of this turn.
   * Committed if the entry that comes with this index has this term. `data` belongs to the driver from now on.
   */
  propose(data: Uint8Array): ProposeOutcome {
    if (data.length > PROPOSAL_BYTES_MAX) {
      throw new TriadError("TRIAD_FRAME_TOO_LARGE", `A proposal of ${data.length} bytes is above the limit of ${PROPOSAL_BYTES_MAX}.`);
    }
    if (this.#phase !== "running") return { ok: false, reason: "notLeader", leader: NONE };
    const outcome = this.#node.propose(data);
    if (outcome.kind === "appended") {
      this.#proposed.push({ index: outcome.lastIndex, atMs: this.#clock.monotonicMs() });
      this.#scheduleTurn();
      return { ok: true, index: outcome.lastIndex, term: outcome.term };
    }
    const busy =
      outcome.kind === "dropped" && (outcome.reason === "uncommittedBytesLimit" || outcome.reason === "leaderTransferInProgress");
    return { ok: false, reason: busy ? "busy" : "notLeader", leader: this.#node.status().lead };
  }

  /**
   * The barrier of a linearizable read, at the leader or at a follower: what is applied up to the index it resolves with holds every
   * write acknowledged before the call. Rejects with ReadIndexError.
   */
  readIndex(): Promise<number> {
    if (this.#phase !== "running") return Promise.reject(new ReadIndexError("stopped"));
    this.#scheduleTurn();
    return this.#reads.add();
  }

  /** Asks the leader to hand over to `to`. Whether it did shows in `onSoftState`. */
  transferLeader(to: number): void {
    if (this.#phase !== "running") return;
    this.#node.transferLeader(to);
    this.#scheduleTurn();
  }

  /**
   * Hands leadership to the most up-to-date follower; what is proposed meanwhile is refused as busy. False where this node does not lead, or
   * nobody took over within the time: Raft goes on either way.
   */
  transferLeadership(withinMs: number): Promise<boolean> {
    const successor = this.#phase === "running" && this.#node.role === "StateLeader" ? successorOf(this.#node) : undefined;
    if (successor === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(withinMs, () => handover.end(false));
      const handover = new Handover(this.#node, (handedOver) => {
        cancel();
        this.#handover = undefined;
        resolve(handedOver);
      });
      this.#handover = handover;
      this.transferLeader(successor);
    });
  }

  /** The state of this MsgSnap is here, whole and checked, or is not needed. The core decides what becomes of it. */
  receiveSnapshot(message: Message): void {
    if (this.#phase !== "running") return;
    this.#receivedSnapshots.push(message);
    this.#scheduleTurn();
  }

  /** How a transfer that the core asked for has ended. */
  reportSnapshot(to: number, status: "finished" | "failed"): void {
    if (this.#phase !== "running") return;
    this.#node.reportSnapshot(to, status);
    this.#scheduleTurn();
  }

  /** Whether the state at this entry would bring anything that the log does not. */
  lacksSnapshot(index: number, term: number): boolean {
    if (index <= this.#node.committedIndex) return false;
    return index > this.#log.lastIndex() || this.#log.term(index) !== term;
  }

  /** What is known of the other members; empty where this node does not lead. */
  peers(): readonly PeerProgress[] {
    const nowMs = this.#clock.monotonicMs();
    return this.#node
      .status()
      .progress.filter(({ id }) => id !== this.#id)
      .map(({ id, match }) => ({ id, match, silentMs: nowMs - (this.#heardMs.get(id) ?? Number.NEGATIVE_INFINITY) }));
  }

  status(): RaftDriverStatus {
    const { lead, role, term, commit, applied, lastIndex } = this.#node.status();
    return {
      id: this.#id,
      leader: lead,
      role,
      term,
      commitIndex: commit,
      appliedIndex: applied,
      lastIndex,
      waitingReads: this.#reads.waiting,
      droppedFrames: this.#inbox.dropped,
    };
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#clock.soon(() => {
      this.#turnScheduled = false;
      if (this.#phase !== "running") return;
      try {
        this.#turn();
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #turn(): void {
    this.#deliverReleased();
    for (const message of this.#inbox.take()) this.#node.step(message);
    for (const message of this.#receivedSnapshots.splice(0)) this.#node.step(message);
    if (this.#tickDue) {
      this.#tickDue = false;
      this.#node.tick();
      this.#reads.tick();
    }
    this.#reads.ask((context) => this.#askReadIndex(context));
    while (this.#phase === "running" && (this.#node.hasReady() || this.#released.length > 0)) {
      this.#deliverReleased();
      if (this.#node.hasReady()) this.#handle(this.#node.ready());
    }
    if (this.#phase !== "running") return;
    this.#outbox.flush();
    this.#handover?.look();
  }

  #deliverReleased(): void {
    const released = this.#released;
    this.#released = [];
    for (const message of released) this.#deliver(message);
  }

  #askReadIndex(context: Uint8Array): ReadIndexFailure | undefined {
    const outcome = this.#node.readIndex(context);
    if (outcome.kind !== "dropped") return undefined;
    return outcome.reason === "pendingReadsLimit" ? "busy" : "noLeader";
  }

  #handle(ready: Ready): void {
    if (ready.softState !== undefined || ready.hardState !== undefined) this.#noteState(ready);
    for (const state of ready.readStates) this.#reads.answer(state);
    const voteRequests: Message[] = [];
    for (const message of ready.messages) {
      if (message.to === LOCAL_APPEND_THREAD) this.#append(message, voteRequests);
      else if (message.to === LOCAL_APPLY_THREAD) this.#commit(message);
      else if (message.type === "MsgVote") voteRequests.push(message);
      else this.#deliver(message);
    }
  }

  #noteState(ready: Ready): void {
    const leader = ready.softState?.lead ?? this.#known.leader;
    const role = ready.softState?.role ?? this.#known.role;
    const term = ready.hardState?.term ?? this.#known.term;
    if (leader === this.#known.leader && role === this.#known.role && term === this.#known.term) return;
    // Reads were asked of a leadership that is over: it may not answer any more.
    if (leader !== this.#known.leader || term !== this.#known.term) this.#reads.failAsked("leaderChanged");
    if (role !== "StateLeader") this.#proposed = [];
    this.#known = { leader, role, term };
    this.#callbacks.onSoftState(this.#known);
  }

  /** `alsoAfter` is filled by the rest of the same Ready and leaves with the answers; the core puts the append after what it sends. */
  #append(message: Message, alsoAfter: readonly Message[]): void {
    const { term, vote, commit, entries, snapshot, responses = [] } = message;
    const startedMs = this.#clock.monotonicMs();
    this.#appendsInFlight++;
    const settled = (error: Error | null): void => {
      this.#appendsInFlight--;
      if (error !== null) this.#fail(error);
      else if (this.#phase === "running") this.#durable([...alsoAfter, ...responses], entries.length > 0 ? startedMs : undefined);
      if (this.#appendsInFlight === 0) this.#whenIdle?.();
    };
    if (snapshot !== undefined) this.#carrier().stage(snapshot);
    const batch: LogBatch = {
      entries,
      // Term 0 stands for "no hard state in this write".
      ...(term === 0 ? {} : { hardState: { term, vote, commit } }),
      ...(snapshot === undefined ? {} : { snapshot }),
    };
    this.#log.append(batch, (error) => {
      if (error !== null) settled(error);
      else if (snapshot !== undefined) this.#installs.begin(this.#carrier().install(snapshot), settled);
      else this.#installs.after(() => settled(null));
    });
  }

  #carrier(): SnapshotCarrier {
    if (this.#snapshots === undefined) throw new Error("a snapshot, though nothing here carries any");
    return this.#snapshots;
  }

  #durable(responses: readonly Message[], startedMs: number | undefined): void {
    if (startedMs !== undefined) this.#callbacks.onFsync?.((this.#clock.monotonicMs() - startedMs) / 1000);
    if (responses.length === 0) return;
    for (const response of responses) this.#released.push(response);
    this.#scheduleTurn();
  }

  #commit(message: Message): void {
    const { entries, responses = [] } = message;
    this.#noteCommitted(entries);
    this.#callbacks.onCommitted(entries);
    for (const response of responses) this.#deliver(response);
  }

  #noteCommitted(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined || this.#proposed.length === 0) return;
    const nowMs = this.#clock.monotonicMs();
    let count = 0;
    while (count < this.#proposed.length && this.#proposed[count]!.index <= last.index) {
      this.#callbacks.onCommitLatency?.((nowMs - this.#proposed[count]!.atMs) / 1000);
      count++;
    }
    this.#proposed = this.#proposed.slice(count);
  }

  #deliver(message: Message): void {
    if (message.to === this.#id) this.#node.step(message);
    else if (isWireMessage(message)) this.#outbox.add(message);
    else if (message.type === "MsgSnap") this.#carrier().send(message);
    else throw new Error(`${message.type} does not travel between coordinators`);
  }

  #halt(): void {
    if (this.#phase === "stopped") return;
    this.#phase = "stopped";
    this.#ticker.stop();
    this.#reads.failAll("stopped");
    this.#handover?.end(false);
  }

  #fail(error: Error): void {
    if (this.#phase === "stopped") return;
    this.#halt();
    this.#callbacks.onFatal(error);
  }
}
