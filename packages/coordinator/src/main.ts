/** A coordinator as a process: starts it, ends it on a signal, and never goes on after a fatal error. */
import { TriadError } from "@triad/protocol";
import { pino } from "pino";
import type { CoordinatorOptions } from "./config.ts";
import { startCoordinator } from "./node.ts";

export type { CoordinatorOptions, CoordinatorPeer } from "./config.ts";

/** What a fatal error ends the process with: not 0, so that a supervisor starts it again where that can help. */
const FATAL_EXIT = 70;

/**
 * Runs until SIGTERM or SIGINT, then resolves with 0. Throws TriadError where it cannot start. A fatal error later (disk, diverged state)
 * ends the process at once: nobody may be told anything any more.
 */
export async function runCoordinatorProcess(options: CoordinatorOptions): Promise<number> {
  const log = pino({ level: options.logLevel ?? "info", base: { id: options.id, pid: process.pid } }, pino.destination({ sync: true }));
  const onFatal = (error: Error): void => {
    const code = error instanceof TriadError ? error.code : "TRIAD_STORE_FAILED";
    log.fatal({ code, error: error.message, stack: error.stack }, "fatal: this coordinator ends");
    process.exit(FATAL_EXIT);
  };
  const stopped = signalled();
  const node = await startCoordinator(options, { log, onFatal });
  const signal = await stopped;
  log.info({ signal }, "stopping");
  await node.stop();
  return 0;
}

function signalled(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}
