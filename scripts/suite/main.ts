/**
 * scripts/test: runs the parts one after the other, all of them whatever fails, and ends with one line that says how many checks passed.
 * `scripts/test lint types` runs only those named; `--fast` leaves the acceptance checks out.
 */
import { resolve } from "node:path";
import { type Part, type PartResult, timed } from "./part.ts";
import { PARTS } from "./parts.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const USAGE = `Usage: scripts/test [--fast] [PART]…

All set-up, then every part below in this order, or only those named. Exits 0 where all of them passed, 1 where one did not.

${PARTS.map((part) => `  ${part.name.padEnd(12)}${part.does}`).join("\n")}

  --fast      leaves the acceptance checks out
  --help      this text
`;

/** The parts that the arguments ask for; a string: what is wrong with them. */
function chosenParts(args: readonly string[]): readonly Part[] | string {
  const names = args.filter((argument) => argument !== "--fast");
  const unknown = names.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown !== undefined)
    return `"${unknown}" is no part of the tests; there are ${PARTS.map((part) => part.name).join(", ")}, and --fast`;
  const chosen = names.length === 0 ? PARTS : PARTS.filter((part) => names.includes(part.name));
  return args.includes("--fast") ? chosen.filter((part) => part.name !== "acceptance") : chosen;
}

async function runParts(parts: readonly Part[], root: string): Promise<readonly PartResult[]> {
  const results: PartResult[] = [];
  for (const part of parts) {
    const reason = part.leftOut?.(root);
    process.stdout.write(`\n== ${part.name}${reason === undefined ? "" : `: left out, ${reason}`}\n`);
    if (reason === undefined) results.push(await timed(part, root));
  }
  return results;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const parts = chosenParts(args);
  if (typeof parts === "string") {
    process.stderr.write(`scripts/test: ${parts}\n`);
    return EXIT_USAGE;
  }
  const results = await runParts(parts, resolve(import.meta.dirname, "..", ".."));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  process.stdout.write("\n");
  for (const result of results) {
    const counts = `${String(result.passed).padStart(6)} passed ${String(result.failed).padStart(4)} failed`;
    process.stdout.write(`${result.name.padEnd(12)}${counts} ${result.seconds.toFixed(1).padStart(7)} s\n`);
  }
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : EXIT_FAILED;
}

process.exitCode = await main(process.argv.slice(2));
