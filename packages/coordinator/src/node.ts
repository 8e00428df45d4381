/**
 * The composition root of a coordinator: opens the data folder, connects the bus, and wires Raft, state, services and HTTP. The only file that
 * knows all of them. Opening order: what can be refused without touching the network comes first; HTTP comes last, so that whoever connects
 * finds a coordinator that can answer.
 */
import { createHash, hash, randomBytes } from "node:crypto";
import { type CoordinatorStatus, limits, mintId, subjectsOf } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { createHttpServer, listen } from "./adapters/http/server.ts";
import { createLogUpkeep, type LogUpkeep, noteLog } from "./adapters/log-upkeep.ts";
import { createMetrics, type Metrics } from "./adapters/metrics/metrics.ts";
import { serviceMetrics } from "./adapters/metrics/service-metrics.ts";
import { connectNats, type NatsLink } from "./adapters/nats/connection.ts";
import { NatsMessenger } from "./adapters/nats/messenger.ts";
import { natsRaftBus } from "./adapters/nats/raft-bus.ts";
import { NodeClock } from "./adapters/node-clock.ts";
import { ChunkStore } from "./adapters/store/chunk-store.ts";
import { type DataDir, openDataDir } from "./adapters/store/data-dir.ts";
import { assertNotDiverged, divergedState } from "./adapters/store/diverged.ts";
import { settleState, stateFolder } from "./adapters/store/state-folder.ts";
import { StateStore } from "./adapters/store/state-store.ts";
import { NodeDisk } from "./adapters/store/wal-disk-node.ts";
import { type CoordinatorOptions, ELECTION_TICKS, HANDOVER_MS, HEARTBEAT_TICKS, TICK_MS } from "./config.ts";
import type { ConfigRecord } from "./core/state/records.ts";
import { tripleBytes } from "./core/state/triple-bytes.ts";
import { BodyStore } from "./services/body-store/body-store.ts";
import { ConsensusEngine } from "./services/consensus-engine/consensus-engine.ts";
import type { RaftBus, RaftDriverCallbacks, SoftStateReport } from "./services/raft-driver/ports.ts";
import { RaftDriver } from "./services/raft-driver/raft-driver.ts";
import { ClusterKnowledge } from "./services/state-manager/cluster-view.ts";
import { messageHandlers } from "./services/state-manager/message-handlers.ts";
import { StateManager } from "./services/state-manager/state-manager.ts";

const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

export interface CoordinatorNode {
  readonly address: string;
  /** Stops serving, flushes, closes. */
  stop(): Promise<void>;
}

export interface NodeHooks {
  readonly log: Logger;
  /** Something that this process must not go on after: it ends before anyone is told. */
  readonly onFatal: (error: Error) => void;
}

export async function startCoordinator(options: CoordinatorOptions, hooks: NodeHooks): Promise<CoordinatorNode> {
  const { log, onFatal } = hooks;
  const clock = new NodeClock();
  const metrics = createMetrics();
  const dataDir = openFolder(options, clock, onFatal);
  let link: NatsLink | undefined;
  let snapshotLink: NatsLink | undefined;
  let store: StateStore | undefined;
  try {
    assertNotDiverged(options.dataDir);
    settleState(options.dataDir, dataDir.log.firstIndex() - 1);
    store = StateStore.open(stateFolder(options.dataDir), onFatal);
    link = await connectNats(options.nats, `triad-${options.id}`, (connected) => log.info({ connected }, "nats connection"));
    snapshotLink = await connectNats(options.nats, `triad-${options.id}-snapshots`, () => undefined);
    return await wire({ options, log, onFatal, clock, metrics, dataDir, store, link, snapshotLink });
  } catch (error) {
    metrics.close();
    await link?.close();
    await snapshotLink?.close();
    await store?.close();
    await dataDir.close();
    throw error;
  }
}

function openFolder(options: CoordinatorOptions, clock: NodeClock, onFatal: (error: Error) => void): DataDir {
  const { cluster, node, raftId, peers } = options;
  const voters = peers.map((peer) => peer.raftId).sort((a, b) => a - b);
  const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return openDataDir({
    disk: new NodeDisk(),
    folder: options.dataDir,
    cluster,
    node,
    monotonicMs: () => clock.monotonicMs(),
    onFatal,
    ...(options.logSegmentBytes === undefined ? {} : { segmentBytes: options.logSegmentBytes }),
    bootstrap: options.bootstrap ? { cluster, node, raftId, confState } : undefined,
  });
}

