/**
 * A worker as a process: signals, the one line of an error, the exit code. Kept apart from worker.ts, which a test runs inside its own process.
 */
import { TriadError } from "@triad/protocol";
import { type RunningWorker, runWorker, type WorkerOptions } from "./worker.ts";

export { DRAIN_MS, type RunningWorker, runWorker, type WorkerOptions } from "./worker.ts";

/**
 * Runs a worker until it ends or is told to (SIGTERM, SIGINT: drain and exit; a second signal exits at once).
 * @returns the exit code: 0 stopped or drained, 1 it could not start or go on.
 */
export async function runWorkerProcess(options: WorkerOptions): Promise<number> {
  let worker: RunningWorker | undefined;
  let signals = 0;
  const interrupted = Promise.withResolvers<number>();
  const onSignal = (): void => {
    signals++;
    // Before it is up there is nothing to drain; a second signal means now.
    if (worker === undefined || signals > 1) interrupted.resolve(signals > 1 ? 1 : 0);
    else void worker.stop();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  try {
    const starting = runWorker(options);
    starting.catch(() => undefined); // Reported below, unless a signal came first.
    const first = await Promise.race([starting, interrupted.promise]);
    if (typeof first === "number") return first;
    worker = first;
    const code = await Promise.race([worker.done, interrupted.promise]);
    const failure = worker.failure();
    if (failure !== undefined) printError(failure);
    return code;
  } catch (error) {
    printError(error);
    return 1;
  } finally {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
  }
}

/** One line; no stack trace for a user's mistake. */
function printError(error: unknown): void {
  const code = error instanceof TriadError ? error.code : "TRIAD_INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error ${code}: ${message.replace(/\s*\n\s*/g, " ")}\n`);
}
