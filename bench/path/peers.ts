/**
 * LangGraph.js on the bench's graph, in a process of its own. Its packages are no part of the workspace: they are installed by `npm ci` from the
 * lockfile beside them into a cache folder, once, and without running anything of theirs. Where that can't be done, why is the result.
 */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { windowRatio } from "./hand-off.ts";
import { CHAIN_HOPS, FACTS, LONG_HOPS } from "./load.ts";
import type { Amounts } from "./options.ts";
import { quantile } from "./statistics.ts";

export interface Peer {
  readonly name: string;
  readonly stepsPerSecond: Readonly<Record<string, number>>;
  readonly hopP50Ms: number;
  readonly hopP99Ms: number;
  readonly hop200OverHop2: number;
}

export type Peers = { readonly kind: "measured"; readonly peers: readonly Peer[] } | { readonly kind: "missing"; readonly why: string };

const FROM = join(import.meta.dirname, "..", "peers");
const CACHE = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "triad-bench-peers");
const FILES = ["package.json", "package-lock.json", "langgraph.mjs"] as const;
const INSTALL_MS_MAX = 300_000;
const RUN_MS_MAX = 600_000;
const TAIL_CHARACTERS = 300;

const SAVERS: readonly (readonly [id: string, name: string])[] = [
  ["memory", "LangGraph.js, memory saver (one process, nothing on disk)"],
  ["sqlite-normal", "LangGraph.js, SQLite saver (one process, WAL, no fsync a step)"],
  ["sqlite-full", "LangGraph.js, SQLite saver, synchronous=FULL, durability sync (one process, one disk)"],
];

export async function measurePeers(widths: readonly number[], amounts: Amounts, say: (text: string) => void): Promise<Peers> {
  const folder = mkdtempSync(join(tmpdir(), "triad bench "));
  try {
    say("npm ci");
    await install();
    const peers: Peer[] = [];
    for (const [saver, name] of SAVERS) {
      say(name);
      peers.push(await measureOne(saver, name, folder, widths, amounts));
    }
    return { kind: "measured", peers };
  } catch (error) {
    return { kind: "missing", why: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The lockfile that stands installed says whether there is anything to do. */
async function install(): Promise<void> {
  const done = join(CACHE, "installed");
  const lock = readFileSync(join(FROM, "package-lock.json"), "utf8");
  mkdirSync(CACHE, { recursive: true });
  for (const file of FILES) copyFileSync(join(FROM, file), join(CACHE, file));
  if (existsSync(done) && readFileSync(done, "utf8") === lock) return;
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], INSTALL_MS_MAX);
  writeFileSync(done, lock);
}

async function measureOne(saver: string, name: string, folder: string, widths: readonly number[], amounts: Amounts): Promise<Peer> {
  const order = {
    saver,
    folder,
    facts: FACTS,
    hops: CHAIN_HOPS,
    longHops: LONG_HOPS,
    longChains: amounts.peerChains,
    widths,
    windowMs: amounts.peerWindowMs,
  };
  const output = await run(process.execPath, ["langgraph.mjs", JSON.stringify(order)], RUN_MS_MAX);
  const { hopsMs, stepsPerSecond } = JSON.parse(output.trim().split("\n").at(-1) ?? "") as {
    readonly hopsMs: readonly (readonly number[])[];
    readonly stepsPerSecond: Readonly<Record<string, number>>;
  };
  const all = hopsMs.flat();
  return { name, stepsPerSecond, hopP50Ms: quantile(all, 0.5), hopP99Ms: quantile(all, 0.99), hop200OverHop2: windowRatio(hopsMs) };
}

/** A command in the cache folder; gives its standard output, or throws with the end of what it said. */
function run(command: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: CACHE, stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString("utf8")).slice(-TAIL_CHARACTERS);
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args[0] ?? ""} ended with ${code ?? signal}: ${errors.trim()}`));
    });
  });
}
