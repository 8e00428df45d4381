/**
 * What the cluster does on the bad days of nats-servers: one of several killed, a coordinator cut off as a slow consumer, credentials that are
 * refused for a while. A single server that is gone or stopped stands in test/cluster.test.ts.
 *
 * Every process keeps its pid through all of it: what comes back by a restart has not come back.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DISCOVER_SUBJECT, decodeMessage, encodeMessage } from "@triad/protocol";
import {
  ask,
  type ClusterView,
  eventually,
  freePorts,
  Hopeless,
  NatsServer,
  strike,
  type TaskView,
  type TestCluster,
} from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Ledger } from "./support/ledger.ts";
import { Orders, START_MS, startOrders } from "./support/orders-cluster.ts";
import { PlainNats } from "./support/plain-nats.ts";
import type { Order } from "./teams/orders.ts";

const HOPS = 3;
const TEST_MS = 90_000;

/** Clients that submit, wait for the end and submit again, until they are stopped. */
class Load implements Disposable {
  readonly ended: TaskView[] = [];
  readonly #clients: Promise<readonly PromiseSettledResult<void>[]>;
  #on = true;

  constructor(clients: number, run: () => Promise<TaskView>) {
    const client = async (): Promise<void> => {
      while (this.#on) this.ended.push(await run());
    };
    this.#clients = Promise.allSettled(Array.from({ length: clients }, client));
  }

  /** So many more tasks have ended than had at the call. */
  async more(count: number): Promise<void> {
    const goal = this.ended.length + count;
    await eventually(`${count} more tasks end`, () => this.ended.length >= goal);
  }

  async stop(): Promise<void> {
    this[Symbol.dispose]();
    for (const client of await this.#clients) if (client.status === "rejected") throw client.reason;
  }

  /** No further tasks; for a test that fails midway. */
  [Symbol.dispose](): void {
    this.#on = false;
  }
}

const pidsOf = ({ coordinators, workers }: ClusterView): readonly number[] => [...coordinators, ...workers].map(({ pid }) => pid);

/** All coordinators have applied the same entries, and hold the same state. */
function agreement(cluster: TestCluster): Promise<true> {
  return eventually("all coordinators hold the same state", async () => {
    const { coordinators } = await cluster.steady();
    if (new Set(coordinators.map(({ appliedIndex }) => appliedIndex)).size > 1) return false;
    const hashes = coordinators.map(({ stateHash }) => stateHash);
    if (new Set(hashes).size > 1) throw new Hopeless(`different states at one index: ${hashes.join(" ")}`);
    return true;
  });
}

/** Every step of these tasks was started once, and none of them was given up. */
function expectRunOnce(ledger: Ledger, starts: number): void {
  expect([ledger.count("start"), ledger.count("aborted")]).toEqual([starts, 0]);
  expect(new Set(ledger.lines.map(({ key }) => key)).size).toBe(starts);
}

describe.each([2, 3])("%i nats-servers that form a cluster", (count) => {
  const servers: NatsServer[] = [];
  let cluster: TestCluster;
  let orders: Orders;

  beforeAll(async () => {
    const base = await freePorts(count);
    const routes = Array.from({ length: count }, (_, i) => `nats-route://127.0.0.1:${base + i}`);
    for (let i = 0; i < count; i++) {
      // Two tell nobody of each other: there, whoever does not use all that it was given has nowhere to go.
      const config = `cluster { name: "several", listen: "127.0.0.1:${base + i}", no_advertise: ${count === 2}, routes: ${JSON.stringify(routes)} }`;
      servers.push(await NatsServer.start({ config }));
    }
    cluster = await startOrders({ nats: servers.map(({ url }) => url).join(",") });
    orders = new Orders(cluster);
  }, START_MS);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    for (const server of servers) await server[Symbol.asyncDispose]();
  }, START_MS);

  /** From that server on, every coordinator is heard: its routes to the others are back. */
  async function reachesAll(server: NatsServer): Promise<void> {
    await using client = await PlainNats.connect(server.url);
    const heard = new Set<string>();
    client.subscribe("reaches.all", ({ data }) => {
      const { message } = decodeMessage(data);
      if (message.kind === "discovered") heard.add(message.id);
    });
    await eventually("every coordinator is heard", () => {
      client.publish(DISCOVER_SUBJECT, encodeMessage({ kind: "discover" }), "reaches.all");
      return heard.size === cluster.info.http.length;
    });
  }

  /** One after the other, so that whoever was where had to move at least once. */
  it("one is killed under load, comes back, then another: all go on at what is left, and nothing runs twice", {
    timeout: TEST_MS,
  }, async () => {
    using ledger = new Ledger();
    const pids = pidsOf(await cluster.steady());
    let starts = 0;
    for (const victim of servers.slice(0, 2)) {
      using load = new Load(4, () => orders.run("walking-north", { ledger: ledger.file, hops: HOPS, waitMs: 20 }));
      await load.more(8);
      const waiters = ledger.lines.filter(({ agent }) => agent === "waiter").length + 6;
      const running = await Promise.all(Array.from({ length: 6 }, () => orders.submit("waiting", { ledger: ledger.file, waitMs: 2_500 })));
      await eventually("all of them run", () => ledger.lines.filter(({ agent }) => agent === "waiter").length === waiters);
      await victim.stop("SIGKILL");
      await load.more(12);
      expect(pidsOf(await cluster.steady())).toEqual(pids);
      await victim.restart();
      await reachesAll(victim);
      await load.stop();
      for (const { task } of running) {
        const ended = await cluster.outcome(task);
        expect([ended.status, ended.steps?.map(({ attempt }) => attempt)]).toEqual(["completed", [1]]);
      }
      for (const walk of load.ended) {
        expect([walk.status, walk.facts]).toMatchObject(["completed", { walked: HOPS, missing: [] }]);
        expect((await orders.task(walk.task)).status).toBe("completed");
      }
      starts += running.length + load.ended.length * HOPS;
      expectRunOnce(ledger, starts);
    }
    await agreement(cluster);
    expect(pidsOf(await cluster.steady())).toEqual(pids);
  });
});

