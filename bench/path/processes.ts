/** What a process has used, from /proc: processor time and memory. Linux only; elsewhere there is nothing to read, and the table says so. */
import { readFileSync } from "node:fs";

/** The kernel's unit of processor time, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/<pid>/stat behind the name, which may hold spaces: user and system time. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** A process of the cluster by the name that the table gives it: `leader`, `follower c1`, `worker w2`, `nats`. */
export interface NamedProcess {
  readonly name: string;
  readonly pid: number;
}

/** Processor time since its start, microseconds, all threads; a process that is gone has none. */
export function cpuUs(pid: number): number {
  const stat = readProc(pid, "stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[USER_TICKS] ?? Number.NaN) + Number(fields[SYSTEM_TICKS] ?? Number.NaN);
  return (ticks * 1e6) / TICKS_PER_SECOND;
}

/** Resident memory, MiB. */
export function rssMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(pid, "status"))?.[1] ?? Number.NaN) / 1024;
}

/** By name, so that a table or JSON can show it. */
export function byName(processes: readonly NamedProcess[], read: (pid: number) => number): Record<string, number> {
  return Object.fromEntries(processes.map(({ name, pid }) => [name, read(pid)]));
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
