/** `triad scale workers N`: tells the supervisor, and returns once exactly these workers are up and those that went have drained. */
import { TriadError } from "@triad/protocol/words";
import { ClusterFiles } from "../cluster/cluster-files.ts";
import { type ClusterPlan, readPlan, writePlan } from "../cluster/plan.ts";
import { clusterView } from "../cluster/readiness.ts";
import { apiToken, readConfigFile, resolveSettings } from "../configuration.ts";
import { EXIT } from "../exit-code.ts";
import { data, json } from "../output.ts";
import { isAlive, signal } from "../processes/process-identity.ts";
import { type Say, withProgress } from "../progress.ts";
import { dataDir, WORKERS_MAX } from "../settings.ts";
import { type ChildState, readState } from "../supervisor/state-file.ts";
import { parseWhole } from "../values.ts";

/** A drain takes up to 13 s, a start a few. */
const SCALE_MS_MAX = 45_000;
const POLL_MS = 100;

export async function runScaleWorkers(word: string, flags: { readonly dataDir?: string; readonly json?: boolean }): Promise<number> {
  const count = parseWhole(word, 0, WORKERS_MAX);
  if (!count.ok) throw new TriadError("TRIAD_USAGE", `scale workers: N ${count.problem}`);
  const { json: asJson, ...given } = flags;
  const settings = resolveSettings({ dataDir }, { flags: given, env: process.env, file: await readConfigFile(process.cwd()) });
  const files = new ClusterFiles(settings.dataDir);
  const state = readState(files.stateFile);
  if (state === undefined || !isAlive(state.supervisor)) {
    throw new TriadError("TRIAD_CLUSTER_UNREACHABLE", `no cluster that \`triad up\` started runs on ${files.dataDir}`);
  }
  const plan = { ...readPlan(files), workers: count.value };
  writePlan(files, plan);
  signal(state.supervisor, "SIGHUP");
  const workers = await withProgress(`scaling to ${count.value} workers`, (say) => settled(files, plan, say));
  if (asJson === true) json({ workers: workers.map(({ name, process }) => ({ id: name, pid: process?.pid })) });
  else
    data(`${workers.length === 1 ? "1 worker is" : `${workers.length} workers are`} up${workers.map(({ name }) => ` ${name}`).join("")}`);
  return EXIT.done;
}

async function settled(files: ClusterFiles, plan: ClusterPlan, say: Say): Promise<readonly ChildState[]> {
  const token = apiToken();
  const until = performance.now() + SCALE_MS_MAX;
  for (;;) {
    const state = readState(files.stateFile);
    if (state === undefined) throw new TriadError("TRIAD_CLUSTER_UNREACHABLE", `the cluster on ${files.dataDir} was stopped meanwhile`);
    const workers = state.children.filter(({ kind }) => kind === "worker");
    const pids = workers.flatMap(({ process }) => (process === undefined ? [] : [process.pid]));
    const up = await workersUp(plan, token);
    const draining = workers.filter(({ stopping }) => stopping).length;
    if (workers.length === plan.workers && draining === 0 && pids.length === plan.workers && pids.every((pid) => up.has(pid)))
      return workers;
    if (performance.now() > until)
      throw new TriadError(
        "TRIAD_UP_FAILED",
        `the workers did not settle within ${SCALE_MS_MAX / 1_000} s (log: ${files.logFile("supervisor")})`,
      );
    say(`${pids.filter((pid) => up.has(pid)).length} up, ${draining} draining`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function workersUp(plan: ClusterPlan, token: string | undefined): Promise<ReadonlySet<number>> {
  for (const { http } of plan.identity.coordinators) {
    const view = await clusterView(http, token);
    if (view !== undefined) return new Set(view.workers.filter(({ state }) => state === "up").map(({ pid }) => pid));
  }
  return new Set();
}
