/**
 * Which process is meant, beyond its pid: pids are used again, so a process is (pid, when it started, in which boot). Linux reads /proc;
 * elsewhere `ps` tells the start time.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: equal for the same process, different for another that got its pid later. */
  readonly start: string;
}

export const PROC_AVAILABLE: boolean = existsSync("/proc/self/stat");

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // gone, or another user's: in both cases nothing of ours
  }
}

const bootId: string = PROC_AVAILABLE ? (readProc("/proc/sys/kernel/random/boot_id") ?? "").trim() : "";

/** When the process started; undefined where none of that pid runs (a zombie has ended: only its parent has not looked yet). */
export function startOf(pid: number): string | undefined {
  if (!PROC_AVAILABLE) {
    const answer = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" });
    const line = answer.stdout?.trim() ?? "";
    return line === "" || line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/, "");
  }
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command's name, in brackets, may hold spaces and brackets itself: the fields start after the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const startTicks = fields[19]; // field 22 of proc(5); the list starts at field 3
  return state === "Z" || state === "X" || startTicks === undefined ? undefined : `${bootId}:${startTicks}`;
}

export function identityOf(pid: number): ProcessIdentity | undefined {
  const start = startOf(pid);
  return start === undefined ? undefined : { pid, start };
}

export function isAlive(process: ProcessIdentity): boolean {
  return startOf(process.pid) === process.start;
}

/** Signals exactly this process; false where it is gone. */
export function signal(target: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    process.kill(target.pid, name);
    return true;
  } catch {
    return false; // it ended between the look and the signal
  }
}

/** Live processes whose environment holds `name=value`, with the value of `role` in it, this process left out. Linux only; else none. */
export function findByEnvironment(name: string, value: string, roleName: string): (ProcessIdentity & { readonly role: string })[] {
  if (!PROC_AVAILABLE) return [];
  const wanted = `${name}=${value}`;
  const found: (ProcessIdentity & { role: string })[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const environment = readProc(`/proc/${entry}/environ`)?.split("\0");
    if (environment === undefined || !environment.includes(wanted)) continue;
    const identity = identityOf(Number(entry));
    const role = environment.find((line) => line.startsWith(`${roleName}=`))?.slice(roleName.length + 1) ?? "";
    if (identity !== undefined) found.push({ ...identity, role });
  }
  return found;
}
