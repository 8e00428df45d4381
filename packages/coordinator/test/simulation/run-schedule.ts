/**
 * One schedule: a cluster of three or five under a nemesis for some seconds of virtual time (safety), then without faults (liveness):
 * it must elect, serve, agree, and leave nothing behind when stopped. All of it follows from the seed.
 */
import { EventQueue, SeededRandom, TraceHash, VirtualNetwork } from "@triad/testkit";
import type { RaftDriverLimits } from "../../src/services/raft-driver/raft-driver.ts";
import { Invariants } from "./invariants.ts";
import { Nemesis, PAUSE_MS_MAX } from "./nemesis.ts";
import { SimNode, type SimWorld } from "./sim-node.ts";

const SAFETY_MS = 5000;
/** Without faults a leader is there within some election timeouts; this is many of them. */
const LIVENESS_MS = 10_000;

/** A read waits for two elections at most. */
const READS_SETTLE_MS = 2000;

export interface ScheduleReport {
  readonly seed: number;
  readonly nodes: number;
  readonly traceHash: string;
  readonly steps: number;
  readonly elections: number;
  readonly committed: number;
  readonly acknowledged: number;
  readonly restarts: number;
}

/** Small bounds make appends of many messages, which is where positions and matches can part. */
function drawLimits(random: SeededRandom): Partial<RaftDriverLimits> {
  if (random.chance(0.3)) return {};
  return {
    messageBytesMax: random.pick([1, 1000, 4000]),
    committedBytesMax: random.pick([1, 2000, 100_000]),
    inflightMessagesMax: random.pick([1, 4, 64]),
    inflightBytesMax: 8000,
  };
}

class Schedule {
  readonly #queue = new EventQueue();
  readonly #trace = new TraceHash();
  readonly #invariants = new Invariants();
  readonly #random: SeededRandom;
  readonly #network: VirtualNetwork;
  readonly #nodes: SimNode[];
  readonly #seed: number;
  #nemesis: Nemesis | undefined;
  #proposals = 0;
  #clientsRun = true;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    this.#network = new VirtualNetwork(this.#queue, this.#random.fork());
    const ids = this.#random.chance(0.7) ? [1, 2, 3] : [1, 2, 3, 4, 5];
    const world: SimWorld = {
      queue: this.#queue,
      network: this.#network,
      invariants: this.#invariants,
      trace: this.#trace,
      nodes: ids,
      limits: drawLimits(this.#random),
      elected: (node) => this.#nemesis?.elected(node),
    };
    this.#nodes = ids.map((id) => new SimNode(id, world, this.#random.fork()));
  }

