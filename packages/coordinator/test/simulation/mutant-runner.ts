/**
 * Runs the directed scenarios, then schedules, over whatever the process has loaded, until one shows a violation: exit EXIT_KILLED, or
 * EXIT_SURVIVED after all. A round is one life story of the log alone and one schedule of a whole cluster.
 */
import { EXIT_KILLED, EXIT_SURVIVED } from "@triad/testkit";
import { runWalSchedule } from "../wal/wal-schedule.ts";
import { DIRECTED_SCENARIOS } from "./directed-scenarios.ts";
import { runSchedule } from "./run-schedule.ts";

async function search(rounds: number): Promise<void> {
  for (const scenario of Object.values(DIRECTED_SCENARIOS)) scenario();
  for (let seed = 1; seed <= rounds; seed++) {
    runWalSchedule(seed);
    await runSchedule(seed);
  }
}

const rounds = Number(process.argv[2] ?? "100");
try {
  await search(rounds);
  process.stdout.write(`no violation in ${rounds} rounds\n`);
  process.exitCode = EXIT_SURVIVED;
} catch (error) {
  process.stdout.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
  process.exitCode = EXIT_KILLED;
}
