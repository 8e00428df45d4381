/** Runs schedules over whatever the process has loaded until one shows a violation: exit EXIT_KILLED, or EXIT_SURVIVED after all. */
import { EXIT_KILLED, EXIT_SURVIVED } from "@triad/testkit";
import { Violation } from "./invariants.ts";
import { runSchedule } from "./run-schedule.ts";

const schedules = Number(process.argv[2] ?? "300");
for (let seed = 1; seed <= schedules; seed++) {
  try {
    await runSchedule(seed);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    process.stdout.write(`seed ${seed}: ${error.message}\n`);
    process.exit(EXIT_KILLED);
  }
}
process.stdout.write(`no violation in ${schedules} schedules\n`);
process.exitCode = EXIT_SURVIVED;
