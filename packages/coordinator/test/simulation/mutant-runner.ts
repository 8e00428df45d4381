/**
 * Runs schedules over whatever the process has loaded until one shows a violation: exit EXIT_KILLED, or EXIT_SURVIVED after all.
 * Each round is one life story of the log alone and one schedule of a whole cluster.
 */
import { EXIT_KILLED, EXIT_SURVIVED } from "@triad/testkit";
import { runWalSchedule, WalViolation } from "../wal/wal-schedule.ts";
import { Violation } from "./invariants.ts";
import { runSchedule } from "./run-schedule.ts";

const rounds = Number(process.argv[2] ?? "300");
for (let seed = 1; seed <= rounds; seed++) {
  try {
    runWalSchedule(seed);
    await runSchedule(seed);
  } catch (error) {
    if (!(error instanceof Violation || error instanceof WalViolation)) throw error;
    process.stdout.write(`seed ${seed}: ${error.name}: ${error.message}\n`);
    process.exit(EXIT_KILLED);
  }
}
process.stdout.write(`no violation in ${rounds} rounds\n`);
process.exitCode = EXIT_SURVIVED;
