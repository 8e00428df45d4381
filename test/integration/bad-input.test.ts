/**
 * Whatever a user, an agent's author or an operator gets wrong is answered by one line with a stable code and the right status or exit code, and
 * harms nobody else: the cluster, which runs over a nats-server that wants credentials, goes on with what it had accepted.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS, type ErrorCode, limits } from "@triad/protocol";
import {
  type AskOptions,
  askOnce,
  type CliResult,
  errorOf,
  eventually,
  freePorts,
  NatsServer,
  strike,
  type TaskView,
  type TestCluster,
} from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Orders, START_MS, startOrders, stepsOf, teamFile } from "./support/orders-cluster.ts";

const USER = "operator";
const PASSWORD = "right-password";

let nats: NatsServer;
let cluster: TestCluster;
let orders: Orders;
/** Accepted before anything went wrong, and still running when all of it has. */
let survivor: { readonly task: string };

const natsUrl = (password: string): string => `nats://${USER}:${password}@127.0.0.1:${nats.port}`;

beforeAll(async () => {
  nats = await NatsServer.start({ config: `authorization { users = [{ user: "${USER}", password: "${PASSWORD}" }] }` });
  cluster = await startOrders({ nats: natsUrl(PASSWORD), workers: 1 });
  orders = new Orders(cluster);
  survivor = await orders.submit("waiting", { waitMs: 50_000 });
}, START_MS);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await nats?.[Symbol.asyncDispose]();
}, START_MS);

describe("bad requests", () => {
  const text = (length: number): string => "x".repeat(length);
  const cases: readonly (readonly [string, string, string, AskOptions, ErrorCode])[] = [
    ["unknown route", "GET", "/v1/nothing", {}, "TRIAD_ROUTE_NOT_FOUND"],
    ["wrong method", "PUT", "/v1/tasks", { body: {} }, "TRIAD_METHOD_NOT_ALLOWED"],
    ["no input", "POST", "/v1/tasks", { body: {} }, "TRIAD_BAD_REQUEST"],
    ["input of a wrong type", "POST", "/v1/tasks", { body: { input: 7 } }, "TRIAD_BAD_REQUEST"],
    ["a list for an object", "POST", "/v1/tasks", { body: [] }, "TRIAD_BAD_REQUEST"],
    ["a field that nobody knows", "POST", "/v1/tasks", { body: { input: "x", colour: "red" } }, "TRIAD_BAD_REQUEST"],
    ["a negative weight", "POST", "/v1/tasks", { body: { input: "x", requires: { waiting: -1 } } }, "TRIAD_BAD_REQUEST"],
    ["a deadline in the past", "POST", "/v1/tasks", { body: { input: "x", deadlineMs: -5 } }, "TRIAD_BAD_REQUEST"],
    ["an unknown strategy", "POST", "/v1/tasks", { body: { input: "x", strategy: { kind: "astrology" } } }, "TRIAD_BAD_REQUEST"],
    [
      "facts above the limit",
      "POST",
      "/v1/tasks",
      { body: { input: "x", facts: { all: text(limits.INLINE_BODY_BYTES_MAX) } } },
      "TRIAD_BODY_TOO_LARGE",
    ],
    ["above what is read at all", "POST", "/v1/tasks", { body: { input: text(2_000_000) } }, "TRIAD_BODY_TOO_LARGE"],
    ["an unknown skill", "POST", "/v1/tasks", { body: { input: "x", requires: { juggling: 1 } } }, "TRIAD_SKILL_UNKNOWN"],
    [
      "skills that nobody has together",
      "POST",
      "/v1/tasks",
      { body: { input: "x", requires: { waiting: 1, voting: 1 } } },
      "TRIAD_NO_CANDIDATE",
    ],
    [
      "an ensemble of more than can answer",
      ...(["POST", "/v1/tasks"] as const),
      { body: { input: "x", requires: { voting: 1 }, strategy: { kind: "ensemble", agents: 4 } } },
      "TRIAD_ENSEMBLE_TOO_SMALL",
    ],
    ["what is not built", "POST", "/v1/tasks", { body: { input: "x", budgetUsd: 1 } }, "TRIAD_NOT_AVAILABLE"],
    ["an unknown agent", "GET", "/v1/agents/nobody", {}, "TRIAD_AGENT_UNKNOWN"],
    ["an unknown task", "GET", "/v1/tasks/t-none", {}, "TRIAD_TASK_NOT_FOUND"],
    ["events of an unknown task", "GET", "/v1/tasks/t-none/events", {}, "TRIAD_TASK_NOT_FOUND"],
    ["cancelling an unknown task", "DELETE", "/v1/tasks/t-none", {}, "TRIAD_TASK_NOT_FOUND"],
    ["feedback on an unknown task", "POST", "/v1/tasks/t-none/feedback", { body: { quality: 1 } }, "TRIAD_TASK_NOT_FOUND"],
    ["an unknown conversation", "GET", "/v1/conversations/c-none", {}, "TRIAD_CONVERSATION_NOT_FOUND"],
    ["draining an unknown worker", "POST", "/v1/workers/w99/drain", {}, "TRIAD_WORKER_NOT_FOUND"],
    ["a duration that is none", "GET", "/v1/tasks/t-none?wait=soon", {}, "TRIAD_BAD_REQUEST"],
    ["an event id that is none", "GET", "/v1/tasks/t-none/events", { headers: { "last-event-id": "last" } }, "TRIAD_BAD_REQUEST"],
  ];

  it.each(cases)("%s: %s %s", async (_what, method, path, options, code) => {
    for (const url of cluster.info.http) {
      const answer = await askOnce(`${url}${path}`, method, options);
      expect([answer.status, errorOf(answer)?.code]).toEqual([ERRORS[code].status, code]);
      expect(errorOf(answer)?.retryable).toBe(ERRORS[code].retryable);
      expect(errorOf(answer)?.message).toMatch(/^[^\n]+$/);
      expect(answer.text).not.toMatch(/\bat .+:\d+:\d+/);
    }
  });

  it.each([
    ["malformed JSON", "{not json", "application/json", "TRIAD_MALFORMED_JSON"],
    ["a key that would change a prototype", '{"input":"x","__proto__":{"a":1}}', "application/json", "TRIAD_MALFORMED_JSON"],
    ["another type of body", "input=x", "application/x-www-form-urlencoded", "TRIAD_UNSUPPORTED_MEDIA_TYPE"],
  ] as const)("%s", async (_what, body, type, code) => {
    const response = await fetch(`${cluster.info.http[0]}/v1/tasks`, { method: "POST", body, headers: { "content-type": type } });
    const { error } = (await response.json()) as { error: { code: string } };
    expect([response.status, error.code]).toEqual([ERRORS[code].status, code]);
  });
});

