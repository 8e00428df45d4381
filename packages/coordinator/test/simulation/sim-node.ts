/**
 * One coordinator of a simulated cluster: the real driver and the real write-ahead log on a virtual clock, disk and network, with a
 * state machine that only remembers. Survives its processes: the disk, the promises and what was flushed of the state stay.
 */
import {
  type EventQueue,
  type SeededRandom,
  type TraceHash,
  VirtualClock,
  VirtualDisk,
  type VirtualNetwork,
  VirtualProcess,
} from "@triad/testkit";
import { WriteAheadLog } from "../../src/adapters/store/wal.ts";
import type { Entry, Snapshot } from "../../src/core/raft/types.ts";
import { clusterHash, decodeFrame } from "../../src/services/raft-driver/frame.ts";
import type { DurableLog, LogBatch, RaftBus } from "../../src/services/raft-driver/ports.ts";
import { RaftDriver, type RaftDriverLimits } from "../../src/services/raft-driver/raft-driver.ts";
import type { Invariants } from "./invariants.ts";
import { Promises } from "./promises.ts";

const CLUSTER = "simulated";
const FOLDER = "/log";

export interface SimWorld {
  readonly queue: EventQueue;
  readonly network: VirtualNetwork;
  readonly invariants: Invariants;
  readonly trace: TraceHash;
  readonly nodes: readonly number[];
  readonly limits: Partial<RaftDriverLimits>;
  /** Called when a node has become leader, before it has sent anything as such. */
  readonly elected: (node: SimNode) => void;
}

/** How soon a supervisor starts a process again that ended by itself. */
const RESPAWN_MS = 100;

/** One life of a node, from start to kill. */
interface Life {
  readonly process: VirtualProcess;
  readonly clock: VirtualClock;
  readonly log: WriteAheadLog;
  readonly driver: RaftDriver;
  /** Own proposals by index, until something is committed there. */
  readonly proposed: Map<number, { readonly term: number; readonly content: string }>;
}

export class SimNode {
  readonly id: number;
  readonly disk: VirtualDisk;
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #promises: Promises;
  #life: Life | undefined;
  #bootstrapped = false;
  /** Index up to which the state machine is on its own store, as lmdb would have it. */
  #flushed = 0;
  #applied = 0;
  #electedIn: number | undefined;
  acknowledged = 0;
  openReads = 0;
  starts = 0;

  constructor(id: number, world: SimWorld, random: SeededRandom) {
    this.id = id;
    this.#world = world;
    this.#random = random;
    this.disk = new VirtualDisk({ queue: world.queue, random: random.fork() });
    this.#promises = new Promises(id, world.invariants);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get applied(): number {
    return this.#applied;
  }

  get driver(): RaftDriver | undefined {
    return this.#life?.driver;
  }

  start(): void {
    const { queue, invariants, trace } = this.#world;
    const process = new VirtualProcess();
    const clock = new VirtualClock(queue, process, this.#random.between(0.95, 1.05), this.#random.between(-1e6, 1e6));
    this.disk.owner = process;
    try {
      const log = this.#openLog(clock);
      this.#bootstrapped = true;
      this.#promises.assertKept(log.initialState().hardState, log);
      this.#applied = this.#flushed;
      this.#electedIn = undefined;
      this.starts++;
      trace.add(`${queue.nowMs} start ${this.id} at ${log.lastIndex()}`);
      const driver = this.#createDriver(process, clock, log);
      this.#life = { process, clock, log, driver, proposed: new Map() };
      driver.start();
    } catch (error) {
      invariants.breach("recovery", `node ${this.id} refuses its own folder after a crash: ${String(error)}`);
    }
  }

  #createDriver(process: VirtualProcess, clock: VirtualClock, log: WriteAheadLog): RaftDriver {
    const { queue, network, invariants, trace } = this.#world;
    const random = this.#random.fork();
    return new RaftDriver({
      id: this.id,
      peers: this.#world.nodes,
      cluster: CLUSTER,
      log: this.#observe(log),
      bus: this.#observeBus(network.join(this.id, process), log),
      clock,
      rng: () => random.unit(),
      tickMs: 50,
      electionTicks: 6,
      heartbeatTicks: 1,
      applied: this.#flushed,
      limits: this.#world.limits,
      callbacks: {
        onCommitted: (entries) => this.#committed(entries),
        onSoftState: ({ leader, role, term }) => {
          trace.add(`${queue.nowMs} ${this.id} ${role} ${term} ${leader}`);
          if (role !== "StateLeader") return;
          invariants.leaderElected(this.id, term);
          this.#electedIn = term;
          this.#world.elected(this);
        },
        onFatal: (error) => this.#fatal(error),
      },
    });
  }

  #openLog(clock: VirtualClock): WriteAheadLog {
    return WriteAheadLog.open({
      disk: this.disk,
      folder: FOLDER,
      confState: { voters: this.#world.nodes, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      bootstrap: !this.#bootstrapped,
      segmentBytes: 8192,
      windowBytes: this.#random.pick([0, 2000, 1_000_000]),
      monotonicMs: () => clock.monotonicMs(),
      onFatal: (error) => this.#fatal(error),
    });
  }

