/**
 * Preloaded (--import) into a process that runs a suite over a mutant: changes the one file as it is loaded. The process says that it is
 * broken if the mutant does not fit, or if the suite never loads the file.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { EXIT_NOT_APPLIED, type Mutant, mutate } from "./mutant.ts";

/** `{ root, mutant }` as JSON: the repository's root as an absolute path ending in "/". */
export const MUTANT_VARIABLE = "TRIAD_MUTANT";

function isMutant(value: unknown): value is Mutant {
  if (typeof value !== "object" || value === null) return false;
  const fields: Record<string, unknown> = { ...value };
  return ["name", "file", "find", "replace"].every((name) => typeof fields[name] === "string");
}

function install(text: string): void {
  const order: unknown = JSON.parse(text);
  if (typeof order !== "object" || order === null || !("root" in order) || typeof order.root !== "string") throw new TypeError("no root");
  if (!("mutant" in order) || !isMutant(order.mutant)) throw new TypeError("no mutant");
  const { root, mutant } = { root: order.root, mutant: order.mutant };
  const target = pathToFileURL(`${root}${mutant.file}`).href;
  const outcome = mutate(readFileSync(new URL(target), "utf8"), mutant);
  if (!outcome.ok) {
    process.stderr.write(`mutant ${mutant.name}: ${outcome.reason}\n`);
    process.exit(EXIT_NOT_APPLIED);
  }
  let applied = false;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== target) return loaded;
      applied = true;
      return { ...loaded, source: outcome.source };
    },
  });
  process.on("exit", () => {
    if (applied) return;
    process.stderr.write(`mutant ${mutant.name}: the suite never loaded ${mutant.file}\n`);
    process.exitCode = EXIT_NOT_APPLIED;
  });
}

const text = process.env[MUTANT_VARIABLE];
if (text !== undefined) install(text);
