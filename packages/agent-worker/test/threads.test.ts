/** Real threads of a real pool: what steps do to them, and what becomes of the steps. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TranscriptEvent } from "@triad/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ThreadError } from "../src/adapters/threads/frames.ts";
import { PiscinaThreads } from "../src/adapters/threads/piscina-threads.ts";
import type { StepOutcome } from "../src/services/ports.ts";
import { chainOf, dispatchOf, until } from "./support/make.ts";
import { MemoryJournal } from "./support/memory-journal.ts";

const TEAM = fileURLToPath(new URL("./fixtures/team.ts", import.meta.url));

class Bench {
  readonly outcomes = new Map<number, StepOutcome>();
  readonly verdicts = new Map<number, string>();
  readonly reasons: string[] = [];
  readonly deltas: string[] = [];
  readonly started: number[] = [];
  readonly broken: ThreadError[] = [];
  readonly threads: PiscinaThreads;
  readonly journal = new MemoryJournal();
  pages: readonly TranscriptEvent[] = [];

  constructor(count: number, team: string = TEAM) {
    this.threads = new PiscinaThreads({
      count,
      team,
      worker: "w1",
      logLevel: "silent",
      nowMs: () => performance.now(),
      heapMb: 64,
      recorder: this.journal,
      reader: {
        read: async (_conversation, from, to) => this.pages.slice(from - 1, to),
        readBody: async ({ ref }) => `whole ${ref}`,
      },
      broken: (error) => void this.broken.push(error),
      events: {
        ready: () => undefined,
        started: (fence) => void this.started.push(fence),
        delta: (_fence, text) => void this.deltas.push(text),
        modelCalled: () => undefined,
        ended: (fence, outcome) => void this.outcomes.set(fence, outcome),
        died: (_thread, steps, reason) => {
          this.reasons.push(reason);
          for (const { fence, outcome } of steps) this.verdicts.set(fence, outcome);
        },
      },
    });
  }

  async ready(): Promise<void> {
    await until(() => Array.from({ length: this.threads.count }, (_, i) => i).every((i) => this.threads.isReady(i)), "threads");
  }
}

describe("a thread", () => {
  let b: Bench;
  let fence = 0;
  beforeAll(async () => {
    b = new Bench(1);
    await b.threads.team;
    await b.ready();
  });
  afterAll(() => b.threads.close());

  const run = (agent: string, input = ""): number => {
    fence++;
    b.threads.run(0, dispatchOf(fence, agent, input), 300);
    return fence;
  };
  const ended = async (...fences: number[]): Promise<void> =>
    until(() => fences.every((f) => b.outcomes.has(f) || b.verdicts.has(f)), `the end of ${fences.join(", ")}`);

  test("several steps are in flight at once and end in their own time", async () => {
    const [slow, quick] = [run("waits", "300"), run("echo", "x")];
    await ended(quick);
    expect(b.outcomes.has(slow)).toBe(false);
    await ended(slow);
    expect(b.outcomes.get(slow)).toMatchObject({ kind: "finished", output: "waited" });
  });

  test("deltas come in order, before the end", async () => {
    b.deltas.length = 0;
    const talk = run("talks", "a b c");
    await ended(talk);
    expect(b.deltas).toEqual(["a", "b", "c"]);
  });

  test("an effect's intent and outcome pass the port, and its step goes on with the answers", async () => {
    const paying = run("pays", "7");
    await ended(paying);
    expect(b.outcomes.get(paying)).toMatchObject({ kind: "finished", output: "7 under 64" });
    await until(() => b.journal.commands.length === 2, "the outcome");
    expect(b.journal.commands).toMatchObject([
      { type: "EffectIntended", fence: paying, n: 1, name: "pay" },
      { type: "EffectDone", fence: paying, n: 1, outcome: { kind: "returned", value: '"7 under 64"' } },
    ]);
  });

  test("an abort fires the signal; a step that does not listen is given up", async () => {
    const waiting = run("waits", "60000");
    await until(() => b.started.includes(waiting), "start");
    b.threads.abort(waiting);
    await ended(waiting);
    expect(b.outcomes.get(waiting)).toMatchObject({ kind: "aborted" });
  });

  test("timeouts: one that listens, one that does not", async () => {
    const [short, deaf] = [run("short"), run("deaf", "2000")];
    await ended(short, deaf);
    for (const f of [short, deaf]) expect(b.outcomes.get(f)).toMatchObject({ kind: "failed", cause: "timeout" });
  });

  test("a step that blocks for ever is ended by the watchdog, and the next thread takes work", async () => {
    for (const agent of ["loops", "loops-later"]) {
      await b.ready();
      const [loop, behind] = [run(agent), run("echo", "behind")];
      await ended(loop, behind);
      // Behind `loops` the other stands in the queue, not begun; `loops-later` lets it begin, so that nobody can tell whose fault it was.
      const expected = agent === "loops" ? ["killed", "again"] : ["lost", "lost"];
      expect([b.verdicts.get(loop), b.verdicts.get(behind)]).toEqual(expected);
      expect(b.reasons.at(-1)).toContain("blocked");
    }
    await b.ready();
    const after = run("echo", "after");
    await ended(after);
    expect(b.outcomes.get(after)).toMatchObject({ output: "after" });
  });

  test("a step that ends its process, at once or later, throws where nobody listens or eats its memory, ends only its thread", async () => {
    for (const agent of ["exits", "exits-later", "leaks", "hoards"]) {
      await b.ready();
      const exit = run(agent);
      await ended(exit);
      expect(b.verdicts.get(exit)).toBe("killed");
    }
    await b.ready();
  });

  test("with a neighbour in flight nobody is blamed, and what had ended before is not taken back", async () => {
    await b.ready();
    const [done, neighbour] = [run("echo", "done"), run("waits", "60000")];
    await until(() => b.started.includes(neighbour), "start");
    const exit = run("exits");
    await ended(done, neighbour, exit);
    expect([b.verdicts.get(done), b.verdicts.get(neighbour), b.verdicts.get(exit)]).toEqual([undefined, "lost", "lost"]);
  });
});

describe("the extra thread", () => {
  test("runs steps one at a time; a death there is its own, and the next goes on", async () => {
    const b = new Bench(1);
    try {
      await b.threads.team;
      b.threads.runAlone(dispatchOf(1, "loops", ""), 300);
      b.threads.runAlone(dispatchOf(2, "exits-later", ""), 300);
      b.threads.runAlone(dispatchOf(3, "waits", "60000"), 5_000);
      b.threads.runAlone(dispatchOf(4, "echo", "x"), 5_000);
      b.threads.runAlone(dispatchOf(5, "echo", "y"), 5_000);
      b.threads.abort(5); // Has not begun: it is taken back.
      expect(b.outcomes.get(5)).toMatchObject({ kind: "aborted" });
      await until(() => b.started.includes(3), "the third");
      expect([b.verdicts.get(1), b.verdicts.get(2), b.started.includes(4)]).toEqual(["killed", "killed", false]);
      b.threads.abort(3);
      await until(() => b.outcomes.has(4), "the fourth");
      expect(b.outcomes.get(4)).toMatchObject({ output: "x" });
    } finally {
      await b.threads.close();
    }
  });
});

describe("the team file", () => {
  const folder = mkdtempSync(join(tmpdir(), "triad-team-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const fileOf = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const team = (name: string) => `
    import { defineAgent, defineTeam } from "@triad/agent-worker";
    export default defineTeam({ name: "${name}", agents: [defineAgent({ name: "a", prompt: { template: "x", version: 1 }, step: (turn) => turn.finish({ output: "far away" }) })] });`;

  test("lies anywhere: outside the checkout @triad/* resolves too", async () => {
    const b = new Bench(1, fileOf("lone.ts", team("lone")));
    try {
      expect((await b.threads.team).manifest.name).toBe("lone");
      b.threads.run(0, dispatchOf(1, "a", ""), 1_000);
      await until(() => b.outcomes.has(1), "the step");
      expect(b.outcomes.get(1)).toMatchObject({ output: "far away" });
    } finally {
      await b.threads.close();
    }
  });

  test.each([
    ["missing", undefined, "TRIAD_TEAM_NOT_FOUND"],
    ["syntax", "export default {{{", "TRIAD_TEAM_INVALID"],
    ["throws", "throw new Error('first line\\nsecond line')", "TRIAD_TEAM_INVALID"],
    ["no-team", "export default { name: 'x' }", "TRIAD_TEAM_INVALID"],
    ["no-module", "import 'no-such-package-anywhere'", "TRIAD_TEAM_INVALID"],
    ["template", team("t").replace('"x"', '"{{x}}"'), "TRIAD_TEMPLATE_INVALID"],
    ["exits", "process.exit(3)", "TRIAD_TEAM_INVALID"],
  ])("%s: one line with its code", async (name, text, code) => {
    const b = new Bench(1, text === undefined ? join(folder, "none.ts") : fileOf(`${name}.ts`, text));
    try {
      const refused = await b.threads.team.then(
        () => "accepted",
        (error: unknown) => error,
      );
      expect(refused).toMatchObject({ code });
      expect((refused as Error).message).not.toContain("\n");
    } finally {
      await b.threads.close();
    }
  });

  test("changed while the worker runs: the next thread refuses to run another team than was registered", async () => {
    const path = fileOf("changes.ts", team("before").replace('turn.finish({ output: "far away" })', "process.exit(1)"));
    const b = new Bench(1, path);
    try {
      await b.threads.team;
      await b.ready();
      writeFileSync(path, team("after"));
      b.threads.run(0, dispatchOf(1, "a", ""), 1_000);
      await until(() => b.broken.some((error) => error.code === "TRIAD_TEAM_VERSION"), "the refusal");
      expect(b.threads.isReady(0)).toBe(false);
    } finally {
      await b.threads.close();
    }
  });
});

describe("recall through the port", () => {
  test("reads older events from the main thread", async () => {
    const b = new Bench(1);
    b.pages = chainOf([
      { by: "hotels", text: "free parking" },
      { by: "hotels", text: "goodbye" },
    ]);
    try {
      await b.threads.team;
      await b.ready();
      b.threads.run(0, dispatchOf(1, "recalls", "parking", { eventsTotal: 2, root: b.pages[1]?.id ?? "" }), 5_000);
      await until(() => b.outcomes.has(1), "the recall");
      expect(b.outcomes.get(1)).toMatchObject({ output: "free parking" });
    } finally {
      await b.threads.close();
    }
  });
});
