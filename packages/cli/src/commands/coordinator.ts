/** `triad coordinator`: one coordinator process in the foreground. What it does is @triad/coordinator's; here its flags are made sense of. */
import { resolve } from "node:path";
import { TriadError } from "@triad/protocol/words";
import { readIdentityFile } from "../cluster/cluster-files.ts";
import { apiToken, readConfigFile, resolveSettings, type Setting } from "../configuration.ts";
import { host, isLoopback, logLevel, nats, PORT_MAX } from "../settings.ts";
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
const httpPort: Setting<number, undefined> = {
  flag: "--http-port",
  env: "TRIAD_HTTP_PORT",
  key: "httpPort",
  fallback: undefined,
  parse: (word) => parseWhole(word, 1, PORT_MAX),
};

export async function runCoordinator(flags: CoordinatorFlags): Promise<number> {
  const layers = { flags: { ...flags }, env: process.env, file: await readConfigFile(process.cwd()) };
  const settings = resolveSettings({ nats, httpHost, httpPort, logLevel }, layers);
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
  });
}
