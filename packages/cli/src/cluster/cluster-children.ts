/** The processes of a cluster as the supervisor takes them: nats-server, coordinators, workers, each with its flags and environment. */
import { availableParallelism } from "node:os";
import { compileCacheFolder, ENTRY_FILE } from "../compile-cache.ts";
import { type ChildKind, type ChildSpec, STOP_MS } from "../supervisor/child-spec.ts";
import type { ClusterFiles } from "./cluster-files.ts";
import type { ClusterPlan } from "./plan.ts";

/** In the environment of every process of a cluster: `down` finds those that no file names by it. */
export const CLUSTER_MARK = "TRIAD_DATA_DIR_ID";
export const ROLE_MARK = "TRIAD_ROLE";

/** On so few cores nats-server's threads would only take turns with the coordinators'. */
const FEW_CORES = 4;

export type Role = ChildKind | "supervisor";

/** The caller's environment, marked. The token and the address of nats travel in it, never in a command line that anyone may list. */
export function markedEnvironment(cluster: string, role: Role, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  return { ...inherited, ...more, [CLUSTER_MARK]: cluster, [ROLE_MARK]: role };
}

function nodeEnvironment(plan: ClusterPlan, role: Role): Record<string, string> {
  const cache = compileCacheFolder();
  return markedEnvironment(plan.identity.cluster, role, {
    TRIAD_NATS_URL: plan.natsUrl,
    ...(cache === undefined || process.env.NODE_COMPILE_CACHE !== undefined ? {} : { NODE_COMPILE_CACHE: cache }),
  });
}

export function natsChild(plan: ClusterPlan, files: ClusterFiles): ChildSpec | undefined {
  const server = plan.natsServer;
  if (server === undefined) return undefined;
  return {
    name: "nats",
    kind: "nats",
    command: server.binary,
    // Loopback always, whatever --host says; nothing is stored: what must last is in the coordinators' logs.
    args: () => ["--addr", "127.0.0.1", "--port", String(server.port)],
    env: markedEnvironment(plan.identity.cluster, "nats", availableParallelism() <= FEW_CORES ? { GOMAXPROCS: "1" } : {}),
    logFile: files.logFile("nats"),
    stopMs: STOP_MS.nats,
    mayFinish: false,
  };
}

export function coordinatorChildren(plan: ClusterPlan, files: ClusterFiles): ChildSpec[] {
  return plan.identity.coordinators.map(({ id }, index) => ({
    name: id,
    kind: "coordinator",
    command: process.execPath,
    args: () => [
      ENTRY_FILE,
      "coordinator",
      ...["--id", id],
      ...["--data-dir", files.storeFolder(id)],
      ...["--cluster-file", files.clusterFile],
      ...["--http-host", plan.host],
      ...["--http-port", String(plan.ports[index])],
      // Looked up at every start: once all were ready, a folder that is empty has lost its vote.
      ...(files.bootstrapped ? [] : ["--bootstrap"]),
    ],
    env: {
      ...nodeEnvironment(plan, "coordinator"),
      ...(plan.retentionMs === undefined ? {} : { TRIAD_RETENTION: `${plan.retentionMs}ms` }),
      ...(plan.keyTtlMs === undefined ? {} : { TRIAD_KEY_TTL: `${plan.keyTtlMs}ms` }),
    },
    logFile: files.logFile(id),
    stopMs: STOP_MS.coordinator,
    mayFinish: false,
  }));
}

export function workerChild(plan: ClusterPlan, files: ClusterFiles, id: string): ChildSpec {
  return {
    name: id,
    kind: "worker",
    command: process.execPath,
    args: () => [
      ENTRY_FILE,
      "worker",
      ...["--id", id],
      ...["--team", plan.team],
      ...["--cluster", plan.identity.cluster],
      ...["--http-port", "0"],
      ...(plan.threads === undefined ? [] : ["--threads", String(plan.threads)]),
    ],
    env: nodeEnvironment(plan, "worker"),
    logFile: files.logFile(id),
    stopMs: STOP_MS.worker,
    mayFinish: true,
  };
}

/** The lowest `w<n>` that is not taken: an id comes back with its worker, and one that still drains keeps its own. */
export function freeWorkerId(taken: ReadonlySet<string>): string {
  let n = 1;
  while (taken.has(`w${n}`)) n++;
  return `w${n}`;
}