  async run(): Promise<ScheduleReport> {
    for (const node of this.#nodes) node.start();
    this.#nemesis = new Nemesis({
      queue: this.#queue,
      network: this.#network,
      nodes: this.#nodes,
      random: this.#random.fork(),
      note: (line) => this.#trace.add(`${this.#queue.nowMs} ${line}`),
    });
    this.#client(this.#random.fork());
    await this.#until(SAFETY_MS, () => false);
    this.#nemesis.end();
    this.#clientsRun = false;
    await this.#until(PAUSE_MS_MAX, () => false);
    await this.#serve();
    await this.#stop();
    return {
      seed: this.#seed,
      nodes: this.#nodes.length,
      traceHash: this.#trace.value(),
      steps: this.#queue.steps,
      elections: this.#invariants.elections,
      committed: this.#invariants.committedIndex,
      acknowledged: this.#nodes.reduce((sum, node) => sum + node.acknowledged, 0),
      restarts: this.#nodes.reduce((sum, node) => sum + node.starts - 1, 0),
    };
  }

  /** Runs on for some time or until `reached`; judges after every step. False if it was not reached. */
  async #until(forMs: number, reached: () => boolean): Promise<boolean> {
    const endMs = this.#queue.nowMs + forMs;
    while (!reached()) {
      if (!this.#queue.step(endMs)) {
        this.#queue.runUntil(endMs);
        return reached();
      }
      // Whoever awaits a read goes on before the next event, as it would between two turns of a real loop.
      if (this.#nodes.some((node) => node.openReads > 0)) await Promise.resolve();
      for (const node of this.#nodes) node.afterStep();
      this.#invariants.assertNone();
    }
    return true;
  }

  #client(random: SeededRandom): void {
    const everyMs = random.pick([5, 25, 100]);
    const next = (): void => {
      this.#queue.schedule(random.between(0, everyMs * 2), () => {
        if (!this.#clientsRun) return;
        const leaders = this.#nodes.filter((each) => each.driver?.status().role === "StateLeader");
        const node = leaders.length > 0 && random.chance(0.8) ? random.pick(leaders) : random.pick(this.#nodes);
        if (random.chance(0.2)) node.read();
        else for (let count = random.integer(1, 3); count > 0; count--) this.#propose(node, random.integer(0, 900));
        next();
      });
    };
    next();
  }

  #propose(node: SimNode, padding: number): number | undefined {
    this.#proposals++;
    return node.propose(`proposal ${this.#proposals} ${"x".repeat(padding)}`);
  }

  #leader(): SimNode | undefined {
    return this.#nodes.find((node) => node.driver?.status().role === "StateLeader");
  }

  /** Liveness: a leader, a proposal applied everywhere, everything committed before it applied everywhere, a read at every node. */
  async #serve(): Promise<void> {
    const served = await this.#until(LIVENESS_MS, () => this.#allApplied());
    if (!served) this.#invariants.breach("liveness", `after ${LIVENESS_MS} ms without faults: ${this.#describe()}`);
    this.#invariants.assertNone();
    let marker: number | undefined;
    await this.#until(LIVENESS_MS, () => {
      const leader = this.#leader();
      marker ??= leader === undefined ? undefined : this.#propose(leader, 10);
      return marker !== undefined && this.#nodes.every((node) => node.applied >= (marker ?? 0));
    });
    for (const node of this.#nodes) {
      if (marker === undefined || node.applied < marker)
        this.#invariants.breach("liveness", `node ${node.id} did not apply a proposal: ${this.#describe()}`);
    }
    this.#invariants.assertNone();
    for (const node of this.#nodes) node.read();
    await this.#settleReads("reads stay open");
    // A request that is lost must not wait for ever, though nothing else goes wrong.
    const leader = this.#leader();
    const follower = this.#nodes.find((node) => node !== leader);
    if (leader === undefined || follower === undefined) return;
    this.#network.cut(follower.id, leader.id);
    follower.read();
    await this.#settleReads("a read whose request was lost stays open");
    this.#network.heal();
  }

  async #settleReads(complaint: string): Promise<void> {
    const settled = await this.#until(READS_SETTLE_MS, () => this.#nodes.every((node) => node.openReads === 0));
    if (!settled) this.#invariants.breach("liveness", `${complaint}: ${this.#describe()}`);
    this.#invariants.assertNone();
  }

  #allApplied(): boolean {
    const leader = this.#leader();
    if (leader === undefined) return false;
    const agreed = this.#nodes.every((node) => node.driver?.status().leader === leader.id);
    return agreed && this.#nodes.every((node) => node.applied === this.#invariants.committedIndex && node.applied > 0);
  }

  /** Stops the drivers, some with reads under way: no timer, no promise may stay. */
  async #stop(): Promise<void> {
    for (const node of this.#nodes) node.read();
    const stopping = this.#nodes.map((node) => node.shutDown());
    await this.#until(1000, () => false);
    await Promise.all(stopping);
    for (const node of this.#nodes) node.assertNothingLeft();
    this.#invariants.assertNone();
  }

  #describe(): string {
    const states = this.#nodes.map((node) => {
      const status = node.driver?.status();
      if (status === undefined) return `${node.id} down`;
      return `${node.id} ${status.role} term ${status.term} lead ${status.leader} commit ${status.commitIndex} applied ${node.applied} last ${status.lastIndex}`;
    });
    return `${states.join("; ")}; committed ${this.#invariants.committedIndex}`;
  }
}

/** Throws a Violation. The same seed gives the same report. */
export function runSchedule(seed: number): Promise<ScheduleReport> {
  return new Schedule(seed).run();
}
