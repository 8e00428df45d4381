/**
 * What a cluster leaves on its disks after a run in which a leader and a worker were killed: three logs that say the same, each of which comes,
 * applied from nothing, to what clients were told, with every step committed once.
 */
import { join } from "node:path";
import { type OfflineLog, type ReplayedStep, readLog, replayLog } from "@triad/coordinator/offline";
import { eventually, type TaskView, type TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Ledger } from "./support/ledger.ts";
import { Orders, START_MS, startOrders, stepsOf } from "./support/orders-cluster.ts";

const NODES = ["c1", "c2", "c3"] as const;
const TASKS = 12;
const HOPS = 5;

let cluster: TestCluster;
let ledger: Ledger;
/** What clients were told, and the index that all coordinators had applied then. */
let told: readonly TaskView[];
let applied: number;

beforeAll(async () => {
  ledger = new Ledger();
  cluster = await startOrders();
  const orders = new Orders(cluster);
  const order = { hops: HOPS, waitMs: 60, ledger: ledger.file };
  const accepted = await Promise.all(Array.from({ length: TASKS }, () => orders.submit("walking", order)));
  await eventually("every walk is under way", () => ledger.count("start") >= TASKS);
  await cluster.killLeader();
  await cluster.killWorker();
  const ended = await Promise.all(accepted.map(({ task }) => cluster.outcome(task)));
  const other = [
    await orders.run("voting", {}, { strategy: { kind: "ensemble", agents: 3, aggregate: "majority" } }),
    await orders.run("throwing"),
  ];
  told = [...ended, ...other];
  await cluster.steady();
  applied = await eventually("all coordinators have applied the same index, and have the same state", async () => {
    // Each as itself sees it: a coordinator's view of the others is up to a beat old.
    const own = await Promise.all(
      NODES.map(async (id, node) => (await cluster.view(node)).coordinators.find((coordinator) => coordinator.id === id)),
    );
    const same = (key: "appliedIndex" | "stateHash"): boolean => new Set(own.map((one) => one?.[key])).size === 1;
    return same("appliedIndex") && same("stateHash") && own[0]?.stateHash !== "" && own[0]?.appliedIndex;
  });
  const down = await cluster.down();
  if (down.code !== 0) throw new Error(`triad down ended with ${down.code}: ${down.stderr}`);
}, START_MS);

afterAll(async () => {
  ledger?.[Symbol.dispose]();
  await cluster?.[Symbol.asyncDispose]();
}, START_MS);

const folderOf = (node: string): string => join(cluster.dataDir, node, "log");

/** Committed entries in a form that can be compared. */
function committed(log: OfflineLog): readonly string[] {
  const entries: string[] = [];
  for (const { index, term, type, data } of log.entries()) {
    if (index > applied) break;
    entries.push(`${index} ${term} ${type} ${Buffer.from(data).toString("base64")}`);
  }
  return entries;
}

const nameOf = ({ task, n }: { readonly task: string; readonly n: number }): string => `${task} ${n}`;

describe("the logs of a run with faults", () => {
  it("ended every task as it should have", () => {
    expect(told.map(({ status }) => status)).toEqual([...Array.from({ length: TASKS + 1 }, () => "completed"), "failed"]);
  });

  it("agree, entry for entry, up to what all have applied", () => {
    const [first = [], ...others] = NODES.map((node) => committed(readLog(folderOf(node))));
    expect(first.length).toBeGreaterThan(TASKS);
    expect(Number(first.at(-1)?.split(" ")[0])).toBe(applied);
    for (const other of others) expect(other).toEqual(first);
  });

  it.each(NODES)("of %s comes, from nothing, to what clients were told: every step once", (node) => {
    const steps = new Map(replayLog(folderOf(node), applied).map((step): [string, ReplayedStep] => [nameOf(step), step]));
    const shown = told.flatMap((task) => stepsOf(task).map((step) => ({ task: task.task, ...step })));
    expect([...steps.keys()].toSorted()).toEqual(shown.map(nameOf).toSorted());
    for (const step of shown) {
      const { commits, agent, output, facts } = steps.get(nameOf(step))!;
      expect({ commits, agent, output, facts }).toEqual({ commits: 1, agent: step.agent, output: step.output, facts: step.facts });
    }
    expect(shown).toHaveLength(TASKS * HOPS + 1);
  });

  it("commit no step that was never run, by the ledger outside", () => {
    const keys = new Set(ledger.lines.map(({ key }) => key));
    expect(keys.size).toBe(TASKS * HOPS);
    // A kill may start a step again, under the key that it had; it uses no attempt.
    expect(ledger.lines.every(({ attempt }) => attempt === 1)).toBe(true);
  });
});
