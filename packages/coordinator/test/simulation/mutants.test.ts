/** The simulator is worth what it finds: it must kill every mutant of consensus-mutants.ts, and no unchanged code. */
import { fileURLToPath } from "node:url";
import { type Mutant, REPOSITORY_ROOT, runMutant } from "@triad/testkit";
import { describe, expect, it } from "vitest";
import { CONSENSUS_MUTANTS } from "./consensus-mutants.ts";

const RUNNER = fileURLToPath(new URL("./mutant-runner.ts", import.meta.url));
const ROUNDS = 60;
const TIMEOUT_MS = 180_000;

function verdictOn(mutant: Mutant, rounds: number = ROUNDS): Promise<{ verdict: string; output: string }> {
  return runMutant({ mutant, root: REPOSITORY_ROOT, runner: RUNNER, args: [`${rounds}`], timeoutMs: TIMEOUT_MS });
}

describe.concurrent("the simulation kills", () => {
  for (const mutant of CONSENSUS_MUTANTS) {
    it(
      mutant.name,
      async () => {
        const { verdict, output } = await verdictOn(mutant);
        expect(verdict, output).toBe("killed");
      },
      TIMEOUT_MS + 5000,
    );
  }
});

describe("the harness", () => {
  const harmless: Mutant = {
    name: "harmless",
    file: "packages/coordinator/src/core/raft/quorum.ts",
    find: "return (voterCount - (voterCount % 2)) / 2 + 1;",
    replace: "return 1 + (voterCount - (voterCount % 2)) / 2;",
  };

  it("lets a change live that changes nothing", async () => {
    expect(await verdictOn(harmless, 3)).toMatchObject({ verdict: "survived" });
  });

  it("says that it is broken when a mutant no longer fits, fits twice, is never loaded, or cannot run", async () => {
    expect(await verdictOn({ ...harmless, find: "no such text" }, 1)).toMatchObject({
      verdict: "broken",
      output: expect.stringContaining("does not occur"),
    });
    expect(await verdictOn({ ...harmless, find: "return" }, 1)).toMatchObject({
      verdict: "broken",
      output: expect.stringContaining("more than once"),
    });
    const unused: Mutant = {
      name: "unused",
      file: "packages/testkit/src/mutants/run-mutant.ts",
      find: "OUTPUT_CHARACTERS_MAX = 4000",
      replace: "OUTPUT_CHARACTERS_MAX = 1",
    };
    const elsewhere = await runMutant({
      mutant: unused,
      root: REPOSITORY_ROOT,
      runner: fileURLToPath(new URL("./invariants.ts", import.meta.url)),
      timeoutMs: TIMEOUT_MS,
    });
    expect(elsewhere).toMatchObject({ verdict: "broken", output: expect.stringContaining("never loaded") });
    expect(await verdictOn({ ...harmless, replace: "return ((" }, 1)).toMatchObject({ verdict: "broken" });
  });
});
