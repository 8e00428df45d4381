/**
 * What a change of coordinators costs the steps that run: nothing. A worker's token stands in the state, so nobody registers or runs anything
 * anew; and what was committed but not brought to its worker is found by comparison, once. A ledger outside Triad counts what was really run.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { limits } from "@triad/protocol";
import { eventually, NatsServer, strike, type TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Ledger } from "./support/ledger.ts";
import { Orders, START_MS, startOrders } from "./support/orders-cluster.ts";
import { readEvents } from "./support/task-events.ts";

let folder: string;
let nats: NatsServer;
let cluster: TestCluster;
let orders: Orders;

/** The permissions of everybody on this nats-server; read again when it gets SIGHUP. */
const permissionsFile = (): string => join(folder, "permissions.conf");
const allowAll = (): void => writeFileSync(permissionsFile(), 'permissions = { publish = ">", subscribe = ">" }\n');
const denyInboxes = (): void =>
  writeFileSync(permissionsFile(), 'permissions = { publish = { allow = ">", deny = "triad.*.worker.*.inbox" }, subscribe = ">" }\n');

/** nats-server takes a change of its permissions over without closing a connection, and says so in its log. */
async function reload(): Promise<void> {
  const count = (): number => nats.log.match(/Reloaded server configuration/g)?.length ?? 0;
  const before = count();
  if (!strike(nats.pid, "SIGHUP")) throw new Error("nats-server is gone");
  await eventually("nats-server has read its permissions", () => count() > before);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "triad-permissions-"));
  allowAll();
  const user = `{ user: "u", password: "p", include "../${basename(folder)}/permissions.conf" }`;
  nats = await NatsServer.start({ config: `authorization { users = [${user}] }` });
  cluster = await startOrders({ nats: `nats://u:p@127.0.0.1:${nats.port}` });
  orders = new Orders(cluster);
}, START_MS);

afterAll(async () => {
  if (folder !== undefined) allowAll();
  await cluster?.[Symbol.asyncDispose]();
  await nats?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}, START_MS);

/** How often each worker has registered, by its log. */
const registrations = (): readonly number[] => ["w1", "w2"].map((id) => orders.log(id).match(/"msg":"registered"/g)?.length ?? 0);

describe("a change of coordinators", { timeout: 120_000 }, () => {
  it("two coordinators restart while a step runs: the worker stays registered, and the step is not run again", async () => {
    using ledger = new Ledger();
    const before = registrations();
    const { task } = await orders.submit("waiting", { waitMs: 8_000, ledger: ledger.file });
    await eventually("the step runs", () => ledger.count("start") === 1);
    const view = await cluster.steady();
    const follower = view.coordinators.find(({ id }) => id !== view.leader);
    const leader = view.coordinators.find(({ id }) => id === view.leader);
    // The majority is gone, and with it everyone's memory of what was dispatched.
    expect([leader, follower].map((one) => strike(one?.pid ?? 0, "SIGKILL"))).toEqual([true, true]);
    const after = await eventually("both are there again", async () => {
      const steady = await cluster.steady();
      const pids = steady.coordinators.map(({ pid }) => pid);
      return !pids.includes(leader?.pid ?? 0) && !pids.includes(follower?.pid ?? 0) && steady;
    });
    expect(after.workers.map(({ id, pid }) => [id, pid]).toSorted()).toEqual(view.workers.map(({ id, pid }) => [id, pid]).toSorted());
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.output, ended.steps?.[0]?.attempt]).toEqual(["completed", "waited", 1]);
    expect([ledger.count("start"), ledger.count("aborted")]).toEqual([1, 0]);
    const events = await readEvents(cluster.info.http[0] ?? "", task);
    expect(events.map(({ event }) => event)).toEqual(["accepted", "routed", "step", "completed"]);
    expect(registrations()).toEqual(before);
  });

  it("a leader that is killed between commit and dispatch: the next one finds the step, and it is run once", async () => {
    using ledger = new Ledger();
    const before = registrations();
    // From now on nothing reaches a worker, as if the leader had died just before it sent.
    denyInboxes();
    await reload();
    const { task } = await orders.submit("waiting", { waitMs: 200, ledger: ledger.file });
    const committed = await readEvents(cluster.info.http[0] ?? "", task, { until: (events) => events.at(-1)?.event === "routed" });
    expect(committed.map(({ event }) => event)).toEqual(["accepted", "routed"]);
    await eventually("the dispatch is on no wire", () => /Publish Violation.*\.worker\.w\d\.inbox/.test(nats.log));
    const leader = await orders.leader();
    expect(strike(leader.pid, "SIGKILL")).toBe(true);
    expect(ledger.lines).toEqual([]);
    allowAll();
    await reload();
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.steps?.[0]?.attempt]).toEqual(["completed", 1]);
    expect(ledger.lines.map(({ event, attempt }) => [event, attempt])).toEqual([["start", 1]]);
    expect(registrations()).toEqual(before);
    await cluster.steady();
    const events = await readEvents(cluster.info.http[1] ?? "", task);
    expect(events.filter(({ event }) => event === "routed")).toHaveLength(1);
  });

  it("nats-server stands still for longer than a worker's lease, then is killed and comes back: nothing is run again", async () => {
    using ledger = new Ledger();
    const before = registrations();
    const { task } = await orders.submit("waiting", { waitMs: 1_000, ledger: ledger.file });
    await eventually("the step runs", () => ledger.count("start") === 1);
    nats.pause();
    // The step ends meanwhile, and its result finds no way to the leader.
    await new Promise((resolve) => setTimeout(resolve, limits.WORKER_LOST_MS + 1_000));
    nats.resume();
    await nats.restart("SIGKILL");
    const ended = await cluster.outcome(task);
    expect([ended.status, ended.output, ended.steps?.[0]?.attempt]).toEqual(["completed", "waited", 1]);
    expect([ledger.count("start"), ledger.count("aborted")]).toEqual([1, 0]);
    expect(registrations()).toEqual(before);
    await cluster.steady();
  });
});
