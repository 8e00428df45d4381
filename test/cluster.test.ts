/**
 * The path through real processes: 3 coordinators, 2 workers, a real nats-server, in a folder with a space in its name. What was accepted
 * ends, complete and in order, whoever is killed meanwhile. Outside checks of the whole contract: scripts/test acceptance.
 */
import { join } from "node:path";
import { type Answer, isAlive, type TaskView, TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RelayOrder } from "./fixtures/relay-team.ts";

const START_MS = 180_000;
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start({ team: join(import.meta.dirname, "fixtures/relay-team.ts") });
  await cluster.steady();
}, START_MS);

afterAll(async () => {
  // Fails where `down` leaves a process behind.
  await cluster?.[Symbol.asyncDispose]();
}, START_MS);

const submit = (order: RelayOrder, extra: object = {}) =>
  cluster.submit({ input: JSON.stringify(order), requires: { relaying: 1 }, maxTransitions: order.hops + 2, ...extra });

/** Every step once, in order, by alternating agents, and the facts of all of them. */
function expectComplete(task: TaskView, hops: number): void {
  expect(task.error).toBeUndefined();
  expect(task.status).toBe("completed");
  const trail = task.steps?.map(({ agent }) => agent) ?? [];
  expect(trail).toHaveLength(hops);
  for (let i = 1; i < hops; i++) expect(trail[i]).not.toBe(trail[i - 1]);
  expect(task.facts).toMatchObject({ count: hops, trail });
  expect(task.output).toBe(`${trail.at(-1)} ${hops}`);
}

async function conversationOf(id: string): Promise<Answer> {
  return cluster.ask("GET", `/v1/conversations/${id}?verify=true`);
}

describe("a cluster of real processes", { timeout: 120_000 }, () => {
  it("carries a task from agent to agent, and shows it at every coordinator", async () => {
    const { task, conversation } = await submit({ hops: 5, waitMs: 0 });
    expectComplete(await cluster.outcome(task), 5);
    for (const url of cluster.info.http) {
      const { status, json } = await cluster.askAt(url, "GET", `/v1/tasks/${task}`);
      expect([status, (json as TaskView).status]).toEqual([200, "completed"]);
    }
    expect((await conversationOf(conversation)).json).toMatchObject({ verified: true, facts: { count: 5 } });
  });

  it("loses nothing while the leader is killed", async () => {
    const tasks = await Promise.all(Array.from({ length: 12 }, () => submit({ hops: 6, waitMs: 100 })));
    const killed = await cluster.killLeader();
    // Accepted while there is no leader: the submit goes on until somebody takes it.
    tasks.push(await submit({ hops: 3, waitMs: 0 }));
    const ended = await Promise.all(tasks.map(({ task }) => cluster.outcome(task)));
    for (const task of ended) expectComplete(task, task === ended.at(-1) ? 3 : 6);
    for (const { conversation } of tasks) expect((await conversationOf(conversation)).json).toMatchObject({ verified: true });
    const view = await cluster.steady();
    expect(view.coordinators.map(({ pid }) => pid)).not.toContain(killed);
  });

  it("loses nothing while a worker is killed, and uses no attempt for it", async () => {
    const tasks = await Promise.all(Array.from({ length: 12 }, () => submit({ hops: 6, waitMs: 150 })));
    await cluster.killWorker();
    for (const { task } of tasks) {
      const ended = await cluster.outcome(task);
      expectComplete(ended, 6);
      expect(ended.steps?.every(({ attempt }) => attempt === 1)).toBe(true);
    }
    await cluster.steady();
  });

  it("loses nothing while a worker is paused for longer than its lease", async () => {
    const tasks = await Promise.all(Array.from({ length: 8 }, () => submit({ hops: 4, waitMs: 400 })));
    const busiest = (await cluster.view()).workers.toSorted((a, b) => b.inFlight - a.inFlight)[0];
    await cluster.pause(busiest?.pid ?? 0, 4_000);
    for (const { task } of tasks) expectComplete(await cluster.outcome(task), 4);
    await cluster.steady();
  });

  it("answers the same key with the same task, also after a fail-over", async () => {
    const body = { input: JSON.stringify({ hops: 1, waitMs: 0 }), idempotencyKey: "the-same-key" };
    const first = await cluster.submit(body);
    await cluster.killLeader();
    expect((await cluster.submit(body)).task).toBe(first.task);
    const other = await cluster.ask("POST", "/v1/tasks", { body: { ...body, input: "another" } });
    expect([other.status, (other.json as { error: { code: string } }).error.code]).toEqual([409, "TRIAD_IDEMPOTENCY_CONFLICT"]);
    await cluster.steady();
  });

  it("goes down without a trace, and up again with all that it had", async () => {
    const { task } = await submit({ hops: 3, waitMs: 0 });
    expectComplete(await cluster.outcome(task), 3);
    const { pids } = cluster.info;
    const down = await cluster.down();
    expect(down.code, down.stderr).toBe(0);
    expect(cluster.processes()).toEqual([]);
    for (const pid of [pids.supervisor, pids.nats, ...pids.coordinators, ...pids.workers]) expect(isAlive(pid)).toBe(false);
    await cluster.up();
    await cluster.steady();
    expectComplete(await cluster.outcome(task), 3);
  });
});
