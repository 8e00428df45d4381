/**
 * One part of scripts/test: a tool that is run to its end, and what it counted. Kept apart from the order of the parts and the closing
 * line (main.ts). Invariant: a part that was not run, or whose counts cannot be read, counts as failed, never as nothing.
 */
import { spawn } from "node:child_process";

export interface PartResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

export interface Part {
  readonly name: string;
  /** One line for --help. */
  readonly does: string;
  /** Runs the part; `root` is the checkout. */
  run(root: string): Promise<Counts>;
  /** Why it is left out on this machine; undefined: it runs. */
  leftOut?(root: string): string | undefined;
}

/** Runs a command with this process's output; resolves with its exit code (null where a signal or a failed start ended it). */
export function runCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...environment }, stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(null);
    });
    child.once("exit", (code) => resolve(code));
  });
}

/** A tool that passes or fails as a whole. */
export async function passOrFail(command: string, args: readonly string[], cwd: string): Promise<Counts> {
  return (await runCommand(command, args, cwd)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** What a tool counted, made whole by its exit code: one that ended badly, or ran nothing, has failed at least once. */
export function reconcile(counted: Counts, exitCode: number | null): Counts {
  const failedAtAll = exitCode !== 0 || counted.passed + counted.failed === 0;
  return failedAtAll && counted.failed === 0 ? { passed: counted.passed, failed: 1 } : counted;
}

export async function timed(part: Part, root: string): Promise<PartResult> {
  const start = performance.now();
  const counts = await part.run(root);
  return { name: part.name, ...counts, seconds: (performance.now() - start) / 1000 };
}
