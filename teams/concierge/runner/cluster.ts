/** The cluster that the demo runs on: launched and stopped by the very commands that users have. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root: string = join(import.meta.dirname, "..", "..", "..");
const CLI: string = join(root, "packages", "cli", "src", "main.ts");
const UP_TIMEOUT_MS = 180_000;
const PORTS = { from: 21_000, to: 31_000 };

export interface ClusterInfo {
  readonly cluster: string;
  readonly nats: string;
  readonly http: readonly string[];
  readonly dataDir: string;
  readonly pids: {
    readonly supervisor: number;
    readonly nats: number | null;
    readonly coordinators: readonly number[];
    readonly workers: readonly number[];
  };
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

/** Three free ports in a row, below those that the kernel gives to outgoing connections. */
async function freeBase(): Promise<number> {
  const start = PORTS.from + Math.floor(Math.random() * 5_000);
  for (let base = start; base < PORTS.to; base += 11) {
    const free = await Promise.all([0, 1, 2].map((i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no three free ports in a row on loopback");
}

export class DemoCluster {
  readonly info: ClusterInfo;
  /** Everything that this run writes: data folder and ledger. */
  readonly folder: string;

  private constructor(info: ClusterInfo, folder: string) {
    this.info = info;
    this.folder = folder;
  }

  get ledgerFolder(): string {
    return join(this.folder, "ledger");
  }

  static makeFolder(): string {
    return mkdtempSync(join(tmpdir(), "triad-demo-"));
  }

  static async up(folder: string, env: Readonly<Record<string, string>>): Promise<DemoCluster> {
    const base = await freeBase();
    const dataDir = join(folder, "data");
    const args = ["up", "--team", join(root, "teams", "concierge", "team.ts"), "--coordinators", "3", "--workers", "2"];
    const more = ["--http", String(base), "--data-dir", dataDir, "--detach", "--json"];
    const { stdout } = await run(process.execPath, [CLI, ...args, ...more], {
      env: { ...process.env, ...env },
      timeout: UP_TIMEOUT_MS,
      maxBuffer: 1 << 24,
    });
    return new DemoCluster(JSON.parse(stdout) as ClusterInfo, folder);
  }

  async down(): Promise<void> {
    await DemoCluster.stop(this.folder);
  }

  /** Stops what runs on the folder's data directory, if anything does. */
  static async stop(folder: string): Promise<void> {
    await run(process.execPath, [CLI, "down", "--data-dir", join(folder, "data")], { timeout: UP_TIMEOUT_MS });
  }

  static removeFolder(folder: string): void {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
