/**
 * `<data-dir>/run/plan.json`: what the supervisor is to keep running. Written by `up` and `scale`, read by the supervisor at its start and
 * at SIGHUP. May hold the credentials of an outside nats-server, so nobody else may read it.
 */
import { TriadError } from "@triad/protocol/words";
import { readJson, writeWhole } from "../durable-file.ts";
import type { ClusterFiles, ClusterIdentity } from "./cluster-files.ts";

export interface ClusterPlan {
  readonly version: 1;
  readonly identity: ClusterIdentity;
  readonly natsUrl: string;
  /** Absent: the nats-server is the user's own. */
  readonly natsServer?: { readonly binary: string; readonly port: number };
  /** Where coordinators listen. */
  readonly host: string;
  /** Ports of the coordinators, in the order of the identity. */
  readonly ports: readonly number[];
  readonly workers: number;
  readonly threads?: number;
  /** Absent: as the cluster has them. */
  readonly retentionMs?: number;
  readonly keyTtlMs?: number;
  /** Absolute. */
  readonly team: string;
}

const OWNER_ONLY = 0o600;

export function writePlan(files: ClusterFiles, plan: ClusterPlan): void {
  writeWhole(files.planFile, `${JSON.stringify(plan, undefined, 1)}\n`, { sync: false, mode: OWNER_ONLY });
}

export function readPlan(files: ClusterFiles): ClusterPlan {
  const plan = readJson(files.planFile);
  if (typeof plan !== "object" || plan === null || !("version" in plan) || plan.version !== 1) {
    throw new TriadError("TRIAD_CONFIG_INVALID", `${files.planFile} is not there or not a plan of this version; run \`triad up\``);
  }
  return plan as ClusterPlan;
}
