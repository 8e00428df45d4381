/** What a figure was measured on: without it a figure says nothing. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  readonly natsServer: string;
  /** Of the data folders. */
  readonly fileSystem: string;
  /** Runnable processes over the last minute, before the bench began: others that want the processor make every figure worse. */
  readonly loadAverage: number;
  readonly commit: string;
  readonly at: string;
}

export function describeMachine(): Machine {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/bin:/opt/homebrew/bin`;
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    natsServer: firstLine("nats-server", ["--version"], path).replace(/^nats-server: /, ""),
    fileSystem: fileSystemOf(tmpdir()),
    loadAverage: loadavg()[0] ?? Number.NaN,
    commit: firstLine("git", ["describe", "--always", "--dirty"], path),
    at: new Date().toISOString(),
  };
}

function firstLine(command: string, args: readonly string[], path: string): string {
  const { stdout } = spawnSync(command, args, { cwd: import.meta.dirname, encoding: "utf8", env: { ...process.env, PATH: path } });
  return stdout?.split("\n")[0]?.trim() || "unknown";
}

/** Type of the mount that holds a folder. */
function fileSystemOf(folder: string): string {
  let best = { point: "", kind: "unknown" };
  let mounts: string;
  try {
    mounts = readFileSync("/proc/mounts", "utf8");
  } catch {
    return best.kind; // not Linux
  }
  for (const line of mounts.split("\n")) {
    const [, point = "", kind = ""] = line.split(" ");
    const holds = point === "/" || folder === point || folder.startsWith(`${point}/`);
    if (holds && point.length >= best.point.length) best = { point, kind };
  }
  return best.kind;
}
