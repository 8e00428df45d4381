/**
 * Everything that can be known to be wrong before anything is started or written: `up` asks all of it first, so that a mistake leaves no
 * half-started cluster behind.
 */
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { isErrorCode, TriadError } from "@triad/protocol/words";
import { compileCacheFolder, ENTRY_FILE } from "../compile-cache.ts";
import { probeNats } from "../nats/nats-probe.ts";
import { chooseNatsPort, findNatsServer } from "../nats/nats-server.ts";
import { portFree } from "../nats/ports.ts";
import { callableHost, isLoopback, PORT_MAX } from "../settings.ts";
import { type ClusterFiles, type ClusterIdentity, mintIdentity } from "./cluster-files.ts";
import type { ClusterPlan } from "./plan.ts";
import { runningProcesses } from "./stop-cluster.ts";

export interface UpSettings {
  readonly team: string;
  readonly host: string;
  /** Absent: as many as the data directory has, else three. */
  readonly coordinators: number | undefined;
  readonly workers: number;
  readonly threads: number | undefined;
  /** Absent: the ports that the data directory has, else from 7070 on. */
  readonly http: number | undefined;
  readonly nats: string | undefined;
  readonly retention: number | undefined;
  readonly keyTtl: number | undefined;
  readonly token: string | undefined;
}

const COORDINATORS_DEFAULT = 3;
const HTTP_DEFAULT = 7070;

/** The plan of the cluster, with every check passed. Writes nothing. */
export async function preflight(settings: UpSettings, files: ClusterFiles): Promise<ClusterPlan> {
  if (!isLoopback(settings.host) && settings.token === undefined) {
    throw new TriadError(
      "TRIAD_TOKEN_REQUIRED",
      `--host ${settings.host} listens beyond loopback, which requires a bearer token in TRIAD_API_TOKEN or TRIAD_API_TOKEN_FILE`,
    );
  }
  if (!existsSync(settings.team)) throw new TriadError("TRIAD_TEAM_NOT_FOUND", `there is no team file ${settings.team}`);
  if (statSync(files.dataDir, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new TriadError("TRIAD_USAGE", `--data-dir ${files.dataDir} is not a directory`);
  const known = files.readIdentity();
  const identity = identityFor(settings, known);
  const running = runningProcesses(files);
  if (running.length > 0) {
    throw new TriadError(
      "TRIAD_CLUSTER_RUNNING",
      `processes of a cluster run on ${files.dataDir} (${running.map(({ pid }) => pid).join(", ")}); \`triad down --data-dir "${files.dataDir}"\` ends them`,
    );
  }
  const ports = identity.coordinators.map(({ http }) => Number(new URL(http).port));
  const [, , nats] = await Promise.all([checkTeam(settings.team), checkPorts(settings.host, ports), planNats(settings, files, ports)]);
  return {
    version: 1,
    identity,
    ...nats,
    host: settings.host,
    ports,
    workers: settings.workers,
    ...(settings.threads === undefined ? {} : { threads: settings.threads }),
    ...(settings.retention === undefined ? {} : { retentionMs: settings.retention }),
    ...(settings.keyTtl === undefined ? {} : { keyTtlMs: settings.keyTtl }),
    team: settings.team,
  };
}

/** The identity that the data directory has, at the addresses of now; else a new one. */
function identityFor(settings: UpSettings, known: ClusterIdentity | undefined): ClusterIdentity {
  const count = settings.coordinators ?? known?.coordinators.length ?? COORDINATORS_DEFAULT;
  if (known !== undefined && known.coordinators.length !== count) {
    throw new TriadError(
      "TRIAD_NOT_AVAILABLE",
      `the cluster of this data directory has ${known.coordinators.length} coordinators, not ${count}; changing its members is not available in this version`,
    );
  }
  const first = settings.http ?? (known === undefined ? HTTP_DEFAULT : undefined);
  const last = (first ?? 1) + count - 1;
  if (last > PORT_MAX)
    throw new TriadError("TRIAD_USAGE", `--http ${first} leaves no room for ${count} coordinators: the last one would get port ${last}`);
  const urls = Array.from({ length: count }, (_, index) => {
    const port = first === undefined ? new URL(known?.coordinators[index]?.http ?? "").port : String(first + index);
    return `http://${callableHost(settings.host)}:${port}`;
  });
  if (known === undefined) return mintIdentity(urls);
  return { ...known, coordinators: known.coordinators.map((one, index) => ({ ...one, http: urls[index] ?? one.http })) };
}

async function checkPorts(host: string, ports: readonly number[]): Promise<void> {
  const free = await Promise.all(ports.map((port) => portFree(host, port)));
  const taken = ports.filter((_, index) => free[index] === false);
  if (taken.length > 0) {
    throw new TriadError(
      "TRIAD_PORT_TAKEN",
      `port ${taken.join(", ")} on ${host} can't be listened on: another process has it, or the address is not this machine's; choose others with --http and --host`,
    );
  }
}

async function planNats(
  settings: UpSettings,
  files: ClusterFiles,
  ports: readonly number[],
): Promise<Pick<ClusterPlan, "natsUrl" | "natsServer">> {
  if (settings.nats !== undefined) {
    await probeNats(settings.nats);
    return { natsUrl: settings.nats };
  }
  const binary = findNatsServer();
  const port = await chooseNatsPort(files.readNatsPort(), ports);
  return { natsUrl: `nats://127.0.0.1:${port}`, natsServer: { binary, port } };
}

/** Loading a team file runs its code; longer than this and it would hold up every worker thread too. */
const TEAM_LOAD_MS = 30_000;
/** Enough for the line that says what is wrong. */
const TEAM_ERROR_CHARACTERS_MAX = 8_192;

/** Loads the team in a process of its own: it is the user's code, and may do anything. */
function checkTeam(team: string): Promise<void> {
  const cache = compileCacheFolder();
  const child = spawn(process.execPath, [ENTRY_FILE, "check-team", team], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...(cache === undefined || process.env.NODE_COMPILE_CACHE !== undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
    timeout: TEAM_LOAD_MS,
    killSignal: "SIGKILL",
  });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (text.length < TEAM_ERROR_CHARACTERS_MAX) text += chunk.toString("utf8");
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, killedBy) => {
      if (code === 0) resolve();
      else reject(teamError(team, text, killedBy));
    });
  });
}

function teamError(team: string, text: string, killedBy: NodeJS.Signals | null): TriadError {
  if (killedBy !== null) return new TriadError("TRIAD_TEAM_INVALID", `${team} did not load within ${TEAM_LOAD_MS / 1_000} s`);
  const [, code, message] = /^error (TRIAD_[A-Z_]+): (.*)$/m.exec(text) ?? [];
  if (code !== undefined && message !== undefined && isErrorCode(code)) return new TriadError(code, message);
  return new TriadError("TRIAD_TEAM_INVALID", `${team} can't be loaded: ${text.trim().split("\n").at(-1) ?? "it says nothing"}`);
}
