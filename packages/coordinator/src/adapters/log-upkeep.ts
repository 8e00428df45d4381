/**
 * Wires what keeps a coordinator's log short: the cut, the images of the state for those who were away, and the way a received one takes the
 * place of the applied state. Apart from node.ts, as nothing else there knows of these parts.
 */
import type { Subjects } from "@triad/protocol";
import type { Logger } from "pino";
import type { CoordinatorOptions } from "../config.ts";
import type { Snapshot } from "../core/raft/types.ts";
import { clusterHash } from "../services/raft-driver/frame.ts";
import type { RaftDriver } from "../services/raft-driver/raft-driver.ts";
import { LogKeeper, RETENTION_DEFAULT } from "../services/snapshot/log-keeper.ts";
import { SnapshotService } from "../services/snapshot/snapshot-service.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { NatsLink } from "./nats/connection.ts";
import { natsSnapshotBus } from "./nats/snapshot-bus.ts";
import type { NodeClock } from "./node-clock.ts";
import { parseConfState } from "./store/identity.ts";
import { StateInbox } from "./store/image-inbox.ts";
import { StateImages } from "./store/snapshot-images.ts";
import { nextStateFolder, promoteState } from "./store/state-folder.ts";
import type { StateStore } from "./store/state-store.ts";
import type { WriteAheadLog } from "./store/wal.ts";

export interface LogUpkeepParts {
  readonly options: CoordinatorOptions;
  readonly log: Logger;
  readonly onFatal: (error: Error) => void;
  readonly clock: NodeClock;
  readonly metrics: Metrics;
  readonly wal: WriteAheadLog;
  readonly store: StateStore;
  /** Of its own: see adapters/nats/snapshot-bus.ts. */
  readonly link: NatsLink;
  readonly subjects: Subjects;
  readonly nameOf: (raftId: number) => string;
  /** Another state is in place: what was derived from the old one has to be derived anew. */
  readonly restored: () => void;
}

export interface LogUpkeep {
  readonly carrier: SnapshotService;
  start(driver: RaftDriver): void;
  stop(): Promise<void>;
}

export function createLogUpkeep(parts: LogUpkeepParts): LogUpkeep {
  const { options, log, onFatal, clock, metrics, wal, store } = parts;
  const { dataDir } = options;
  let driver: RaftDriver | undefined;
  const running = (): RaftDriver => {
    if (driver === undefined) throw new Error("the driver is not there yet");
    return driver;
  };
  const images = new StateImages({
    dataDir,
    copyState: (folder) => store.copyTo(folder),
    membership: () => wal.initialState().confState,
    firstIndex: () => wal.firstIndex(),
    clock,
    failed: (error) => {
      metrics.snapshots.inc("failed");
      log.warn({ error: error.message }, "no copy of the state could be made for a peer");
    },
  });
  const inbox = new StateInbox(dataDir);
  const carrier = new SnapshotService({
    self: options.raftId,
    cluster: clusterHash(options.cluster),
    peers: options.peers.map(({ raftId }) => raftId),
    bus: natsSnapshotBus({ ...parts, self: options.id, onError: (error) => log.warn({ error: error.message }, "snapshot lane") }),
    clock,
    images,
    inbox,
    driver: running,
    parseMembership: parseConfState,
    note: (event, details) => {
      metrics.snapshots.inc(event);
      log.info({ event, ...details }, "snapshot");
    },
    onFrameDropped: () => metrics.framesDropped.inc("invalid"),
    onFatal,
    stage: (snapshot) => inbox.stage(snapshot),
    install: (snapshot) => install(parts, snapshot),
  });
  wal.useSnapshots(() => images.latest());
  const keeper = new LogKeeper({
    log: wal,
    clock,
    retention: { ...RETENTION_DEFAULT, ...options.logRetention },
    durableIndex: () => store.durableIndex,
    peers: () => running().peers(),
    heldIndex: () => carrier.heldIndex,
    onCut: (base) => log.debug({ base, bytes: wal.bytes }, "the log was cut"),
  });
  return {
    carrier,
    start: (started) => {
      driver = started;
      carrier.start();
      keeper.start();
    },
    stop: async () => {
      keeper.stop();
      carrier.stop();
      await images.close();
    },
  };
}

async function install({ options, log, metrics, store, restored }: LogUpkeepParts, { index, term }: Snapshot): Promise<void> {
  await store.replaceBy(nextStateFolder(options.dataDir), restored);
  promoteState(options.dataDir);
  metrics.snapshots.inc("installed");
  log.info({ index, term, applied: store.applied.index }, "a snapshot took the place of the applied state");
}

/** Moves the gauges of the log. */
export function noteLog(metrics: Metrics, wal: WriteAheadLog): void {
  metrics.logBytes.set(wal.bytes);
  metrics.logFirstIndex.set(wal.firstIndex());
}
