/**
 * What a cluster is when it comes back on the same data: after a power cut, with a team that was edited meanwhile, with an edit that it must
 * refuse. One test leads to the next: each begins where the one before has left the cluster.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, strike, type TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Ledger } from "./support/ledger.ts";
import { Orders, START_MS, startOrders } from "./support/orders-cluster.ts";

let folder: string;
let cluster: TestCluster;
let orders: Orders;
const conversation = "over-all-of-it";

const teamFile = (): string => join(folder, "team.ts");

/** A user's own team file, outside of any checkout; the template and its version are what is edited. */
function writeTeam(template: string, version: number): void {
  writeFileSync(
    teamFile(),
    `import { appendFileSync } from "node:fs";
import { defineAgent, defineTeam } from "@triad/agent-worker";

export default defineTeam({
  name: "scribes",
  agents: [
    defineAgent({
      name: "scribe",
      prompt: { template: ${JSON.stringify(template)}, version: ${version} },
      capabilities: { writing: 0.7 },
      async step(turn) {
        const { ledger, waitMs = 0 } = JSON.parse(turn.input);
        if (ledger) appendFileSync(ledger, JSON.stringify({ agent: turn.agent, event: "start", key: turn.idempotencyKey, attempt: turn.attempt, pid: process.pid }) + "\\n");
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        return turn.finish({ output: turn.prompt().split("\\n")[0], facts: { written: (turn.facts.written ?? 0) + 1 } });
      },
    }),
  ],
});
`,
  );
}

interface Scribe {
  readonly prompt: { readonly template: string; readonly version: number };
  readonly capabilities: { readonly writing: { readonly samples: number; readonly quality: number } };
}
const scribe = async (): Promise<Scribe> => ((await cluster.ask("GET", "/v1/agents/scribe")).json as { readonly triple: Scribe }).triple;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "triad scribes "));
  writeTeam("First edition.\nTask: {{input:text:required}}", 1);
  cluster = await startOrders({ team: teamFile() });
  orders = new Orders(cluster);
}, START_MS);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}, START_MS);

describe("a cluster that comes back", { timeout: START_MS }, () => {
  it("after a power cut has all that it acknowledged, and starts what ran again: same attempt, same key", async () => {
    using ledger = new Ledger();
    const before = await orders.run("writing", {}, { conversation });
    expect([before.status, before.output]).toEqual(["completed", "First edition."]);
    const running = await orders.submit("writing", { ledger: ledger.file, waitMs: 1_500 }, { conversation });
    await eventually("the step runs", () => ledger.count("start") === 1);
    const waiting = await orders.submit("writing", {}, { conversation });
    // The power goes everywhere at once; the supervisor first, or it would bring the others back.
    const { supervisor, nats, coordinators, workers } = cluster.info.pids;
    for (const pid of [supervisor, nats, ...coordinators, ...workers]) strike(pid, "SIGKILL");
    await eventually("nothing runs any more", () => cluster.processes().length === 0);
    await cluster.up();
    expect(await orders.task(before.task)).toMatchObject({ status: "completed", output: "First edition." });
    const ended = await cluster.outcome(running.task);
    expect([ended.status, ended.steps?.[0]?.attempt]).toEqual(["completed", 1]);
    expect([ledger.count("start"), new Set(ledger.lines.map(({ key }) => key)).size]).toEqual([2, 1]);
    expect((await cluster.outcome(waiting.task)).status).toBe("completed");
    expect(await orders.conversation(conversation)).toMatchObject({ verified: true, facts: { written: 3 } });
  });

  it("with another edition of its team takes it over, keeps what was learned, and goes on with the conversation", async () => {
    const before = await scribe();
    expect([before.prompt.version, before.capabilities.writing.samples]).toEqual([1, 3]);
    expect((await cluster.down()).code).toBe(0);
    writeTeam("Second edition.\nTask: {{input:text:required}}", 2);
    await cluster.up();
    await cluster.steady();
    const after = await scribe();
    expect(after.prompt).toEqual({ template: "Second edition.\nTask: {{input:text:required}}", version: 2 });
    expect(after.capabilities).toEqual(before.capabilities);
    const next = await orders.run("writing", {}, { conversation });
    expect([next.status, next.output, next.facts]).toEqual(["completed", "Second edition.", { written: 4 }]);
  });

  it("with another template under the same version refuses to start, in one line, and with the right one has lost nothing", async () => {
    expect((await cluster.down()).code).toBe(0);
    writeTeam("Third edition, and nobody raised the number.\nTask: {{input:text:required}}", 2);
    const refused = await cluster.up().then(
      () => "it started",
      (error: unknown) => String(error),
    );
    expect(refused).toMatch(/triad up ended with 1/);
    expect(refused.split("\n").filter((line) => /^error TRIAD_/.test(line))).toHaveLength(1);
    expect(refused).toContain("TRIAD_TEMPLATE_CONFLICT");
    expect(cluster.processes()).toEqual([]);
    writeTeam("Third edition.\nTask: {{input:text:required}}", 3);
    await cluster.up();
    const next = await orders.run("writing", {}, { conversation });
    expect([next.status, next.output, next.facts]).toEqual(["completed", "Third edition.", { written: 5 }]);
    expect(await orders.conversation(conversation)).toMatchObject({ verified: true });
  });
});
