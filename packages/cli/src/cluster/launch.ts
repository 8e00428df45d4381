/**
 * From a checked plan to a cluster that is ready: writes the plan, starts the supervisor away from this process, and watches until every
 * coordinator has a leader and every worker is up. What was started is stopped again by the caller when this throws.
 *
 * L1: a new cluster is up when all of it is. One that was up before goes on with a majority: a coordinator that lost its store must not
 *     take the others with it (state.md 12, "two of three go on").
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { TriadError } from "@triad/protocol/words";
import { ENTRY_FILE } from "../compile-cache.ts";
import type { Say } from "../progress.ts";
import { lastWords, openLog } from "../supervisor/log-file.ts";
import { type ChildState, readState, type SupervisorState } from "../supervisor/state-file.ts";
import { markedEnvironment } from "./cluster-children.ts";
import type { ClusterFiles } from "./cluster-files.ts";
import { type ClusterPlan, writePlan } from "./plan.ts";
import { clusterView, coordinatorReady } from "./readiness.ts";

/** Elections and the first registration take a second or two; the rest is for slow machines and large teams. */
const READY_MS_MAX = 90_000;
const POLL_MS = 100;
/** A process that died this often in a row while the cluster comes up will not come up by waiting: about three seconds of tries. */
const HOPELESS_DEATHS = 5;

export interface LaunchOptions {
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  readonly say: Say;
}

export interface Launched {
  readonly state: SupervisorState;
  /** L1: coordinators that do not come up, each with why. */
  readonly absent: readonly string[];
}

export async function launch(plan: ClusterPlan, files: ClusterFiles, options: LaunchOptions): Promise<Launched> {
  const absentMax = files.bootstrapped ? Math.floor((plan.identity.coordinators.length - 1) / 2) : 0; // L1
  files.writeIdentity(plan.identity);
  if (plan.natsServer !== undefined) files.writeNatsPort(plan.natsServer.port);
  writePlan(files, plan);
  const supervisor = startSupervisor(plan, files);
  let exited: string | undefined;
  supervisor.once("exit", (code, name) => {
    exited = name ?? `exit ${code}`;
  });
  supervisor.once("error", (error) => {
    exited = error.message;
  });
  const until = performance.now() + READY_MS_MAX;
  for (;;) {
    options.signal.throwIfAborted();
    if (exited !== undefined) throw failed(`the supervisor ended (${exited})`, files.logFile("supervisor"));
    const state = readState(files.stateFile);
    if (state !== undefined && state.supervisor.pid === supervisor.pid) {
      const hopeless = state.children.filter(({ deaths }) => deaths >= HOPELESS_DEATHS);
      const fatal = hopeless.length > absentMax ? hopeless[0] : hopeless.find(({ kind }) => kind !== "coordinator");
      if (fatal !== undefined) throw new TriadError("TRIAD_UP_FAILED", whyHopeless(fatal));
      const missing = await whatIsMissing(plan, state, new Set(hopeless.map(({ name }) => name)), options.token);
      if (missing.length === 0) return { state, absent: hopeless.map(whyHopeless) };
      options.say(missing.map(({ what }) => what).join(", "));
      if (performance.now() > until)
        throw failed(
          `not ready within ${READY_MS_MAX / 1_000} s: ${missing.map(({ what }) => what).join(", ")}`,
          missing[0]?.logFile ?? files.logFile("supervisor"),
        );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** In a session of its own, so that neither Ctrl-C nor the end of the terminal reaches it, and with none of our streams open. */
function startSupervisor(plan: ClusterPlan, files: ClusterFiles): ChildProcess {
  const log = openLog(files.logFile("supervisor"));
  try {
    const child = spawn(process.execPath, [ENTRY_FILE, "supervise", "--data-dir", files.dataDir], {
      detached: true,
      stdio: ["ignore", log, log],
      env: markedEnvironment(plan.identity.cluster, "supervisor"),
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

interface Missing {
  readonly what: string;
  readonly logFile: string;
}

async function whatIsMissing(
  plan: ClusterPlan,
  state: SupervisorState,
  absent: ReadonlySet<string>,
  token: string | undefined,
): Promise<readonly Missing[]> {
  const coordinators = plan.identity.coordinators.filter(({ id }) => !absent.has(id));
  const ready = await Promise.all(coordinators.map(({ http }) => coordinatorReady(http, token)));
  const child = (name: string): SupervisorState["children"][number] | undefined => state.children.find((one) => one.name === name);
  const missing: Missing[] = [];
  for (const [index, { id }] of coordinators.entries()) {
    if (ready[index] !== true) missing.push({ what: `${id} is not ready`, logFile: child(id)?.logFile ?? "" });
  }
  if (missing.length > 0) return missing;
  // By pid, because a view may still name the workers of an earlier run. All must see them, whichever is asked first.
  const views = await Promise.all(coordinators.map(({ http }) => clusterView(http, token)));
  const up = views.map((view) => new Set((view?.workers ?? []).filter((worker) => worker.state === "up").map(({ pid }) => pid)));
  const workers = state.children.filter(({ kind }) => kind === "worker");
  for (const worker of workers) {
    const { process } = worker;
    if (process === undefined || !up.every((pids) => pids.has(process.pid)))
      missing.push({ what: `${worker.name} is not up`, logFile: worker.logFile });
  }
  if (workers.length < plan.workers)
    missing.push({ what: `${plan.workers - workers.length} workers were not started yet`, logFile: child("nats")?.logFile ?? "" });
  return missing;
}

/** Names the log to read, and its last words. */
function failed(why: string, logFile: string): TriadError {
  return new TriadError("TRIAD_UP_FAILED", withLastWords(why, logFile));
}

function whyHopeless(child: ChildState): string {
  return withLastWords(`${child.name} died ${child.deaths} times (${child.lastExit})`, child.logFile);
}

function withLastWords(why: string, logFile: string): string {
  const words = logFile === "" ? undefined : lastWords(logFile);
  return `${why}${words === undefined ? "" : `: ${words}`} (log: ${logFile})`;
}
