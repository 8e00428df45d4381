/** The parts of scripts/test, in the order in which they run: the quickest to fail come first. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Counts, type Part, passOrFail, reconcile, runCommand } from "./part.ts";
import { tarballs } from "./tarballs.ts";

const lint: Part = {
  name: "lint",
  does: "biome check: format, rules, and the walls between the rooms",
  run: (root) => passOrFail("biome", ["check", "--error-on-warnings"], root),
};

const types: Part = {
  name: "types",
  does: "tsc -b: every package, the tests and the teams",
  run: (root) => passOrFail("tsc", ["-b"], root),
};

const unused: Part = {
  name: "unused",
  does: "knip: files, exports and dependencies that nobody uses",
  run: (root) => passOrFail("knip", ["--no-progress"], root),
};

/** Runs `use` with a scratch folder that is removed however it ends. */
async function withScratch(use: (folder: string) => Promise<Counts>): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "triad-test-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readJson(file: string): unknown {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, "utf8"));
}

const tests: Part = {
  name: "tests",
  does: "vitest run: properties, scenarios, simulations, integration over a real nats-server and real processes",
  run: (root) =>
    withScratch(async (folder) => {
      const report = join(folder, "vitest.json");
      const exitCode = await runCommand("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`], root);
      const { numPassedTests = 0, numFailedTests = 0 } = (readJson(report) ?? {}) as { numPassedTests?: number; numFailedTests?: number };
      return reconcile({ passed: numPassedTests, failed: numFailedTests }, exitCode);
    }),
};

/** The black-box suite lies beside the checkout, where there is one at all. */
const acceptanceSuite = (root: string): string => resolve(root, "..", "shared", "acceptance", "run.mjs");

const acceptance: Part = {
  name: "acceptance",
  does: "the black-box checks of ../shared/acceptance that are marked `path`, where that folder exists",
  leftOut: (root) => (existsSync(acceptanceSuite(root)) ? undefined : "no ../shared/acceptance beside this checkout"),
  run: (root) =>
    withScratch(async (folder) => {
      const report = join(folder, "acceptance.json");
      const exitCode = await runCommand(process.execPath, [acceptanceSuite(root), "--tag", "path", "--json", report], root);
      const { results = [] } = (readJson(report) ?? {}) as { results?: readonly { readonly ok: boolean }[] };
      const passed = results.filter((result) => result.ok).length;
      return reconcile({ passed, failed: results.length - passed }, exitCode);
    }),
};

export const PARTS: readonly Part[] = [lint, types, unused, tests, tarballs, acceptance];
