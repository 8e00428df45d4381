/** Wrong changes of apply and of the propose path that the random histories and the idempotency scenario must kill, in the real code. */
import { join } from "node:path";
import { type Mutant, REPOSITORY_ROOT, runMutant } from "@triad/testkit";
import { describe, expect, it } from "vitest";

const STATE = "packages/coordinator/src/core/state";
const ENGINE = "packages/coordinator/src/services/consensus-engine";

const MUTANTS: readonly Mutant[] = [
  {
    name: "fence not compared",
    file: `${STATE}/steps.ts`,
    find: "if (task.step === null || member === undefined || member.fence !== report.fence) return fenced(app, task, member);",
    replace: "if (task.step === null || member === undefined) return fenced(app, task, member);",
  },
  {
    name: "duplicate StepFinished applied",
    file: `${STATE}/steps.ts`,
    find: 'if (member.state === "finished") return { outcome: "duplicate", task: task.id };\n  if (member.state !== "assigned") return fenced(app, task, member);',
    replace: "",
  },
  {
    name: "reply built from the proposal",
    file: `${ENGINE}/proposal-queue.ts`,
    find: "if (pending.term === term && result !== undefined) item.resolve({ ...result, index });",
    replace:
      'if (pending.term === term && result !== undefined) item.resolve({ outcome: "ok", task: "task" in item.command ? item.command.task : "", index });',
  },
  {
    name: "a dead token's assignments live on",
    file: `${STATE}/registry.ts`,
    find: "loseAll(app, worker.id, -1);",
    replace: "",
  },
  {
    name: "two tasks of a conversation at once",
    file: `${STATE}/task-lifecycle.ts`,
    find: "if (conversation.busy === null) startTask",
    replace: "if (conversation.queue.length === 0) startTask",
  },
  {
    name: "a chunk that two records hold goes with the first",
    file: `${STATE}/bodies.ts`,
    find: "if (uses > 0) tx.put(keys.chunk(hash), { uses });\n    else tx.remove(keys.chunk(hash));",
    replace: "tx.remove(keys.chunk(hash));",
  },
  {
    name: "partial answers keep their chunks for ever",
    file: `${STATE}/retention.ts`,
    find: "app.release((record as PartialRecord).output);",
    replace: "",
  },
  {
    name: "a second outcome of an effect is taken",
    file: `${STATE}/effects.ts`,
    find: 'if (before.state !== "intended") return { outcome: "duplicate", task: command.task };',
    replace: "",
  },
  {
    name: "an outcome of another start is taken",
    file: `${STATE}/effects.ts`,
    find: "if (before === undefined || before.fence !== command.fence) {",
    replace: "if (before === undefined) {",
  },
  {
    name: "what has a result is called again",
    file: `${STATE}/effects.ts`,
    find: "// Its dispatch has told it so: one that asks all the same must not be let call again.\n",
    replace: "return intend(app, task, before, member);\n",
  },
  {
    name: "nobody is asked about an effect in doubt",
    file: `${STATE}/effects.ts`,
    find: 'case "ask":\n      return park(app, task, member, before);',
    replace: 'case "ask":\n      return intend(app, task, before, member);',
  },
  {
    name: "a journal outlives its step",
    file: `${STATE}/commit-step.ts`,
    find: "removeJournals(app, task);",
    replace: "",
  },
  {
    name: "the chain forgets what came before",
    file: "packages/coordinator/src/core/transcript/transcript.ts",
    find: "prev: previous.root",
    replace: 'prev: ""',
  },
];

const runner = join(import.meta.dirname, "state-mutant-runner.ts");

describe("mutants of apply and of the propose path", () => {
  it("the suite holds on the code as it is", async () => {
    const nothing: Mutant = { name: "none", file: `${STATE}/apply.ts`, find: 'case "Tick":', replace: 'case "Tick": ' };
    expect(await runMutant({ mutant: nothing, root: REPOSITORY_ROOT, runner, args: ["60"], timeoutMs: 60_000 })).toMatchObject({
      verdict: "survived",
    });
  });

  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))("killed: %s", async (_, mutant) => {
    const { verdict, output } = await runMutant({ mutant, root: REPOSITORY_ROOT, runner, timeoutMs: 60_000 });
    expect(verdict, output).toBe("killed");
  });
});
