/** A cluster that runs the team of orders, and the few moves that every file of these tests makes on it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TranscriptEvent } from "@triad/protocol";
import { type ClusterOptions, eventually, type TaskView, TestCluster } from "@triad/testkit";
import type { Order } from "../teams/orders.ts";

/** Six processes on a machine that has other things to do. */
export const START_MS = 180_000;

export const teamFile = (name: string): string => join(import.meta.dirname, "../teams", `${name}.ts`);

/** What a task shows besides what the test kit reads. */
export interface StepDetail {
  readonly n: number;
  readonly agent: string;
  readonly worker: string;
  readonly attempt: number;
  readonly output: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly routing: { readonly score: number; readonly reason: string; readonly candidates: readonly unknown[] };
  readonly members?: readonly { readonly agent: string; readonly output: string | null; readonly outcome: string }[];
}

export async function startOrders(options: ClusterOptions = {}): Promise<TestCluster> {
  const cluster = await TestCluster.start({ team: teamFile("orders"), threads: 2, ...options });
  try {
    await cluster.steady();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

export class Orders {
  readonly cluster: TestCluster;

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  submit(skill: string, order: Order = {}, extra: object = {}): Promise<{ readonly task: string; readonly conversation: string }> {
    return this.cluster.submit({ input: JSON.stringify(order), requires: { [skill]: 1 }, ...extra });
  }

  async run(skill: string, order: Order = {}, extra: object = {}): Promise<TaskView> {
    return this.cluster.outcome((await this.submit(skill, order, extra)).task);
  }

  async task(id: string): Promise<TaskView> {
    return (await this.cluster.ask("GET", `/v1/tasks/${id}`)).json as TaskView;
  }

  cancel(id: string): Promise<unknown> {
    return this.cluster.ask("DELETE", `/v1/tasks/${id}`);
  }

  conversation(id: string): Promise<ConversationAnswer> {
    return this.cluster.ask("GET", `/v1/conversations/${id}?verify=true`).then(({ json }) => json as ConversationAnswer);
  }

  /** What a process of the cluster has logged: `c1`, `w2`. */
  log(name: string): string {
    return readFileSync(join(this.cluster.dataDir, "logs", `${name}.log`), "utf8");
  }

  /** Address of a coordinator's HTTP by its id. */
  async addressOf(id: string): Promise<string> {
    const found = (await this.cluster.view()).coordinators.find((coordinator) => coordinator.id === id);
    if (found === undefined) throw new Error(`no coordinator ${id}`);
    return found.http;
  }

  /** The leader's id and address, once there is one that all know. */
  async leader(): Promise<{ readonly id: string; readonly http: string; readonly pid: number }> {
    const view = await this.cluster.steady();
    const leader = view.coordinators.find(({ id }) => id === view.leader);
    if (leader === undefined) throw new Error("the leader is no coordinator");
    return leader;
  }

  /** The one worker that has a step in flight. */
  busyWorker(): Promise<WorkerAnswer> {
    return eventually("exactly one worker has a step in flight", async (): Promise<WorkerAnswer | undefined> => {
      const busy = (await this.workers()).filter(({ inFlight, state }) => inFlight > 0 && state !== "down");
      return busy.length === 1 ? busy[0] : undefined;
    });
  }

  async workers(): Promise<readonly WorkerAnswer[]> {
    return ((await this.cluster.view()) as unknown as { readonly workers: readonly WorkerAnswer[] }).workers;
  }
}

export interface WorkerAnswer {
  readonly id: string;
  readonly pid: number;
  readonly state: string;
  readonly inFlight: number;
  readonly http: string;
}

export interface ConversationAnswer {
  readonly conversation: string;
  readonly root: string;
  readonly verified?: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly events: readonly TranscriptEvent[];
  readonly tasks: readonly { readonly task: string; readonly status: string }[];
}

export const stepsOf = (task: TaskView): readonly StepDetail[] => (task.steps ?? []) as unknown as readonly StepDetail[];
