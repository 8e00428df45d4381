/**
 * One coordinator a data folder. Node has no flock, so a holder leaves a file that names its process, and a file whose process is gone
 * (kill -9, power cut) counts for nothing.
 *
 * (K1) Each claimant writes a file of its own first and looks at the others' afterwards. Of two that claim at once, the later writer
 *      sees the earlier: never do both hold. Both may be refused; the supervisor tries again.
 * (K2) A process is known by pid, start time and the machine's boot, since pids are used again.
 * Bound: it protects processes that see each other's pids. Two containers that share a volume do not; give each its own.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TriadError } from "@triad/protocol";

const LOCK_NAME = /^lock-[0-9]+-[0-9a-z]+\.json$/;

interface Holder {
  readonly pid: number;
  readonly startTime: string;
  readonly boot: string;
}

export interface DataDirLock {
  release(): void;
}

/** When the process began, in whatever unit the system has; undefined if there is no such process. */
function startTimeOf(pid: number): string | undefined {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name in parentheses may hold anything, so count from the last one: field 3 is the state, 22 the start time.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    const started = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return started === "" ? undefined : started;
  } catch {
    return undefined;
  }
}

function bootOfMachine(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== "object" || value === null) return false;
  return (
    "pid" in value &&
    Number.isSafeInteger(value.pid) &&
    "startTime" in value &&
    typeof value.startTime === "string" &&
    "boot" in value &&
    typeof value.boot === "string"
  );
}

type LockFile = { readonly kind: "live"; readonly pid: number } | { readonly kind: "stale" };

function examine(path: string, boot: string): LockFile {
  let holder: unknown;
  try {
    holder = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    // Gone since it was listed, or half written by a process that died: its owner reads the folder only after the write is complete.
    holder = undefined;
  }
  if (!isHolder(holder) || holder.boot !== boot) return { kind: "stale" };
  return startTimeOf(holder.pid) === holder.startTime ? { kind: "live", pid: holder.pid } : { kind: "stale" };
}

/** Takes the folder for this process. Throws TRIAD_DATA_DIR_LOCKED if a living one has it, this process included. */
export function lockDataDir(folder: string): DataDirLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const boot = bootOfMachine();
  const startTime = startTimeOf(process.pid) ?? "";
  const own = `lock-${process.pid}-${startTime.replace(/[^0-9a-z]/gi, "").toLowerCase() || "0"}.json`;
  const ownPath = join(folder, own);
  const release = (): void => {
    try {
      unlinkSync(ownPath);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  };
  try {
    writeFileSync(ownPath, `${JSON.stringify({ pid: process.pid, startTime, boot } satisfies Holder)}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") throw locked(folder, process.pid);
    throw error;
  }
  const stale: string[] = [];
  for (const name of readdirSync(folder)) {
    if (name === own || !LOCK_NAME.test(name)) continue;
    const found = examine(join(folder, name), boot);
    if (found.kind === "live") {
      release();
      throw locked(folder, found.pid);
    }
    stale.push(join(folder, name));
  }
  for (const path of stale) {
    try {
      unlinkSync(path);
    } catch {
      // Another claimant removed it first.
    }
  }
  return { release };
}

function locked(folder: string, pid: number): TriadError {
  return new TriadError("TRIAD_DATA_DIR_LOCKED", `Another coordinator (pid ${pid}) runs on ${folder}; stop it, or use another folder.`, {
    folder,
    pid,
  });
}
