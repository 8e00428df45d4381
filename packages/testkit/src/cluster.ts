/**
 * A real cluster of real processes, started as a user would start it (`triad up --detach --json`), in a folder with a space in its name.
 *
 *     await using cluster = await TestCluster.start({ team });
 *     const task = await cluster.submit({ input: "hello" });
 *     await cluster.killLeader();
 *     expect((await cluster.outcome(task.task)).status).toBe("completed");
 *
 * C1: whatever it starts carries its mark; disposing ends all of it, by `down`, then by pid.
 * C2: disposing fails where `down` left a process behind: that is a failure of the product, not of the test.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, type AskOptions, ask, askOnce } from "./ask.ts";
import { eventually, Hopeless } from "./eventually.ts";
import { freePorts } from "./free-ports.ts";
import { commandOf, isAlive, marked, markedEnvironment, strike } from "./processes.ts";
import { type CliResult, runCli } from "./run-cli.ts";

export interface ClusterOptions {
  /** A team file; without one, the default team. */
  readonly team?: string;
  readonly coordinators?: number;
  readonly workers?: number;
  readonly threads?: number;
  /** A nats-server that runs already; without one the cluster starts its own. */
  readonly nats?: string;
  /** Further variables of every process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `triad up`. */
  readonly args?: readonly string[];
}

/** What `triad up --detach --json` prints. */
export interface ClusterInfo {
  readonly cluster: string;
  readonly nats: string;
  readonly http: readonly string[];
  readonly dataDir: string;
  readonly pids: {
    readonly supervisor: number;
    readonly nats: number;
    readonly coordinators: readonly number[];
    readonly workers: readonly number[];
  };
}

/** The parts of `GET /v1/cluster` that tests look at. */
export interface ClusterView {
  /** Id of the leader; null: nobody knows one. */
  readonly leader: string | null;
  readonly term: number;
  readonly coordinators: readonly {
    readonly id: string;
    readonly pid: number;
    readonly role: string;
    readonly http: string;
    readonly appliedIndex: number;
    readonly commitIndex: number;
    readonly stateHash: string;
  }[];
  readonly workers: readonly { readonly id: string; readonly pid: number; readonly state: string; readonly inFlight: number }[];
}

export interface TaskView {
  readonly task: string;
  readonly conversation: string;
  readonly status: string;
  readonly output?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly steps?: readonly { readonly n: number; readonly agent: string; readonly worker: string; readonly attempt: number }[];
  readonly error?: { readonly code: string; readonly message: string };
}

const UP_MS = 120_000;
const DOWN_MS = 90_000;
const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled", "expired"]);

export class TestCluster implements AsyncDisposable {
  readonly #mark = randomUUID();
  readonly #options: ClusterOptions;
  readonly #env: Readonly<Record<string, string>>;
  readonly #paused = new Set<number>();
  readonly #httpBase: number;
  /** Holds the data folder; commands run in it. */
  readonly folder: string;
  readonly dataDir: string;
  #info: ClusterInfo | undefined;