interface Parts {
  readonly options: CoordinatorOptions;
  readonly log: Logger;
  readonly onFatal: (error: Error) => void;
  readonly clock: NodeClock;
  readonly metrics: Metrics;
  readonly dataDir: DataDir;
  readonly store: StateStore;
  readonly link: NatsLink;
  /** Snapshots have their own: what waits in its socket holds up no heartbeat. */
  readonly snapshotLink: NatsLink;
}

async function wire(parts: Parts): Promise<CoordinatorNode> {
  const { options, log, clock, metrics, dataDir, store, link } = parts;
  const subjects = subjectsOf(options.cluster);
  const names = new Map(options.peers.map((peer) => [peer.raftId, peer.id]));
  const nameOf = (raftId: number): string => names.get(raftId) ?? "";
  const dropped = (reason: string, subject: string): void => {
    metrics.framesDropped.inc(reason);
    log.warn({ reason, subject }, "a message was dropped");
  };
  const messenger = new NatsMessenger({ link, subjects, self: options.id, dropped });
  const engine = new ConsensusEngine({
    self: options.id,
    nameOf,
    state: store,
    clock,
    messenger,
    metrics: serviceMetrics(metrics),
    sha256,
    rng: Math.random,
    warn: (message, details) => log.warn(details, message),
    wanted: wantedOf(options),
  });
  const bus = natsRaftBus({ link, subjects, self: options.id, nameOf, onError: (error) => log.warn({ error: error.message }, "raft bus") });
  const upkeep = createLogUpkeep({
    ...{ ...parts, wal: dataDir.log, link: parts.snapshotLink },
    subjects,
    nameOf,
    restored: () => engine.onRestored(),
  });
  const driver = driverOf(parts, bus, upkeep, {
    onFrameDropped: () => dropped("invalid", subjects.raftAll(options.id)),
    onCommitted: (entries) => engine.onCommitted(entries),
    onSoftState: (state) => {
      engine.onSoftState(state);
      bodies.interrupted();
      noteSoftState(state, parts, nameOf);
    },
  });
  engine.attach((data) => driver.propose(data));
  const bodies = bodiesOf(parts, messenger);
  engine.onApplied(({ effects }) => {
    for (const effect of effects) if (effect.kind === "referred") bodies.referred(effect.chunks);
  });
  const bootId = mintId("boot", randomBytes);
  const status = (): CoordinatorStatus => statusOf(parts, engine, driver, bootId);
  const knowledge = new ClusterKnowledge({
    cluster: options.cluster,
    peers: options.peers,
    state: store,
    index: engine.index,
    clock,
    own: status,
  });
  const api = new StateManager({
    self: options.id,
    state: store,
    engine,
    knowledge,
    clock,
    messenger,
    sha256,
    randomBytes,
    readIndex: () => driver.readIndex(),
    readBody: (body) => bodies.text(body),
  });
  messenger.serve(messageHandlers({ options, engine, knowledge, state: store }));
  messenger.serveChunks((request) => bodies.answer(request));
  bodies.start();
  upkeep.start(driver);
  driver.start();
  const server = createHttpServer({ api, metrics, log, ...(options.token === undefined ? {} : { token: options.token }) });
  const address = await listen(server, options.host, options.port).catch(async (error: unknown) => {
    bodies.stop();
    await driver.stop();
    await upkeep.stop();
    throw error;
  });
  const stopBeat = beat(parts, engine, knowledge, messenger, status);
  log.info({ id: options.id, address, applied: store.applied.index }, "coordinator is up");
  return { address, stop: () => stopAll({ ...parts, server, engine, driver, bodies, upkeep, stopBeat }) };
}

function wantedOf({ retentionMs, keyTtlMs }: CoordinatorOptions): Partial<ConfigRecord> {
  return { ...(retentionMs === undefined ? {} : { retentionMs }), ...(keyTtlMs === undefined ? {} : { keyTtlMs }) };
}

