/**
 * Benchmarks by name: `node bench/main.ts NAME …`. `path` is the figures of the whole; every other file in this folder is a benchmark of one
 * decision, run as it is. Data on stdout, progress on stderr; 1 failed, 2 is wrong usage.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { PATH_HELP, type PathOptions, readOptions } from "./path/options.ts";
import { renderReport } from "./path/report.ts";
import { type PathResults, runPath } from "./path/run.ts";

const FAILED = 1;
const USAGE = 2;

const others = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== basename(import.meta.filename))
  .map((file) => basename(file, ".ts"))
  .sort();

const HELP = `bench NAME [options]; --help after a name says more

  path${others.map((name) => `\n  ${name}`).join("")}
`;

/** One line that is written over on a terminal; a line each elsewhere. */
function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

async function path(args: readonly string[]): Promise<number> {
  let options: PathOptions | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${PATH_HELP}`);
    return USAGE;
  }
  if (options === undefined) {
    process.stdout.write(PATH_HELP);
    return 0;
  }
  let results: PathResults;
  try {
    results = await runPath(options, ["bench path", ...args].join(" "), progress);
  } catch (error) {
    process.stderr.write(`\nbench path: ${error instanceof Error ? error.message : String(error)}\n`);
    return FAILED;
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 1)}\n`);
  process.stdout.write(renderReport(results));
  return 0;
}

const [name, ...args] = process.argv.slice(2);
if (name === "path") process.exitCode = await path(args);
else if (name !== undefined && others.includes(name)) {
  process.exitCode = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...args], { stdio: "inherit" }).status ?? 1;
} else if (name === undefined || name === "--help" || name === "-h") process.stdout.write(HELP);
else {
  process.stderr.write(`there is no benchmark "${name}"\n\n${HELP}`);
  process.exitCode = USAGE;
}
