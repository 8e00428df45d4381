/** `triad worker`: one worker process in the foreground. What it does is @triad/agent-worker's; here its flags are made sense of. */
import { randomBytes } from "node:crypto";
import { isToken, TriadError } from "@triad/protocol/words";
import { readConfigFile, resolveSettings, type Setting } from "../configuration.ts";
import { defaultTeamFile, host, logLevel, nats, PORT_MAX, team, threads } from "../settings.ts";
import { parseWhole } from "../values.ts";

export interface WorkerFlags {
  readonly nats?: string;
  readonly team?: string;
  readonly id?: string;
  readonly cluster?: string;
  readonly threads?: string;
  readonly httpHost?: string;
  readonly httpPort: string;
  readonly logLevel?: string;
}

const httpHost: Setting<string> = { ...host, flag: "--http-host", env: "TRIAD_WORKER_HOST", key: "workerHost" };
const httpPort: Setting<number> = {
  flag: "--http-port",
  env: "TRIAD_WORKER_PORT",
  key: "workerPort",
  fallback: 0,
  parse: (word) => parseWhole(word, 0, PORT_MAX),
};

export async function runWorker(flags: WorkerFlags): Promise<number> {
  const layers = { flags: { ...flags }, env: process.env, file: await readConfigFile(process.cwd()) };
  const settings = resolveSettings({ nats, team, threads, httpHost, httpPort, logLevel }, layers);
  if (settings.nats === undefined)
    throw new TriadError("TRIAD_USAGE", "--nats is required: the nats-server of the cluster to join (or TRIAD_NATS_URL)");
  const teamFile = settings.team ?? defaultTeamFile();
  if (teamFile === undefined) throw new TriadError("TRIAD_USAGE", "--team is required: the file with the team's agents");
  const id = flags.id ?? `w-${randomBytes(4).toString("hex")}`;
  for (const [flag, word] of [
    ["--id", id],
    ["--cluster", flags.cluster],
  ] as const) {
    if (word !== undefined && !isToken(word))
      throw new TriadError("TRIAD_USAGE", `${flag} must be letters, digits, - and _, at most 64, not "${word}"`);
  }
  const { runWorkerProcess } = await import("@triad/agent-worker/main");
  return runWorkerProcess({
    nats: settings.nats,
    team: teamFile,
    id,
    log: settings.logLevel,
    http: { host: settings.httpHost, port: settings.httpPort },
    ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    ...(settings.threads === undefined ? {} : { threads: settings.threads }),
  });
}