describe("a nats-server with a short write deadline and a password", { timeout: TEST_MS }, () => {
  const USER = "triad";
  const PASSWORD = "first-of-all-passwords";
  /** One chunk: a worker sends none to a coordinator that owes it an answer to the one before, but every output has a first. */
  const OUTPUT_BYTES = 200_000;
  const config = (password: string): string => `write_deadline: "200ms"
max_pending: 8MB
authorization { user: "${USER}", password: "${password}" }`;
  let server: NatsServer;
  let cluster: TestCluster;
  let orders: Orders;

  beforeAll(async () => {
    server = await NatsServer.start({ config: config(PASSWORD) });
    cluster = await startOrders({ nats: server.url.replace("://", `://${USER}:${PASSWORD}@`) });
    orders = new Orders(cluster);
  }, START_MS);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  }, START_MS);

  async function runAt(urls: readonly string[], order: Order): Promise<TaskView> {
    const body = { input: JSON.stringify(order), requires: { waiting: 1 }, idempotencyKey: randomUUID() };
    const { task } = (await ask(urls, "POST", "/v1/tasks", { body })).json as TaskView;
    return eventually(`task ${task} ends`, async () => {
      const view = (await ask(urls, "GET", `/v1/tasks/${task}?wait=5s`)).json as TaskView;
      return view.status === "running" || view.status === "waiting" ? undefined : view;
    });
  }

  const timesLogged = (words: string): number => server.log.split(words).length - 1;

  it.each(["follower", "leader"])("cuts off a stopped %s as a slow consumer; it comes back by itself, and has it all", async (role) => {
    const before = await cluster.steady();
    const stopped = before.coordinators.find(({ id }) => (id === before.leader) === (role === "leader"))!;
    const cutBefore = timesLogged("Slow Consumer");
    const lossesOf = (id: string): number => orders.log(id).split('"connected":false').length - 1;
    const lossesBefore = lossesOf(stopped.id);
    // Asked of the others only: a client would wait long for a coordinator that stands still.
    const others = before.coordinators.filter(({ id }) => id !== stopped.id).map(({ http }) => http);
    using load = new Load(8, () => runAt(others, { outputBytes: OUTPUT_BYTES }));
    await load.more(8);
    try {
      expect(strike(stopped.pid, "SIGSTOP")).toBe(true);
      await eventually("the server cuts it off", () => timesLogged("Slow Consumer") > cutBefore, { withinMs: 40_000 });
      await load.more(4);
    } finally {
      strike(stopped.pid, "SIGCONT");
    }
    await eventually("it knows that it was cut off", () => lossesOf(stopped.id) > lossesBefore);
    await load.more(4);
    await load.stop();
    await agreement(cluster);
    expect(pidsOf(await cluster.steady())).toEqual(pidsOf(before));
    for (const { task, status } of load.ended) {
      expect(status).toBe("completed");
      const there = (await cluster.askAt(stopped.http, "GET", `/v1/tasks/${task}`)).json as TaskView;
      expect([there.status, there.output?.length]).toEqual(["completed", OUTPUT_BYTES]);
    }
  });

  it("refuses the credentials at a restart: everyone keeps trying, and goes on when they are right again", async () => {
    using ledger = new Ledger();
    const pids = pidsOf(await cluster.steady());
    const running = await Promise.all(Array.from({ length: 6 }, () => orders.submit("waiting", { ledger: ledger.file, waitMs: 3_000 })));
    await eventually("all of them run", () => ledger.count("start") === 6);
    server.configure(config("another-one"));
    await server.restart();
    // Several rounds of all connections: whoever gave up after the first or second refusal would be missing afterwards.
    await eventually("all were refused again and again", () => timesLogged("authentication error") >= pids.length * 8);
    server.configure(config(PASSWORD));
    await server.restart();
    const next = await orders.run("walking-north", { ledger: ledger.file, hops: HOPS });
    expect(next.status).toBe("completed");
    for (const { task } of running) {
      const ended = await cluster.outcome(task);
      expect([ended.status, ended.steps?.map(({ attempt }) => attempt)]).toEqual(["completed", [1]]);
    }
    expectRunOnce(ledger, running.length + HOPS);
    await agreement(cluster);
    expect(pidsOf(await cluster.steady())).toEqual(pids);
    const logs = join(cluster.dataDir, "logs");
    for (const file of readdirSync(logs)) expect(readFileSync(join(logs, file), "utf8"), file).not.toContain(PASSWORD);
  });
});