  private constructor(options: ClusterOptions, httpBase: number) {
    this.#options = options;
    this.#httpBase = httpBase;
    this.#env = markedEnvironment(this.#mark, options.env);
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), "triad cluster ")));
    this.dataDir = join(this.folder, "data");
  }

  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(options, await freePorts(options.coordinators ?? 3));
    try {
      await cluster.up();
    } catch (error) {
      await cluster.#end();
      throw error;
    }
    return cluster;
  }

  get info(): ClusterInfo {
    if (this.#info === undefined) throw new Error("the cluster is down");
    return this.#info;
  }

  /** Starts it, again after `down` on the same data. */
  async up(): Promise<ClusterInfo> {
    const { team, coordinators = 3, workers = 2, threads, nats, args = [] } = this.#options;
    const given: readonly (readonly [string, string | number | undefined])[] = [
      ["--coordinators", coordinators],
      ["--workers", workers],
      ["--http", this.#httpBase],
      ["--data-dir", this.dataDir],
      ["--team", team],
      ["--threads", threads],
      ["--nats", nats],
    ];
    const flags = given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
    const result = await this.cli(["up", "--detach", "--json", ...flags, ...args], UP_MS);
    if (result.code !== 0) throw new Error(`triad up ended with ${result.code}: ${result.stderr.slice(-1000)}`);
    this.#info = JSON.parse(result.stdout) as ClusterInfo;
    return this.#info;
  }

  async down(): Promise<CliResult> {
    const result = await this.cli(["down", "--data-dir", this.dataDir], DOWN_MS);
    this.#info = undefined;
    return result;
  }

  /** Any command of the command line, in the cluster's folder. */
  cli(args: readonly string[], timeoutMs = 60_000): Promise<CliResult> {
    return runCli(args, { cwd: this.folder, env: this.#env, timeoutMs });
  }

  /** The first answer of any coordinator that is no "try again". */
  ask(method: string, path: string, options: AskOptions = {}): Promise<Answer> {
    return ask(this.info.http, method, path, options);
  }

  /** The same of one coordinator. */
  askAt(url: string, method: string, path: string, options: AskOptions = {}): Promise<Answer> {
    return ask([url], method, path, options);
  }

  /** Submits with an idempotency key, so that a repeated request makes no second task. */
  async submit(body: object, withinMs = 60_000): Promise<{ readonly task: string; readonly conversation: string }> {
    const answer = await this.ask("POST", "/v1/tasks", { body: { idempotencyKey: randomUUID(), ...body }, withinMs });
    if (answer.status !== 202 && answer.status !== 200) throw new Error(`submit answered ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.json as { task: string; conversation: string };
  }

  /** The task once it has ended, however it ended. */
  outcome(task: string, withinMs = 60_000): Promise<TaskView> {
    return eventually(
      `task ${task} ends`,
      async () => {
        const answer = await this.ask("GET", `/v1/tasks/${task}?wait=5s`, { tryMs: 15_000 });
        if (answer.status === 404) throw new Hopeless(`task ${task} was accepted, and now answers 404`);
        const view = answer.json as TaskView;
        return answer.status === 200 && ENDED.has(view.status) ? view : undefined;
      },
      { withinMs },
    );
  }

  /** What one coordinator sees (by its place in `info.http`), or any that answers and has heard of every other (a pid is null before). */
  async view(node?: number): Promise<ClusterView> {
    const urls = node === undefined ? this.info.http : [this.info.http[node]];
    return eventually(
      "a coordinator shows the cluster",
      async () => {
        for (const url of urls) {
          const answer = await askOnce(`${url}/v1/cluster`, "GET", { tryMs: 3_000 }).catch(() => undefined);
          const view = answer?.status === 200 ? (answer.json as ClusterView) : undefined;
          if (view?.coordinators.every(({ pid }) => (pid as number | null) !== null)) return view;
        }
        return undefined;
      },
      { withinMs: 20_000 },
    );
  }

  /** All coordinators agree on a leader, and everyone who is named lives. */
  steady(withinMs = 60_000): Promise<ClusterView> {
    const workers = this.#options.workers ?? 2;
    return eventually(
      "one leader, every coordinator and worker up and alive",
      async () => {
        const views = await Promise.all(this.info.http.map((_, node) => this.view(node)));
        const [first] = views;
        if (first === undefined || first.leader === null) return undefined;
        const up = first.workers.filter((worker) => worker.state === "up");
        const all = [...first.coordinators, ...up];
        const agreed = views.every((view) => view.leader === first.leader && view.coordinators.length === this.info.http.length);
        return agreed && up.length === workers && all.every(({ pid }) => isAlive(pid)) ? first : undefined;
      },
      { withinMs, everyMs: 100 },
    );
  }

  /** kill -9 of the leader; returns its pid. Views lag behind, so it is looked for until it lives. */
  killLeader(): Promise<number> {
    return this.#strike("the leader", "SIGKILL", (view) => view.coordinators.find(({ id }) => id === view.leader)?.pid);
  }

  /** kill -9 of the busiest worker, or of the one named; returns its pid. */
  killWorker(id?: string): Promise<number> {
    return this.#strike("a worker", "SIGKILL", (view) => {
      const up = view.workers.filter((worker) => worker.state === "up" && (id === undefined || worker.id === id));
      return up.toSorted((a, b) => b.inFlight - a.inFlight)[0]?.pid;
    });
  }

  /** Pauses a process of the cluster for a time, as a long collection or a suspended machine would. */
  async pause(pid: number, ms: number): Promise<void> {
    if (!strike(pid, "SIGSTOP")) throw new Error(`${pid} is gone and cannot be paused`);
    this.#paused.add(pid);
    await new Promise((resolve) => setTimeout(resolve, ms));
    strike(pid, "SIGCONT");
    this.#paused.delete(pid);
  }

  #strike(what: string, signal: NodeJS.Signals, pick: (view: ClusterView) => number | undefined): Promise<number> {
    return eventually(`${what} to strike`, async () => {
      const pid = pick(await this.view());
      return pid !== undefined && isAlive(pid) && strike(pid, signal) ? pid : undefined;
    });
  }

  /** Processes of this cluster that live, by their mark. */
  processes(): readonly number[] {
    return marked(this.#mark);
  }

  /** Ends everything; returns what `down` had left behind. */
  async #end(): Promise<readonly string[]> {
    for (const pid of this.#paused) strike(pid, "SIGCONT");
    await this.down();
    const strays = this.processes().map((pid) => `${pid} ${commandOf(pid)}`);
    for (const pid of this.processes()) strike(pid, "SIGKILL");
    await eventually("killed processes are gone", () => this.processes().length === 0);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    return strays;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const strays = await this.#end();
    if (strays.length > 0) throw new Error(`triad down left processes behind: ${strays.join("; ")}`);
  }
}
