/** What a running cluster takes, read from outside: its folder's files, and /proc of its processes (Linux). */
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ClusterInfo, ClusterView } from "@triad/testkit";
import { type NamedProcess, rssMib } from "../path/processes.ts";

/** Curve name → value. */
export type Sample = { readonly seconds: number } & Readonly<Record<string, number>>;

const MIB = 1024 * 1024;
const BLOCK_BYTES = 512;
/** Folders of a coordinator that have a curve of their own; all else is `other`: process logs, identity, pid files. */
const PARTS = ["log", "state", "chunks"] as const;

/** Disk that is taken, MiB, by part, over all coordinators. Blocks, not lengths: lmdb's file has holes. */
export function diskMib(dataDir: string, coordinators: readonly string[]): Readonly<Record<string, number>> {
  const total = bytesOf(dataDir);
  const parts = PARTS.map((part) => [part, coordinators.reduce((sum, id) => sum + bytesOf(join(dataDir, id, part)), 0)] as const);
  const other = total - parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  const all = [["total", total], ...parts, ["other", other]] as const;
  return Object.fromEntries(all.map(([part, bytes]) => [`disk ${part}, MiB`, bytes / MIB]));
}

/** What vanishes while it is read took no room any more. */
function bytesOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  const own = stat.blocks * BLOCK_BYTES;
  if (!stat.isDirectory()) return own;
  return entriesOf(path).reduce((sum, { name }) => sum + bytesOf(join(path, name)), own);
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

const isGone = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

export function processesOf(info: ClusterInfo, view: ClusterView): readonly NamedProcess[] {
  return [
    ...view.coordinators.map(({ id, pid }) => ({ name: id, pid })),
    ...view.workers.map(({ id, pid }) => ({ name: id, pid })),
    { name: "nats", pid: info.pids.nats },
    { name: "supervisor", pid: info.pids.supervisor },
  ];
}

/** Memory and open descriptors by process. */
export function processCurves(processes: readonly NamedProcess[]): Readonly<Record<string, number>> {
  const rss = processes.map(({ name, pid }) => [`RSS ${name}, MiB`, rssMib(pid)] as const);
  const open = processes.map(({ name, pid }) => [`descriptors ${name}`, entriesOf(`/proc/${pid}/fd`).length] as const);
  return Object.fromEntries([...rss, ...open]);
}
