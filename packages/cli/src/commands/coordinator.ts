/** `triad coordinator`: one coordinator process in the foreground. What it does is @triad/coordinator's; here its flags are made sense of. */
import { resolve } from "node:path";
import { TriadError } from "@triad/protocol/words";
import { readIdentityFile } from "../cluster/cluster-files.ts";
import { apiToken, readConfigFile, resolveSettings, type Setting } from "../configuration.ts";
import { host, isLoopback, keyTtl, logLevel, nats, PORT_MAX, retention } from "../settings.ts";
import { parseWhole } from "../values.ts";

export interface CoordinatorFlags {
  readonly id: string;
  readonly dataDir: string;
  readonly clusterFile: string;
  readonly nats?: string;
  readonly httpHost?: string;
  readonly httpPort?: string;
  readonly bootstrap?: boolean;
  readonly logLevel?: string;
}

const httpHost: Setting<string> = { ...host, flag: "--http-host" };
/** A day: what nothing refers to is no use to anybody after it. */
const CHUNK_GRACE_MS_MAX = 86_400_000;
/** Only in the environment: it is for those who run a cluster, and for tests that do not want to wait. */
const chunkGraceMs: Setting<number, undefined> = {
  flag: "TRIAD_CHUNK_GRACE_MS",
  env: "TRIAD_CHUNK_GRACE_MS",
  key: "chunkGraceMs",
  fallback: undefined,
  parse: (word) => parseWhole(word, 1_000, CHUNK_GRACE_MS_MAX),
};
const onlyEnv = (env: string, key: string, low: number, high: number): Setting<number, undefined> => ({
  flag: env,
  env,
  key,
  fallback: undefined,
  parse: (word) => parseWhole(word, low, high),
});
const GIB = 1024 ** 3;
/** The log on disk: how large a file of it is, and what it keeps though nobody needs it (docs/operations.md). */
const logSegmentBytes = onlyEnv("TRIAD_LOG_SEGMENT_BYTES", "logSegmentBytes", 4_096, GIB);
const logTailEntries = onlyEnv("TRIAD_LOG_TAIL_ENTRIES", "logTailEntries", 0, 1e9);
const logTailBytes = onlyEnv("TRIAD_LOG_TAIL_BYTES", "logTailBytes", 0, 1024 * GIB);
const logBytesMax = onlyEnv("TRIAD_LOG_BYTES_MAX", "logBytesMax", 4_096, 1024 * GIB);
const httpPort: Setting<number, undefined> = {
  flag: "--http-port",
  env: "TRIAD_HTTP_PORT",
  key: "httpPort",
  fallback: undefined,
  parse: (word) => parseWhole(word, 1, PORT_MAX),
};

export async function runCoordinator(flags: CoordinatorFlags): Promise<number> {
  const layers = { flags: { ...flags }, env: process.env, file: await readConfigFile(process.cwd()) };
  const settings = resolveSettings(
    { nats, httpHost, httpPort, logLevel, retention, keyTtl, chunkGraceMs, logSegmentBytes, logTailEntries, logTailBytes, logBytesMax },
    layers,
  );
  if (settings.nats === undefined)
    throw new TriadError("TRIAD_USAGE", "--nats is required: the nats-server of the cluster (or TRIAD_NATS_URL)");
  const { cluster, coordinators } = readIdentityFile(resolve(flags.clusterFile));
  const self = coordinators.find(({ id }) => id === flags.id);
  if (self === undefined)
    throw new TriadError("TRIAD_USAGE", `--id must be one of ${coordinators.map(({ id }) => id).join(", ")}, not "${flags.id}"`);
  const token = apiToken();
  if (!isLoopback(settings.httpHost) && token === undefined) {
    throw new TriadError(
      "TRIAD_TOKEN_REQUIRED",
      `listening on ${settings.httpHost} requires a bearer token in TRIAD_API_TOKEN or TRIAD_API_TOKEN_FILE`,
    );
  }
  const { runCoordinatorProcess } = await import("@triad/coordinator/main");
  return runCoordinatorProcess({
    id: self.id,
    raftId: self.raftId,
    node: self.node,
    cluster,
    peers: coordinators.map(({ id, raftId, node, http }) => ({ id, raftId, node, http })),
    dataDir: resolve(flags.dataDir),
    nats: settings.nats,
    host: settings.httpHost,
    port: settings.httpPort ?? Number(new URL(self.http).port),
    bootstrap: flags.bootstrap === true,
    ...(token === undefined ? {} : { token }),
    logLevel: settings.logLevel,
    ...(settings.logSegmentBytes === undefined ? {} : { logSegmentBytes: settings.logSegmentBytes }),
    logRetention: {
      ...(settings.logTailEntries === undefined ? {} : { tailEntries: settings.logTailEntries }),
      ...(settings.logTailBytes === undefined ? {} : { tailBytes: settings.logTailBytes }),
      ...(settings.logBytesMax === undefined ? {} : { logBytesMax: settings.logBytesMax }),
    },
    ...(settings.retention === undefined ? {} : { retentionMs: settings.retention }),
    ...(settings.keyTtl === undefined ? {} : { keyTtlMs: settings.keyTtl }),
    ...(settings.chunkGraceMs === undefined ? {} : { chunkGraceMs: settings.chunkGraceMs }),
  });
}
