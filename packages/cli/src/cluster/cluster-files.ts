/**
 * What a data directory holds, and the one file that says which cluster it is. Layout:
 *
 *     cluster.json     identity: minted once, synced, never minted again (addresses in it may change from `up` to `up`)
 *     bootstrapped     present once every coordinator was ready: from then on an empty store is a loss, not a beginning
 *     nats.json        the port of the cluster's own nats-server, kept over restarts
 *     c1/ c2/ c3/      the coordinators' stores, theirs alone
 *     logs/*.log       one a process
 *     run/             state.json, plan.json, up.lock: gone when nothing runs
 */

import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { isToken, mintId, TriadError } from "@triad/protocol/words";
import { readJson, writeWhole } from "../durable-file.ts";

export interface CoordinatorIdentity {
  /** `c1`, `c2`, … */
  readonly id: string;
  /** Its number in Raft, from 1. */
  readonly raftId: number;
  readonly node: string;
  readonly http: string;
}

export interface ClusterIdentity {
  readonly cluster: string;
  readonly coordinators: readonly CoordinatorIdentity[];
}

export class ClusterFiles {
  readonly dataDir: string;

  constructor(dataDir: string) {
    this.dataDir = resolve(dataDir);
  }

  get clusterFile(): string {
    return join(this.dataDir, "cluster.json");
  }
  get natsFile(): string {
    return join(this.dataDir, "nats.json");
  }
  get bootstrappedFile(): string {
    return join(this.dataDir, "bootstrapped");
  }
  get stateFile(): string {
    return join(this.dataDir, "run", "state.json");
  }
  get planFile(): string {
    return join(this.dataDir, "run", "plan.json");
  }
  get lockFile(): string {
    return join(this.dataDir, "run", "up.lock");
  }
  logFile(name: string): string {
    return join(this.dataDir, "logs", `${name}.log`);
  }
  storeFolder(id: string): string {
    return join(this.dataDir, id);
  }

  /** The cluster of this data directory; undefined where none was ever started in it. */
  readIdentity(): ClusterIdentity | undefined {
    if (!existsSync(this.clusterFile)) {
      if (!existsSync(this.storeFolder("c1"))) return undefined;
      throw new TriadError(
        "TRIAD_DATA_DIR_FOREIGN",
        `${this.dataDir} holds the store of a coordinator but no cluster.json; restore that file or choose another --data-dir`,
      );
    }
    return readIdentityFile(this.clusterFile);
  }

  writeIdentity(identity: ClusterIdentity): void {
    writeWhole(this.clusterFile, `${JSON.stringify(identity, undefined, 1)}\n`, { sync: true });
  }

  get bootstrapped(): boolean {
    return existsSync(this.bootstrappedFile);
  }

  markBootstrapped(): void {
    writeWhole(
      this.bootstrappedFile,
      "Every coordinator was ready once. Without this file, an empty store would be taken for a new one.\n",
      { sync: true },
    );
  }

  /** The port that the cluster's own nats-server had last. */
  readNatsPort(): number | undefined {
    const value = readJson(this.natsFile);
    return typeof value === "object" && value !== null && "port" in value && Number.isInteger(value.port) ? Number(value.port) : undefined;
  }

  writeNatsPort(port: number): void {
    writeWhole(this.natsFile, `${JSON.stringify({ port })}\n`, { sync: false });
  }

  /** For when nothing runs any more. */
  removeRunFiles(): void {
    rmSync(join(this.dataDir, "run"), { recursive: true, force: true });
  }
}

/** Reads and checks a cluster file, wherever it lies: `triad coordinator` is given one on another machine. */
export function readIdentityFile(file: string): ClusterIdentity {
  const identity = readJson(file);
  if (!isIdentity(identity)) throw new TriadError("TRIAD_DATA_DIR_FOREIGN", `${file} is not there or is not a Triad cluster file`);
  return identity;
}

function isIdentity(value: unknown): value is ClusterIdentity {
  if (typeof value !== "object" || value === null || !("cluster" in value) || !("coordinators" in value)) return false;
  const { cluster, coordinators } = value;
  return (
    typeof cluster === "string" &&
    isToken(cluster) &&
    Array.isArray(coordinators) &&
    coordinators.length > 0 &&
    coordinators.every(isCoordinator)
  );
}

function isCoordinator(value: unknown): value is CoordinatorIdentity {
  if (typeof value !== "object" || value === null) return false;
  const { id, raftId, node, http } = value as Partial<Record<keyof CoordinatorIdentity, unknown>>;
  return (
    typeof id === "string" &&
    isToken(id) &&
    Number.isInteger(raftId) &&
    typeof node === "string" &&
    isToken(node) &&
    typeof http === "string" &&
    URL.canParse(http)
  );
}

export function mintIdentity(urls: readonly string[]): ClusterIdentity {
  return {
    cluster: mintId("cluster", (count) => randomBytes(count)),
    coordinators: urls.map((http, index) => ({ id: `c${index + 1}`, raftId: index + 1, node: randomUUID(), http })),
  };
}
