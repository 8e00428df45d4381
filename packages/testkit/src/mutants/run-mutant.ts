/**
 * Runs a suite over a mutant in a child process and says what became of it.
 *
 * The runner is a script that loads the code, runs its checks, and exits with EXIT_KILLED when a property is broken (printing which) or
 * EXIT_SURVIVED when all hold. Any other end (a crash on load, a time-out) is `broken`: it proves nothing about the suite.
 */
import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EXIT_KILLED, EXIT_NOT_APPLIED, EXIT_SURVIVED, type Mutant } from "./mutant.ts";
import { MUTANT_VARIABLE } from "./register-mutant.ts";

const OUTPUT_CHARACTERS_MAX = 4000;

export interface MutantRun {
  readonly mutant: Mutant;
  /** Absolute path of the repository's root. */
  readonly root: string;
  /** Absolute path of the runner script. */
  readonly runner: string;
  readonly args?: readonly string[];
  readonly timeoutMs: number;
}

export interface MutantVerdict {
  readonly verdict: "killed" | "survived" | "broken";
  /** The end of what the runner printed: which property killed it, or why the run is broken. */
  readonly output: string;
}

export function runMutant(run: MutantRun): Promise<MutantVerdict> {
  const root = `${realpathSync(run.root)}/`;
  const register = new URL("./register-mutant.ts", import.meta.url).href;
  const child = spawn(process.execPath, ["--import", register, run.runner, ...(run.args ?? [])], {
    cwd: root,
    env: { ...process.env, [MUTANT_VARIABLE]: JSON.stringify({ root, mutant: run.mutant }) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  return new Promise((resolve) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, run.timeoutMs);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ verdict: "broken", output: error.message });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      const end = output.trim();
      if (timedOut) resolve({ verdict: "broken", output: `no verdict within ${run.timeoutMs} ms\n${end}` });
      else if (code === EXIT_KILLED) resolve({ verdict: "killed", output: end });
      else if (code === EXIT_SURVIVED) resolve({ verdict: "survived", output: end });
      else resolve({ verdict: "broken", output: code === EXIT_NOT_APPLIED ? end : `exit ${code}\n${end}` });
    });
  });
}

/** Runs mutants with some parallelism; verdicts come in the order of the mutants. */
export async function runMutants(
  mutants: readonly Mutant[],
  run: Omit<MutantRun, "mutant">,
  parallel: number = 2,
): Promise<MutantVerdict[]> {
  const verdicts: MutantVerdict[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < mutants.length; at = next++) verdicts[at] = await runMutant({ ...run, mutant: mutants[at]! });
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return verdicts;
}

/** The repository's root, as seen from this file. */
export const REPOSITORY_ROOT: string = fileURLToPath(new URL("../../../../", import.meta.url));