  /** kill -9: the process is gone, what it wrote is still in the kernel's memory. */
  kill(): void {
    if (this.#life === undefined) return;
    this.#world.trace.add(`${this.#world.queue.nowMs} kill ${this.id}`);
    this.#life.process.kill();
    this.#life = undefined;
    // Whoever waited in that process is gone with it.
    this.openReads = 0;
  }

  /** The process and everything that was not flushed are gone. */
  powerOff(): void {
    this.kill();
    this.disk.crash();
  }

  pause(forMs: number): void {
    this.#life?.process.pauseUntil(this.#world.queue.nowMs + forMs);
  }

  /** Index of the proposal, if this node thinks that it leads. */
  propose(content: string): number | undefined {
    const life = this.#life;
    if (life === undefined) return undefined;
    const outcome = life.driver.propose(Buffer.from(content, "latin1"));
    if (!outcome.ok) return undefined;
    life.proposed.set(outcome.index, { term: outcome.term, content });
    return outcome.index;
  }

  /** A linearizable read: its index must reach everything that was acknowledged before it began. */
  read(): void {
    const life = this.#life;
    if (life === undefined) return;
    const { invariants, queue, trace } = this.#world;
    const atLeast = invariants.committedIndex;
    this.openReads++;
    life.driver.readIndex().then(
      (index) => {
        if (this.#life === life) this.openReads--;
        trace.add(`${queue.nowMs} read ${this.id} ${index}`);
        if (index < atLeast)
          invariants.breach("linearizableReads", `a read at node ${this.id} got index ${index}, though ${atLeast} was committed before`);
      },
      (error: unknown) => {
        if (this.#life === life) this.openReads--;
        trace.add(`${queue.nowMs} read ${this.id} ${String(error)}`);
      },
    );
  }

  /** To be called after every step: judges what can only be judged when the core is at rest. */
  afterStep(): void {
    const life = this.#life;
    if (this.#electedIn === undefined || life === undefined) return;
    this.#world.invariants.leaderHolds(this.id, this.#electedIn, life.log);
    this.#electedIn = undefined;
  }

  async shutDown(): Promise<void> {
    await this.#life?.driver.stop();
  }

  assertNothingLeft(): void {
    const life = this.#life;
    if (life === undefined) return;
    if (life.clock.pendingTimers !== 0)
      this.#world.invariants.breach("nothingLeftBehind", `node ${this.id} left ${life.clock.pendingTimers} timers`);
    if (this.openReads !== 0) this.#world.invariants.breach("nothingLeftBehind", `node ${this.id} left ${this.openReads} reads unsettled`);
  }

  #fatal(error: Error): void {
    this.#world.trace.add(`${this.#world.queue.nowMs} fatal ${this.id}`);
    const isDisk = "code" in error && error.code === "TRIAD_STORE_FAILED";
    if (!isDisk) this.#world.invariants.breach("noInternalFailure", `node ${this.id}: ${error.stack ?? error.message}`);
    // The process ends itself; the machine, and with it the kernel's memory, stays.
    this.kill();
    this.#world.queue.schedule(RESPAWN_MS, () => {
      if (!this.isUp) this.start();
    });
  }

  #committed(entries: readonly Entry[]): void {
    const { invariants } = this.#world;
    const life = this.#life;
    for (const entry of entries) {
      if (entry.index !== this.#applied + 1) {
        invariants.breach("appliedOnceInOrder", `node ${this.id} was handed ${entry.index} after ${this.#applied}`);
      }
      this.#applied = entry.index;
      invariants.committedAt(this.id, entry);
      const own = life?.proposed.get(entry.index);
      if (own === undefined) continue;
      life?.proposed.delete(entry.index);
      if (own.term !== entry.term) continue;
      this.acknowledged++;
      invariants.acknowledged(entry.index, own.content);
    }
    if (life !== undefined) this.#promises.durableUpTo(this.#applied, life.log);
    if (this.#random.chance(0.2)) this.#flushed = this.#applied;
    this.#world.trace.add(`${this.#world.queue.nowMs} ${this.id} applied ${this.#applied}`);
  }

  #observe(log: WriteAheadLog): DurableLog {
    const { invariants } = this.#world;
    return {
      bootEpoch: log.bootEpoch,
      initialState: () => log.initialState(),
      entries: (low, high, maxBytes) => log.entries(low, high, maxBytes),
      term: (index) => log.term(index),
      firstIndex: () => log.firstIndex(),
      lastIndex: () => log.lastIndex(),
      snapshot: (): Snapshot => log.snapshot(),
      noteApplied: (index) => log.noteApplied(index),
      append: (batch: LogBatch, done) => {
        this.#promises.appending(batch, log);
        log.append(batch, done);
        for (const entry of batch.entries) {
          if (entry.index <= log.lastIndex()) invariants.appended(this.id, entry, log.term(entry.index - 1));
        }
      },
    };
  }

  #observeBus(bus: RaftBus, log: WriteAheadLog): RaftBus {
    const cluster = clusterHash(CLUSTER);
    return {
      get connected() {
        return bus.connected;
      },
      onFrame: (handler) => bus.onFrame(handler),
      send: (to, frame) => {
        const decoded = decodeFrame(frame, { cluster, from: this.id, to });
        if (!decoded.ok)
          this.#world.invariants.breach("noInternalFailure", `node ${this.id} sent a frame that is refused: ${decoded.reason}`);
        else for (const message of decoded.messages) this.#promises.sent(message, log);
        this.#world.trace.add(`${this.#world.queue.nowMs} ${this.id}>${to} ${frame.length}`);
        bus.send(to, frame);
      },
    };
  }
}
