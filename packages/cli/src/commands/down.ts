/** `triad down`: ends what `up` started, also after a crash of any part of it. Where nothing runs, that is what was asked for. */
import { ClusterFiles } from "../cluster/cluster-files.ts";
import { runningProcesses, stopCluster } from "../cluster/stop-cluster.ts";
import { readConfigFile, resolveSettings } from "../configuration.ts";
import { EXIT } from "../exit-code.ts";
import { data, json } from "../output.ts";
import { withProgress } from "../progress.ts";
import { dataDir } from "../settings.ts";

export async function runDown(flags: { readonly dataDir?: string; readonly json?: boolean }): Promise<number> {
  const { json: asJson, ...given } = flags;
  const settings = resolveSettings({ dataDir }, { flags: given, env: process.env, file: await readConfigFile(process.cwd()) });
  const files = new ClusterFiles(settings.dataDir);
  let ended = 0;
  if (runningProcesses(files).length === 0) files.removeRunFiles();
  else ended = await withProgress("stopping the cluster", (say) => stopCluster(files, say));
  if (asJson === true) json({ dataDir: files.dataDir, ended });
  else data(ended === 0 ? `nothing runs on ${files.dataDir}` : `the cluster on ${files.dataDir} is down: ${ended} processes ended`);
  return EXIT.done;
}
