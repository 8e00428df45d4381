/** The command line as a child process: its exit code and what it printed, with a bound on how long it may take. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface CliResult {
  /** null: a signal ended it, or its time was over. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunCliOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

const MAIN = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));

/**
 * Runs `triad …` on this process's own Node. Resolves when it has ended and nobody holds its output any more; past its time its process
 * group is ended, since a detached part that kept the pipes open would hold the test for ever.
 */
export function runCli(args: readonly string[], { cwd, env, timeoutMs }: RunCliOptions): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString("utf8");
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString("utf8");
    });
    const timer = setTimeout(() => {
      stderr += `\n(not done after ${timeoutMs} ms)`;
      if (child.pid !== undefined) killGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs);
    child.once("error", (error) => {
      stderr += error.message;
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Gone already: what the caller wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
