/** Runs random histories and the ownership scenarios over whatever the process has loaded: exit EXIT_KILLED at the first broken property. */
import { EXIT_KILLED, EXIT_SURVIVED } from "@triad/testkit";
import fc from "fast-check";
import { equalRequestsMakeOneTask } from "../services/one-task.ts";
import { effectMoves, playEffects } from "./effect-history.ts";
import { move, playToTheEnd } from "./random-history.ts";

const RUNS = Number(process.argv[2] ?? "300");

try {
  await equalRequestsMakeOneTask();
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      playToTheEnd(moves);
    }),
    { numRuns: RUNS, seed: 7 },
  );
  fc.assert(
    fc.property(effectMoves, (moves) => {
      playEffects(moves);
    }),
    { numRuns: RUNS, seed: 7 },
  );
  process.stdout.write("no violation\n");
  process.exitCode = EXIT_SURVIVED;
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message.slice(0, 600) : String(error)}\n`);
  process.exitCode = EXIT_KILLED;
}
