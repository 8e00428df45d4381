/**
 * The supervisor process, started by `up` and left behind: wires the cluster's processes, signals and the plan to the generic Supervisor.
 * SIGTERM ends the cluster in order; SIGHUP reads the plan again and starts or drains workers.
 */
import { rmSync } from "node:fs";
import { TriadError } from "@triad/protocol/words";
import { coordinatorChildren, freeWorkerId, natsChild, workerChild } from "../cluster/cluster-children.ts";
import { ClusterFiles } from "../cluster/cluster-files.ts";
import { type ClusterPlan, readPlan } from "../cluster/plan.ts";
import { coordinatorReady } from "../cluster/readiness.ts";
import { apiToken } from "../configuration.ts";
import { EXIT, errorLine } from "../exit-code.ts";
import { portServed } from "../nats/ports.ts";
import { data } from "../output.ts";
import { isAlive } from "../processes/process-identity.ts";
import { readState } from "../supervisor/state-file.ts";
import { Supervisor } from "../supervisor/supervisor.ts";

const NATS_POLL_MS = 50;
const READY_POLL_MS = 250;
/** A worker that was drained is replaced after this long: not at once, so that one that ends right away again does not burn a core. */
const REPLACE_MS = 1_000;

export async function runSupervise(flags: { readonly dataDir: string }): Promise<number> {
  const files = new ClusterFiles(flags.dataDir);
  const plan = readPlan(files);
  const before = readState(files.stateFile);
  if (before !== undefined && isAlive(before.supervisor))
    throw new TriadError("TRIAD_CLUSTER_RUNNING", `process ${before.supervisor.pid} supervises ${files.dataDir} already`);
  const log = (line: string): void => data(`${new Date().toISOString()} ${line}`);
  // Heard before the state file names this process: whoever reads it may signal at once.
  const stopping = Promise.withResolvers<void>();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stopping.resolve());
  let reload = (): void => undefined;
  process.on("SIGHUP", () => reload());
  /** Workers that were drained: their ids are not used again, or work would come back to where nobody wanted any. */
  const retired = new Set<string>();
  const supervisor = new Supervisor({
    stateFile: files.stateFile,
    log,
    finished: ({ name }) => {
      log(`${name} was drained; another worker takes its place`);
      retired.add(name);
      setTimeout(() => reload(), REPLACE_MS);
    },
  });
  reload = () => reloadPlan(supervisor, files, log, retired);

  const ending = new AbortController();
  const running = startAll(supervisor, plan, files, log, ending.signal).catch((error: unknown) => log(errorLine(error)));
  await stopping.promise;
  log("stopping");
  ending.abort();
  await supervisor.stop();
  await running;
  log("stopped");
  // plan and state say what runs: nothing does.
  rmSync(files.planFile, { force: true });
  rmSync(files.stateFile, { force: true });
  return EXIT.done;
}

/** nats first, so that nobody's first try fails; then all the others at once, which find each other in whatever order they come. */
async function startAll(
  supervisor: Supervisor,
  plan: ClusterPlan,
  files: ClusterFiles,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const nats = natsChild(plan, files);
  if (nats !== undefined && plan.natsServer !== undefined) {
    supervisor.add(nats);
    while (!signal.aborted && !(await portServed("127.0.0.1", plan.natsServer.port, NATS_POLL_MS))) await pause(NATS_POLL_MS);
  }
  if (signal.aborted) return;
  for (const coordinator of coordinatorChildren(plan, files)) supervisor.add(coordinator);
  setWorkers(supervisor, plan, files, log, new Set());
  await markWhenReady(plan, files, log, signal);
}

/** state.md 2: from the moment that all were ready once, none is started with --bootstrap again. */
async function markWhenReady(plan: ClusterPlan, files: ClusterFiles, log: (line: string) => void, signal: AbortSignal): Promise<void> {
  const token = apiToken();
  while (!signal.aborted && !files.bootstrapped) {
    const ready = await Promise.all(plan.identity.coordinators.map(({ http }) => coordinatorReady(http, token)));
    if (ready.every(Boolean)) {
      files.markBootstrapped();
      log("every coordinator was ready: the cluster is bootstrapped");
      return;
    }
    await pause(READY_POLL_MS);
  }
}

function reloadPlan(supervisor: Supervisor, files: ClusterFiles, log: (line: string) => void, retired: ReadonlySet<string>): void {
  if (supervisor.state.stopping) return;
  try {
    setWorkers(supervisor, readPlan(files), files, log, retired);
  } catch (error) {
    log(errorLine(error)); // what runs goes on as it is
  }
}

/** Adds workers under free ids, or drains the latest ones, until as many run as the plan says. */
function setWorkers(
  supervisor: Supervisor,
  plan: ClusterPlan,
  files: ClusterFiles,
  log: (line: string) => void,
  retired: ReadonlySet<string>,
): void {
  const active = supervisor.active("worker");
  for (let n = active.length; n < plan.workers; n++)
    supervisor.add(workerChild(plan, files, freeWorkerId(new Set([...supervisor.names, ...retired]))));
  for (const worker of active.slice(plan.workers)) {
    log(`${worker.name} drains`);
    supervisor.remove(worker.name).catch((error: unknown) => log(errorLine(error)));
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
