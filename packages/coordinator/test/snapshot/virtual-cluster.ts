/**
 * Three coordinators as far as consensus goes (driver, write-ahead log, log keeper, snapshot lane) on a virtual clock, disk and network, with a
 * state machine that is a list of texts. What lmdb does on real disks is tested apart; here whole transfers run in no time.
 */
import { createHash } from "node:crypto";
import { EventQueue, type NetworkFaults, SeededRandom, VirtualClock, VirtualDisk, VirtualNetwork, VirtualProcess } from "@triad/testkit";
import { parseConfState } from "../../src/adapters/store/identity.ts";
import { WriteAheadLog } from "../../src/adapters/store/wal.ts";
import type { Snapshot } from "../../src/core/raft/types.ts";
import { clusterHash } from "../../src/services/raft-driver/frame.ts";
import { RaftDriver } from "../../src/services/raft-driver/raft-driver.ts";
import { LogKeeper, type LogRetention } from "../../src/services/snapshot/log-keeper.ts";
import type { IncomingImage, SnapshotEvent, SnapshotImage } from "../../src/services/snapshot/ports.ts";
import { SnapshotService } from "../../src/services/snapshot/snapshot-service.ts";

export const IDS: readonly number[] = [1, 2, 3];
const CONF_STATE = { voters: IDS, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const RETENTION: LogRetention = { tailEntries: 10, tailBytes: 8_192, logBytesMax: 200_000 };
const digestOf = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** The state machine: what was applied, and the place of the last entry. */
interface State {
  readonly index: number;
  readonly term: number;
  readonly texts: readonly string[];
}

const NOTHING: State = { index: 0, term: 0, texts: [] };

export class Member {
  readonly id: number;
  readonly disk: VirtualDisk;
  readonly fatal: Error[] = [];
  readonly events: SnapshotEvent[] = [];
  /** When each entry was applied here. */
  readonly appliedAtMs: number[] = [];
  state: State = NOTHING;
  log!: WriteAheadLog;
  driver!: RaftDriver;
  process: VirtualProcess | undefined;
  readonly #cluster: VirtualCluster;
  #durable: State = NOTHING;
  #image: { snapshot: Snapshot; bytes: Uint8Array } | undefined;
  #received: { snapshot: Snapshot; bytes: Uint8Array } | undefined;
  #bootstrapped = false;

  constructor(id: number, cluster: VirtualCluster) {
    this.id = id;
    this.#cluster = cluster;
    this.disk = new VirtualDisk({ queue: cluster.queue, random: cluster.random.fork() });
  }

  start(): void {
    const { queue, network, snapshotNetwork } = this.#cluster;
    const process = new VirtualProcess();
    const clock = new VirtualClock(queue, process);
    this.process = process;
    this.disk.owner = process;
    this.state = this.#durable;
    const onFatal = (error: Error): void => {
      this.fatal.push(error);
      this.kill();
    };
    this.log = WriteAheadLog.open({
      ...{ disk: this.disk, folder: "/log", confState: CONF_STATE, bootstrap: !this.#bootstrapped, segmentBytes: 4_096, windowBytes: 0 },
      monotonicMs: () => clock.monotonicMs(),
      onFatal,
    });
    this.#bootstrapped = true;
    this.log.useSnapshots(() => this.#latest());
    const bus = snapshotNetwork.join(this.id, process);
    const snapshots = new SnapshotService({
      ...{ self: this.id, cluster: clusterHash("c"), peers: IDS, clock, parseMembership: parseConfState, onFatal },
      bus: {
        get connected() {
          return bus.connected;
        },
        send: (to, frame) => bus.send(to, frame),
        onFrame: (handler) => bus.onFrame((_, frame) => handler(frame)),
      },
      images: { use: (snapshot) => this.#use(snapshot) },
      inbox: { open: (digest, snapshot) => this.#incoming(digest, snapshot) },
      driver: () => this.driver,
      note: (event) => this.events.push(event),
      onFrameDropped: () => undefined,
      stage: ({ index }) => {
        if (this.#received?.snapshot.index !== index) throw new Error("not here");
      },
      install: () => this.#install(),
    });
    const own = this.#cluster.random.fork();
    this.driver = new RaftDriver({
      ...{ id: this.id, peers: IDS, cluster: "c", log: this.log, clock, electionTicks: 6, heartbeatTicks: 1, snapshots },
      bus: network.join(this.id, process),
      rng: () => own.unit(),
      applied: this.state.index,
      callbacks: {
        onCommitted: (entries) => {
          for (const { index, term, data } of entries) {
            if (index !== this.state.index + 1) throw new Error(`entry ${index} after ${this.state.index}`);
            const text = Buffer.from(data).toString();
            this.state = { index, term, texts: text === "" ? this.state.texts : [...this.state.texts, text] };
            if (text !== "") this.appliedAtMs.push(queue.nowMs);
          }
          this.#durable = this.state;
        },
        onSoftState: () => undefined,
        onFatal,
      },
    });
    const keeper = new LogKeeper({
      ...{ log: this.log, clock, retention: RETENTION, onCut: () => undefined },
      durableIndex: () => this.#durable.index,
      peers: () => this.driver.peers(),
      heldIndex: () => snapshots.heldIndex,
    });
    snapshots.start();
    keeper.start();
    this.driver.start();
  }

  kill(): void {
    this.process?.kill();
    this.process = undefined;
  }

  get leads(): boolean {
    return this.process !== undefined && this.driver.status().role === "StateLeader";
  }

  #latest(): Snapshot | undefined {
    if (this.#image !== undefined && this.#image.snapshot.index >= this.log.firstIndex() - 1) return this.#image.snapshot;
    const { index, term } = this.state;
    if (index === 0) return undefined;
    // Padded, so that it takes many chunks.
    const bytes = Buffer.from(JSON.stringify({ ...this.state, padding: "x".repeat(this.#cluster.paddingBytes) }));
    this.#image = { snapshot: { index, term, confState: CONF_STATE, data: new Uint8Array(0) }, bytes };
    return undefined;
  }

  #use(snapshot: Snapshot): SnapshotImage | undefined {
    const image = this.#image;
    if (image?.snapshot.index !== snapshot.index) return undefined;
    const { bytes } = image;
    return {
      ...{ snapshot: image.snapshot, bytes: bytes.length, digest: digestOf(bytes) },
      read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    };
  }

  #incoming(digest: Uint8Array, snapshot: Snapshot): IncomingImage {
    let bytes: Uint8Array = this.#cluster.partial.get(this.id) ?? new Uint8Array(0);
    const { partial } = this.#cluster;
    return {
      get offset() {
        return bytes.length;
      },
      append: (more) => {
        bytes = Buffer.concat([bytes, more]);
        partial.set(this.id, bytes);
      },
      complete: () => {
        partial.delete(this.id);
        if (Buffer.compare(digestOf(bytes), digest) !== 0) return Promise.resolve(false);
        this.#received = { snapshot, bytes };
        return Promise.resolve(true);
      },
      close: () => undefined,
    };
  }

  #install(): Promise<void> {
    const { index, term, texts } = JSON.parse(Buffer.from(this.#received!.bytes).toString()) as State;
    this.state = { index, term, texts };
    this.#durable = this.state;
    this.events.push("received");
    return Promise.resolve();
  }
}

export class VirtualCluster {
  readonly queue: EventQueue = new EventQueue();
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  readonly snapshotNetwork: VirtualNetwork;
  /** What is here of an image that has not arrived whole; survives the process, as a file does. */
  readonly partial: Map<number, Uint8Array> = new Map();
  readonly paddingBytes: number;
  readonly members: readonly Member[];

  constructor(seed: number, paddingBytes = 3_000_000, faults?: Partial<NetworkFaults>) {
    this.random = new SeededRandom(seed);
    this.network = new VirtualNetwork(this.queue, this.random.fork());
    this.snapshotNetwork = new VirtualNetwork(this.queue, this.random.fork());
    if (faults !== undefined) this.snapshotNetwork.faults = { ...this.snapshotNetwork.faults, ...faults };
    this.paddingBytes = paddingBytes;
    this.members = IDS.map((id) => new Member(id, this));
    for (const member of this.members) member.start();
  }

  /** Virtual time, with the promises of every step settled before the next. */
  async run(forMs: number, until: () => boolean = () => false): Promise<void> {
    const end = this.queue.nowMs + forMs;
    while (!until()) {
      if (this.queue.step(end)) {
        await settled();
        continue;
      }
      // Nothing is left to happen until then.
      this.queue.runUntil(end);
      return;
    }
  }

  leader(): Member {
    const leader = this.members.find((member) => member.leads);
    if (leader === undefined) throw new Error("nobody leads");
    return leader;
  }

  /** One of those that do not lead. */
  follower(): Member {
    const leader = this.leader();
    return this.members.find((member) => member !== leader)!;
  }

  /** Proposals, one every few milliseconds, at whoever leads. */
  async load(count: number, everyMs = 5): Promise<void> {
    for (let n = 0; n < count; n++) {
      this.members.find((member) => member.leads)?.driver.propose(Buffer.from(`${n}`.padStart(200, ".")));
      await this.run(everyMs);
    }
  }
}

/** Promises of one step chain a few deep; none of them waits for anything but others of them. */
async function settled(): Promise<void> {
  for (let depth = 0; depth < 12; depth++) await Promise.resolve();
}
