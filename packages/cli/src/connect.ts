/** How a client command finds its cluster: `--url`, else the addresses that `up` left in the data directory. */
import { TriadClient } from "@triad/client";
import { TriadError } from "@triad/protocol/words";
import { ClusterFiles } from "./cluster/cluster-files.ts";
import { apiToken, readConfigFile, resolveSettings } from "./configuration.ts";
import { dataDir, url } from "./settings.ts";

/** A person waits: less than the SDK's own bound, more than a restart of one coordinator of three takes. */
const UNREACHABLE_MS = 3_000;

export interface ClusterFlags {
  readonly url?: string;
  readonly dataDir?: string;
  readonly nats?: string;
}

export async function connectCluster(flags: ClusterFlags): Promise<TriadClient> {
  const urls = await clusterUrls(flags);
  const token = apiToken();
  return TriadClient.connect({ urls, ...(token === undefined ? {} : { token }), unreachableMs: UNREACHABLE_MS });
}

/** A flag beats the environment and the config file, so a `--data-dir` is not overruled by TRIAD_URL. */
async function clusterUrls(flags: ClusterFlags): Promise<readonly string[]> {
  if (flags.nats !== undefined) {
    throw new TriadError(
      "TRIAD_NOT_AVAILABLE",
      "client commands do not connect through NATS in this version; use --url http://… or --data-dir",
    );
  }
  const layers = { flags: { ...flags }, env: process.env, file: await readConfigFile(process.cwd()) };
  const settings = resolveSettings({ url, dataDir }, layers);
  if (settings.url !== undefined && (flags.url !== undefined || flags.dataDir === undefined)) return [settings.url];
  const identity = new ClusterFiles(settings.dataDir).readIdentity();
  if (identity === undefined) {
    throw new TriadError(
      "TRIAD_CLUSTER_UNREACHABLE",
      `no cluster was started in ${settings.dataDir}; run \`triad up\`, or point at one with --url or --data-dir`,
    );
  }
  return identity.coordinators.map(({ http }) => http);
}
