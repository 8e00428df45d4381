/**
 * Ends everything of a data directory, whatever state it is in: a healthy cluster through its supervisor, what a crash left behind by
 * itself. Processes are found by the state file and by their environment, and signalled only while they are the ones that were meant.
 *
 * D1: the supervisor ends before anything else is killed, so that nothing is started again behind our back.
 * D2: workers drain while coordinators and nats still run.
 */
import { TriadError } from "@triad/protocol/words";
import { findByEnvironment, isAlive, type ProcessIdentity, signal } from "../processes/process-identity.ts";
import { type ChildKind, STOP_MS, STOP_ORDER } from "../supervisor/child-spec.ts";
import { readState } from "../supervisor/state-file.ts";
import { CLUSTER_MARK, ROLE_MARK, type Role } from "./cluster-children.ts";
import type { ClusterFiles } from "./cluster-files.ts";

/** The supervisor's own bounds, kind after kind, and a margin to see it end. */
const SUPERVISOR_MS: number = STOP_ORDER.reduce((sum, kind) => sum + STOP_MS[kind], 0) + 3_000;
const POLL_MS = 25;
/** Looks for processes that appeared meanwhile; each look ends what it finds. */
const SWEEPS_MAX = 20;

export interface RunningProcess extends ProcessIdentity {
  readonly role: Role | "";
}

/** Every live process of the data directory's cluster. */
export function runningProcesses(files: ClusterFiles): RunningProcess[] {
  const found = new Map<number, RunningProcess>();
  const state = readState(files.stateFile);
  if (state !== undefined) {
    if (isAlive(state.supervisor)) found.set(state.supervisor.pid, { ...state.supervisor, role: "supervisor" });
    for (const { process, kind } of state.children)
      if (process !== undefined && isAlive(process)) found.set(process.pid, { ...process, role: kind });
  }
  const cluster = clusterOf(files);
  if (cluster !== undefined) {
    for (const one of findByEnvironment(CLUSTER_MARK, cluster, ROLE_MARK)) {
      if (!found.has(one.pid)) found.set(one.pid, { pid: one.pid, start: one.start, role: isRole(one.role) ? one.role : "" });
    }
  }
  return [...found.values()];
}

/** A cluster file that can't be read names nobody; what the state file names is ended all the same. */
function clusterOf(files: ClusterFiles): string | undefined {
  try {
    return files.readIdentity()?.cluster;
  } catch (error) {
    if (error instanceof TriadError) return undefined;
    throw error;
  }
}

function isRole(text: string): text is Role {
  return text === "supervisor" || STOP_ORDER.some((kind) => kind === text);
}

/** Returns how many processes were ended. `say` hears what is being waited for. */
export async function stopCluster(files: ClusterFiles, say: (line: string) => void): Promise<number> {
  const ended = new Set<number>();
  const remember = (processes: readonly RunningProcess[]): void => {
    for (const { pid } of processes) ended.add(pid);
  };
  const running = runningProcesses(files);
  remember(running);
  await stopSupervisor(running, say);
  for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
    const left = runningProcesses(files);
    if (left.length === 0) break;
    remember(left);
    await stopOrphans(left, say);
  }
  const left = runningProcesses(files);
  if (left.length > 0) throw new Error(`processes ${left.map(({ pid }) => pid).join(", ")} of the cluster do not end`);
  files.removeRunFiles();
  return ended.size;
}

/** D1 */
async function stopSupervisor(running: readonly RunningProcess[], say: (line: string) => void): Promise<void> {
  const supervisors = running.filter(({ role }) => role === "supervisor");
  if (supervisors.length === 0) return;
  say("workers drain, then coordinators and nats-server end");
  for (const one of running) signal(one, "SIGCONT"); // a process that is stopped can't end by itself
  await end(supervisors, SUPERVISOR_MS);
}

/** D2. What has no role (a process that an agent started) ends last. */
async function stopOrphans(left: readonly RunningProcess[], say: (line: string) => void): Promise<void> {
  await end(
    left.filter(({ role }) => role === "supervisor"),
    0,
  );
  for (const kind of [...STOP_ORDER, ""] as const) {
    const some = left.filter(({ role }) => role === kind);
    if (some.length === 0) continue;
    say(`ending ${some.length} ${kind === "" ? "other" : kind} process${some.length === 1 ? "" : "es"} without a supervisor`);
    for (const one of some) signal(one, "SIGCONT");
    await end(some, orphanMs(kind));
  }
}

function orphanMs(kind: ChildKind | ""): number {
  return kind === "" ? 1_000 : STOP_MS[kind];
}

/** SIGTERM, then SIGKILL to those that are left when the time is over; 0 kills at once. */
async function end(processes: readonly ProcessIdentity[], ms: number): Promise<void> {
  if (ms > 0) {
    for (const one of processes) signal(one, "SIGTERM");
    if (await ended(processes, ms)) return;
  }
  for (const one of processes) signal(one, "SIGKILL");
  await ended(processes, 2_000);
}

async function ended(processes: readonly ProcessIdentity[], ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  while (processes.some(isAlive)) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