describe("tasks that cannot go on", { timeout: 60_000 }, () => {
  const failed = (task: TaskView, code: ErrorCode): void => expect([task.status, task.error?.code]).toEqual(["failed", code]);

  it("one hand-off more than maxTransitions: what was committed before stays", async () => {
    const { task, conversation } = await orders.submit("walking", { hops: 9 }, { maxTransitions: 3 });
    const ended = await cluster.outcome(task);
    failed(ended, "TRIAD_MAX_TRANSITIONS");
    expect(ended.steps?.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
    expect(await orders.conversation(conversation)).toMatchObject({ verified: true, facts: { walked: 4, missing: [] } });
  });

  it("a hand-off to an agent that is not there: its step is committed all the same", async () => {
    const ended = await orders.run("offending", { misdeed: "nobody" });
    failed(ended, "TRIAD_HANDOFF_UNKNOWN_AGENT");
    expect(stepsOf(ended).map(({ output }) => output)).toEqual(["said before it went wrong"]);
    expect(ended.facts).toMatchObject({ kept: true });
  });

  it("a hand-off that requires what nobody has", async () => {
    failed(await orders.run("offending", { misdeed: "noSkill" }), "TRIAD_HANDOFF_NO_CANDIDATE");
  });

  it.each([
    ["an output above the limit", "hugeOutput", "TRIAD_BODY_TOO_LARGE"],
    ["a fact above the limit", "hugeFact", "TRIAD_BODY_TOO_LARGE"],
    ["an output that is no JSON", "function", "TRIAD_BODY_INVALID"],
  ] as const)("%s: terminal, no second attempt, transcript readable", async (_what, misdeed, code) => {
    const { task, conversation } = await orders.submit("offending", { misdeed });
    const ended = await cluster.outcome(task);
    failed(ended, code);
    expect(ended.steps).toEqual([]);
    expect(await orders.conversation(conversation)).toMatchObject({ verified: true });
  });

  it("an agent that throws to the last attempt: its own message is kept", async () => {
    const ended = await orders.run("throwing");
    failed(ended, "TRIAD_STEP_FAILED");
    expect(JSON.stringify(ended.error)).toContain("told to throw at attempt 3");
  });

  it("a deadline that passes while the step runs", async () => {
    const ended = await orders.run("waiting", { waitMs: 50_000 }, { deadlineMs: 300 });
    expect([ended.status, ended.error?.code, ended.steps]).toEqual(["expired", "TRIAD_DEADLINE", []]);
  });

  it("a deadline that passes while the task waits for its conversation", async () => {
    const first = await orders.submit("waiting", { waitMs: 50_000 });
    const second = await orders.submit("voting", {}, { conversation: first.conversation, deadlineMs: 300 });
    const ended = await cluster.outcome(second.task);
    expect([ended.status, ended.error?.code, ended.steps]).toEqual(["expired", "TRIAD_DEADLINE", []]);
    expect((await orders.task(first.task)).status).toBe("running");
    await orders.cancel(first.task);
  });

  it("a conversation whose queue is full: 429 with Retry-After, and what waits is kept", async () => {
    const { task, conversation } = await orders.submit("waiting", { waitMs: 50_000 });
    const body = { input: "{}", requires: { voting: 1 }, conversation };
    const waiting = await Promise.all(Array.from({ length: limits.CONVERSATION_QUEUE_MAX }, () => cluster.submit(body)));
    const refusal = await askOnce(`${cluster.info.http[1]}/v1/tasks`, "POST", { body });
    expect([refusal.status, errorOf(refusal)?.code, errorOf(refusal)?.retryable]).toEqual([429, "TRIAD_QUEUE_FULL", true]);
    expect(refusal.headers.get("retry-after")).toBe("1");
    await orders.cancel(task);
    for (const { task: one } of waiting) expect((await cluster.outcome(one)).status).toBe("completed");
  });
});

describe("bad commands", { timeout: 120_000 }, () => {
  let elsewhere = 0;
  /** A data folder of its own for a command that must not get far. */
  const folder = (): string => join(cluster.folder, `elsewhere ${++elsewhere}`);

  /** The command ends with this exit code and says one line with this code; whatever else it writes is its log, in JSON. */
  async function refuses(args: readonly string[], exit: number, code: ErrorCode): Promise<CliResult> {
    const result = await cluster.cli(args);
    const said = `${result.stdout}\n${result.stderr}`.split("\n").filter((line) => /^(?:error )?TRIAD_/.test(line));
    expect([result.code, said.length], result.stderr).toEqual([exit, 1]);
    expect(said[0]).toMatch(new RegExp(`^(?:error )?${code}: \\S.*$`));
    expect(result.stderr).not.toMatch(/^\s+at .+:\d+:\d+/m);
    expect(`${result.stdout}${result.stderr}`).not.toContain(PASSWORD);
    return result;
  }
  const up = async (...args: readonly string[]): Promise<readonly string[]> => [
    ...["up", "--detach", "--json", "--data-dir", folder(), "--http", String(await freePorts(3))],
    ...(args.includes("--team") ? [] : ["--team", teamFile("orders")]),
    ...args,
  ];
  const coordinator = (id: string, dataDir: string, clusterFile: string, url: string, port: number): readonly string[] => [
    ...["coordinator", "--id", id, "--data-dir", dataDir, "--cluster-file", clusterFile],
    ...["--nats", url, "--http-port", String(port), "--log-level", "error"],
  ];
  const worker = (url: string, team: string): readonly string[] => [
    ...["worker", "--id", "w-late", "--nats", url, "--team", teamFile(team), "--threads", "1", "--log-level", "error"],
  ];
  const clusterFile = (): string => join(cluster.dataDir, "cluster.json");

  it("an unknown command, an unknown flag, a word for a number", async () => {
    await refuses(["dance"], 2, "TRIAD_USAGE");
    await refuses(await up("--no-such-flag"), 2, "TRIAD_USAGE");
    await refuses(await up("--coordinators", "three"), 2, "TRIAD_USAGE");
  });

  it("a team file that is not there, and one whose template does not parse", async () => {
    await refuses(await up("--team", join(cluster.folder, "no-such-team.ts")), 1, "TRIAD_TEAM_NOT_FOUND");
    const { stderr } = await refuses(
      await up("--team", teamFile("bad-template"), "--nats", natsUrl(PASSWORD)),
      1,
      "TRIAD_TEMPLATE_INVALID",
    );
    expect(stderr).toContain("unfinished");
  });

  it("a port that is taken, a data folder that is in use", async () => {
    const taken = new URL(cluster.info.http[1] ?? "").port;
    await refuses(await up("--http", taken, "--nats", natsUrl(PASSWORD)), 1, "TRIAD_PORT_TAKEN");
    await refuses(await up("--data-dir", cluster.dataDir, "--nats", natsUrl(PASSWORD)), 1, "TRIAD_CLUSTER_RUNNING");
    const again = coordinator("c1", join(cluster.dataDir, "c1"), clusterFile(), natsUrl(PASSWORD), await freePorts());
    await refuses(again, 1, "TRIAD_DATA_DIR_LOCKED");
  });

  it("the data folder of another cluster, and one that lost its contents", async () => {
    const copy = folder();
    // Without the lock, which says that the coordinator of the original runs.
    const parts = readdirSync(join(cluster.dataDir, "c1")).filter((name) => !name.startsWith("lock"));
    for (const part of parts) cpSync(join(cluster.dataDir, "c1", part), join(copy, part), { recursive: true });
    const foreign = folder();
    mkdirSync(foreign);
    const identity = JSON.parse(readFileSync(clusterFile(), "utf8")) as object;
    const other = join(foreign, "cluster.json");
    writeFileSync(other, JSON.stringify({ ...identity, cluster: "triad-another" }));
    await refuses(coordinator("c1", copy, other, natsUrl(PASSWORD), await freePorts()), 1, "TRIAD_DATA_DIR_FOREIGN");
    const empty = coordinator("c1", folder(), clusterFile(), natsUrl(PASSWORD), await freePorts());
    await refuses(empty, 1, "TRIAD_STORE_EMPTY");
  });

  it("no nats-server", async () => {
    const nowhere = `nats://127.0.0.1:${await freePorts()}`;
    const alone = [...coordinator("c1", folder(), clusterFile(), nowhere, await freePorts()), "--bootstrap"];
    const commands = [await up("--nats", nowhere), worker(nowhere, "orders"), alone];
    await Promise.all(commands.map((command) => refuses(command, 1, "TRIAD_NATS_UNREACHABLE")));
  });

  it("wrong credentials for nats-server", async () => {
    const wrong = natsUrl("wrong-password");
    const alone = [...coordinator("c1", folder(), clusterFile(), wrong, await freePorts()), "--bootstrap"];
    const none = `nats://127.0.0.1:${nats.port}`;
    const commands = [await up("--nats", wrong), worker(wrong, "orders"), worker(none, "orders"), alone];
    await Promise.all(commands.map((command) => refuses(command, 1, "TRIAD_NATS_UNAUTHORIZED")));
  });

  it("a worker that brings another team: its process ends, the cluster keeps the team that it has", async () => {
    await refuses(worker(natsUrl(PASSWORD), "others"), 1, "TRIAD_TEAM_VERSION");
    expect((await cluster.ask("GET", "/v1/agents/stranger")).status).toBe(404);
    expect((await cluster.ask("GET", "/v1/agents/north")).status).toBe(200);
  });

  it("a second worker under the same id: the first one ends, the second serves", async () => {
    const first = cluster.cli(worker(natsUrl(PASSWORD), "orders"));
    const up = (other: number): Promise<{ readonly pid: number }> =>
      eventually("a worker w-late is up", async () =>
        (await orders.workers()).find(({ id, pid, state }) => id === "w-late" && state === "up" && pid !== other),
      );
    const { pid } = await up(0);
    const second = cluster.cli(worker(natsUrl(PASSWORD), "orders"));
    const replaced = await first;
    expect([replaced.code, replaced.stderr.includes("TRIAD_WORKER_REPLACED: ")], replaced.stderr).toEqual([1, true]);
    expect(strike((await up(pid)).pid, "SIGTERM")).toBe(true);
    expect((await second).code).toBe(0);
  });

  it("listening beyond loopback without a token", async () => {
    await refuses(await up("--host", "0.0.0.0", "--nats", natsUrl(PASSWORD)), 2, "TRIAD_TOKEN_REQUIRED");
  });

  it("a cluster that is not there, a task that fails", async () => {
    await refuses(["status", "--url", `http://127.0.0.1:${await freePorts()}`], 3, "TRIAD_CLUSTER_UNREACHABLE");
    const { stderr } = await refuses(
      ["submit", "{}", "--require", "throwing=1", "--data-dir", cluster.dataDir],
      ...([1, "TRIAD_STEP_FAILED"] as const),
    );
    expect(stderr).toContain("told to throw");
    await refuses(["submit", "{}", "--require", "juggling=1", "--data-dir", cluster.dataDir], 1, "TRIAD_SKILL_UNKNOWN");
  });
});

describe("after all of it", { timeout: 60_000 }, () => {
  it("nothing was lost: the same processes run, the task of before too, and new ones are taken", async () => {
    const view = await cluster.steady();
    expect(view.coordinators.map(({ pid }) => pid).toSorted()).toEqual([...cluster.info.pids.coordinators].toSorted());
    expect(view.workers.filter(({ state }) => state === "up").map(({ pid }) => pid)).toEqual(cluster.info.pids.workers);
    expect((await orders.task(survivor.task)).status).toBe("running");
    expect((await orders.run("walking", { hops: 3 })).status).toBe("completed");
    await orders.cancel(survivor.task);
  });
});