function driverOf(
  { options, clock, metrics, dataDir, store, onFatal }: Parts,
  bus: RaftBus,
  upkeep: LogUpkeep,
  callbacks: Omit<RaftDriverCallbacks, "onFatal">,
): RaftDriver {
  return new RaftDriver({
    id: options.raftId,
    peers: options.peers.map((peer) => peer.raftId),
    cluster: options.cluster,
    log: dataDir.log,
    bus,
    clock,
    rng: Math.random,
    tickMs: TICK_MS,
    electionTicks: ELECTION_TICKS,
    heartbeatTicks: HEARTBEAT_TICKS,
    applied: store.applied.index,
    snapshots: upkeep.carrier,
    callbacks: {
      ...callbacks,
      onFatal,
      onCommitLatency: (seconds) => metrics.commitSeconds.observe(seconds),
      onFsync: (seconds) => metrics.fsyncSeconds.observe(seconds),
    },
  });
}

/** SHA-256 of what comes piece by piece. */
function digest() {
  const running = createHash("sha256");
  return { update: (bytes: Uint8Array) => void running.update(bytes), hex: () => running.digest("hex") };
}

function bodiesOf({ options, store, clock, log, onFatal }: Parts, peers: NatsMessenger): BodyStore {
  return new BodyStore({
    files: new ChunkStore({ disk: new NodeDisk(), folder: `${options.dataDir}/chunks`, sha256 }),
    peers,
    others: options.peers.map((peer) => peer.id).filter((id) => id !== options.id),
    state: store,
    clock,
    sha256,
    digest,
    graceMs: options.chunkGraceMs ?? limits.CHUNK_GRACE_MS_DEFAULT,
    warn: (message, details) => log.warn(details, message),
    onFatal,
  });
}

function noteSoftState(state: SoftStateReport, parts: Parts, nameOf: (raftId: number) => string): void {
  const { metrics, log } = parts;
  metrics.raftTerm.set(state.term);
  metrics.raftIsLeader.set(state.role === "StateLeader" ? 1 : 0);
  if (state.role === "StateCandidate") metrics.raftElections.inc();
  log.info({ role: state.role, term: state.term, leader: nameOf(state.leader) }, "raft");
}

function statusOf(parts: Parts, engine: ConsensusEngine, driver: RaftDriver, bootId: string): CoordinatorStatus {
  const { options, store } = parts;
  const { commitIndex, role, term } = driver.status();
  const check = [...engine.checkpoints].at(-1);
  return {
    kind: "status",
    id: options.id,
    node: options.node,
    bootId,
    pid: process.pid,
    http: options.peers.find((peer) => peer.id === options.id)?.http ?? "",
    term,
    role: role === "StateLeader" ? "leader" : role === "StateFollower" ? "follower" : "candidate",
    leader: engine.leader,
    commitIndex,
    appliedIndex: store.applied.index,
    stateHash: store.applied.stateHash,
    checkIndex: check?.[0] ?? 0,
    checkHash: check?.[1] ?? "",
  };
}

/** Four times a second: says how it is, moves the gauges, and looks whether its state is still the majority's. */
function beat(
  parts: Parts,
  engine: ConsensusEngine,
  knowledge: ClusterKnowledge,
  messenger: NatsMessenger,
  status: () => CoordinatorStatus,
): () => void {
  const timer = setInterval(() => {
    const now = status();
    messenger.publishStatus(now);
    parts.metrics.raftCommitIndex.set(now.commitIndex);
    parts.metrics.raftTerm.set(now.term);
    parts.metrics.agentStateBytes.set(tripleBytes(parts.store));
    noteLog(parts.metrics, parts.dataDir.log);
    if (knowledge.divergesFromMajority(engine.checkpoints)) {
      parts.onFatal(divergedState(parts.options.dataDir, parts.store.applied.index));
    }
  }, limits.HEARTBEAT_MS);
  return () => clearInterval(timer);
}

interface RunningParts extends Parts {
  readonly server: FastifyInstance;
  readonly engine: ConsensusEngine;
  readonly driver: RaftDriver;
  readonly bodies: BodyStore;
  readonly upkeep: LogUpkeep;
  readonly stopBeat: () => void;
}

async function stopAll({ server, engine, driver, bodies, upkeep, stopBeat, ...parts }: RunningParts): Promise<void> {
  // First, while everything still answers: requests that are under way go on at the new leader.
  const handedOver = await driver.transferLeadership(HANDOVER_MS);
  if (handedOver) parts.log.info("leadership was handed over");
  stopBeat();
  await server.close();
  bodies.stop();
  engine.stop();
  await driver.stop();
  await upkeep.stop();
  await parts.link.close();
  await parts.snapshotLink.close();
  await parts.store.close();
  await parts.dataDir.close();
  parts.metrics.close();
}
