/**
 * Processes of a test, by their own pids: whether one lives, signals, and those that carry a test's mark in their environment. A mark
 * finds what a crash of the supervisor left behind; nothing is ever ended by its name.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Carried by every process that a test starts, and by what they start. */
export const MARK_VARIABLE = "TRIAD_TESTKIT_RUN";

/** True while the process runs; a zombie has ended. */
export function isAlive(pid: number | null | undefined): boolean {
  // 0 and below name groups of processes, ours among them.
  if (pid === null || pid === undefined || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^State:\s+Z/m.test(readProc(pid, "status") ?? "");
}

/** Sends a signal; false: the process is gone. */
export function strike(pid: number, signal: NodeJS.Signals): boolean {
  if (pid <= 0) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** A file of /proc; undefined where there is none (another system, a process that has ended, another user's). */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Processes that live and carry the mark, this one excepted. Only Linux shows environments: elsewhere there are none to see. */
export function marked(mark: string): readonly number[] {
  let entries: readonly string[];
  try {
    entries = readdirSync("/proc");
  } catch {
    return [];
  }
  const variable = `${MARK_VARIABLE}=${mark}`;
  return entries
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && (readProc(pid, "environ") ?? "").split("\0").includes(variable) && isAlive(pid));
}

/** What a process was started as, for a message. */
export function commandOf(pid: number): string {
  return (readProc(pid, "cmdline") ?? "?").replaceAll("\0", " ").slice(0, 120);
}

/** The caller's environment without its TRIAD_… variables, which must not change what is tested, and with the mark. */
export function markedEnvironment(mark: string, extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("TRIAD_"),
  );
  // Debian keeps nats-server in /usr/sbin, which a user's PATH may lack.
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/bin:/opt/homebrew/bin`;
  return { ...Object.fromEntries(inherited), PATH: path, ...extra, [MARK_VARIABLE]: mark };
}
