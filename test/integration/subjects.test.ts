/**
 * The cluster's subjects as a stranger on the same nats-server meets them: what it may listen to is there, and whatever it writes that is no
 * message, or none of that subject, is counted, logged and dropped, while the cluster goes on.
 */
import { decodeMessage, encodeMessage, limits, type Message, type Subjects, subjectsOf } from "@triad/protocol";
import { eventually, type TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Ledger } from "./support/ledger.ts";
import { Orders, START_MS, startOrders } from "./support/orders-cluster.ts";
import { PlainNats } from "./support/plain-nats.ts";
import { scrape } from "./support/prometheus.ts";
import { readEvents } from "./support/task-events.ts";

let cluster: TestCluster;
let orders: Orders;
let nats: PlainNats;
let subjects: Subjects;

beforeAll(async () => {
  cluster = await startOrders();
  orders = new Orders(cluster);
  nats = await PlainNats.connect(cluster.info.nats);
  subjects = subjectsOf(cluster.info.cluster);
}, START_MS);

afterAll(async () => {
  await nats?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
}, START_MS);

type Of<K extends Message["kind"]> = Extract<Message, { kind: K }>;

/** Messages of one kind on a subject, until the returned function is called. */
function listen<K extends Message["kind"]>(subject: string, kind: K): { readonly heard: Of<K>[]; readonly stop: () => void } {
  const heard: Of<K>[] = [];
  const stop = nats.subscribe(subject, ({ data }) => {
    const { message } = decodeMessage(data);
    if (message.kind === kind) heard.push(message as Of<K>);
  });
  return { heard, stop };
}

const ask = async (subject: string, data: Uint8Array): Promise<Message> => decodeMessage(await nats.request(subject, data)).message;

const dropped = async (address: string): Promise<number> => (await scrape(address)).sum("triad_frames_dropped_total");

/** Every one of these processes counts `more` dropped frames, no fewer and no more, for what `write` does. */
async function drops(addresses: readonly string[], more: number, write: () => void | Promise<void>): Promise<void> {
  const before = await Promise.all(addresses.map(dropped));
  await write();
  await nats.flush();
  let moved: readonly number[] = [];
  await eventually("the frames are counted", async () => {
    moved = (await Promise.all(addresses.map(dropped))).map((value, i) => value - (before[i] ?? 0));
    return moved.every((value) => value >= more);
  }).catch((error: unknown) => {
    throw new Error(`dropped ${moved} of ${more} frames`, { cause: error });
  });
  expect(moved).toEqual(addresses.map(() => more));
}

/** No envelope, each in its own way; what the codec refuses in depth stands in its own tests. */
const GARBAGE: readonly Uint8Array[] = [
  new Uint8Array(1),
  new TextEncoder().encode("hello, is this a queue?"),
  Uint8Array.from({ length: 4_096 }, (_, i) => (i * 2_654_435_761) & 0xff),
  // A list that says that four thousand million elements follow.
  Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
  // A thousand lists in each other.
  new Uint8Array(1_000).fill(0x91),
  // A whole envelope of another version around a message of ours.
  encodeMessage({ kind: "discover" }).map((byte, i) => (i === 1 ? 99 : byte)),
  // As large as NATS takes.
  new Uint8Array(limits.FRAME_BYTES_MAX + 1_000).fill(0xc0),
];

describe("what anyone may listen to", { timeout: 60_000 }, () => {
  it("routing decisions and commits are published once they are committed", async () => {
    const decisions = listen(subjects.decision(), "decisions");
    const commits = listen(subjects.commit(0), "commit");
    await nats.flush();
    const accepted = await cluster.ask("POST", "/v1/tasks", { body: { input: '{"hops":3}', requires: { "walking-north": 1 } } });
    const { task, commitIndex } = accepted.json as { task: string; commitIndex: number };
    const ended = await cluster.outcome(task);
    const own = () =>
      decisions.heard.flatMap(({ index, decisions: made }) => made.filter((one) => one.task === task).map((one) => ({ index, ...one })));
    await eventually("the last decision is heard", () => own().length >= 3);
    expect(own().map(({ step, agent }) => [step, agent])).toEqual(ended.steps?.map(({ n, agent }) => [n, agent]));
    expect(own().map(({ reason }) => reason)).toEqual(["only", "named", "only"]);
    expect(own()[0]?.index).toBe(commitIndex);
    const indexes = commits.heard.map(({ index }) => index);
    expect(indexes).toContain(commitIndex);
    expect(indexes).toEqual([...new Set(indexes)].toSorted((a, b) => a - b));
    // Published after commit: whoever heard of it finds it applied by whom it asks.
    const { http } = await orders.leader();
    expect((await scrape(http)).sum("triad_raft_applied_index")).toBeGreaterThanOrEqual(Math.max(...indexes));
    decisions.stop();
    commits.stop();
  });

  it("discovery is answered by every coordinator, and transcripts are read page by page", async () => {
    const { task, conversation } = await orders.submit("walking", { hops: 4 });
    await cluster.outcome(task);
    const found = listen("_INBOX.discovery", "discovered");
    nats.publish("triad.discover", encodeMessage({ kind: "discover" }), "_INBOX.discovery");
    await eventually("three answers", () => found.heard.length === 3);
    found.stop();
    expect(new Set(found.heard.map(({ http }) => http))).toEqual(new Set(cluster.info.http));
    expect(new Set(found.heard.map(({ cluster: name }) => name))).toEqual(new Set([cluster.info.cluster]));
    const page = await ask(subjects.read("c2"), encodeMessage({ kind: "readTranscript", conversation, from: 2, to: 3 }));
    expect(page).toMatchObject({
      kind: "transcript",
      events: [
        { seq: 2, type: "step" },
        { seq: 3, type: "step" },
      ],
    });
  });
});

describe("what a stranger may write", { timeout: 60_000 }, () => {
  it.each(["propose", "read"] as const)("garbage on %s is refused, counted and logged", async (lane) => {
    const address = await orders.addressOf("c2");
    await drops([address], GARBAGE.length, async () => {
      for (const bytes of GARBAGE) {
        expect(await ask(subjects[lane]("c2"), bytes)).toMatchObject({ kind: "refused", code: "TRIAD_FRAME_INVALID" });
      }
    });
    expect(orders.log("c2")).toContain(subjects[lane]("c2"));
  });

  it.each([
    ["heartbeats", (): string => subjects.heartbeat("w1")],
    ["status", (): string => subjects.status("c1")],
    ["discovery", (): string => "triad.discover"],
  ] as const)("garbage among %s is counted by every coordinator that hears it", async (_what, subject) => {
    await drops(cluster.info.http, GARBAGE.length, () => {
      for (const bytes of GARBAGE) nats.publish(subject(), bytes);
    });
  });

  it.each(["control", "replicate", "snapshot"] as const)("garbage on the lane %s of Raft is counted and logged", async (lane) => {
    const address = await orders.addressOf("c3");
    await drops([address], GARBAGE.length, () => {
      for (const bytes of GARBAGE) nats.publish(subjects.raft("c3", lane), bytes);
    });
    expect(orders.log("c3")).toContain(subjects.raftAll("c3"));
  });

  it("frames of Raft that were changed on their way, or come to the wrong node, are dropped", async () => {
    const view = await cluster.steady();
    const [first, second] = view.coordinators.filter(({ id }) => id !== view.leader);
    let frame: Uint8Array | undefined;
    const stop = nats.subscribe(subjects.raftAll(first?.id ?? ""), ({ data }) => {
      frame ??= data;
    });
    await eventually("a frame of the leader's", () => frame !== undefined);
    stop();
    const whole = frame ?? new Uint8Array(0);
    const changed = Array.from({ length: whole.length }, (_, at) => whole.map((byte, i) => (i === at ? byte ^ 0x40 : byte)));
    await drops([first?.http ?? ""], changed.length, () => {
      for (const bytes of changed) nats.publish(subjects.raft(first?.id ?? "", "control"), bytes);
    });
    await drops([second?.http ?? ""], 1, () => nats.publish(subjects.raft(second?.id ?? "", "control"), whole));
    expect((await cluster.steady()).term).toBe(view.term);
  });

  it("garbage in a worker's inbox is counted by that worker", async () => {
    const worker = (await orders.workers()).find(({ id }) => id === "w1");
    await drops([worker?.http ?? ""], GARBAGE.length + 1, () => {
      for (const bytes of GARBAGE) nats.publish(subjects.inbox("w1"), bytes);
      nats.publish(subjects.inbox("w1"), encodeMessage({ kind: "discover" }));
    });
    expect(orders.log("w1")).toContain(subjects.inbox("w1"));
  });

  it("garbage among a task's live events is counted where somebody listens, and shown to nobody", async () => {
    using ledger = new Ledger();
    const { task } = await orders.submit("waiting", { waitMs: 60_000, ledger: ledger.file });
    const address = cluster.info.http[1] ?? "";
    const reading = readEvents(address, task);
    await eventually("the step runs", () => ledger.count("start") === 1);
    const forged: Message = {
      ...({
        kind: "live",
        task,
        step: 1,
        member: 0,
        attempt: 1,
        start: 1,
        n: 1_000,
        event: "delta",
        agent: "waiter",
        worker: "w1",
      } as const),
      ...{ fence: 1, text: "a delta of a fence that is void" },
    };
    await eventually("the stream is open there", async () => {
      const before = await dropped(address);
      nats.publish(subjects.taskEvents(task), new Uint8Array(1));
      await nats.flush();
      return (await dropped(address)) > before;
    });
    await drops([address], GARBAGE.length + 1, () => {
      for (const bytes of GARBAGE) nats.publish(subjects.taskEvents(task), bytes);
      nats.publish(subjects.taskEvents(task), encodeMessage({ ...forged, task: "t-another" }));
      nats.publish(subjects.taskEvents(task), encodeMessage(forged));
    });
    await orders.cancel(task);
    const events = await reading;
    expect(events.at(-1)?.event).toBe("cancelled");
    expect(JSON.stringify(events)).not.toContain("void");
  });

  it("messages on subjects that they do not belong to, or in somebody else's name, are dropped", async () => {
    const [status] = await statuses();
    const beat = {
      kind: "heartbeat",
      worker: "w1",
      bootId: "b-x",
      token: 1,
      echoTerm: 0,
      echoNo: 0,
      fences: [],
      threads: 1,
      inFlight: 0,
      lagMs: 0,
    } as const;
    await drops(cluster.info.http, 4, () => {
      nats.publish(subjects.heartbeat("w1"), encodeMessage({ kind: "discover" }));
      nats.publish(subjects.heartbeat("w2"), encodeMessage(beat));
      nats.publish(subjects.status("c1"), encodeMessage(beat));
      nats.publish(subjects.status("c9"), encodeMessage(status ?? beat));
    });
    const answer = await ask(subjects.propose("c1"), encodeMessage({ kind: "discover" }));
    expect(answer).toMatchObject({ kind: "refused", code: "TRIAD_FRAME_INVALID" });
  });

  /** One status of each coordinator. */
  async function statuses(): Promise<readonly Of<"status">[]> {
    const { heard, stop } = listen(subjects.statusAll(), "status");
    await eventually("every coordinator says how it is", () => new Set(heard.map(({ id }) => id)).size === 3);
    stop();
    return heard;
  }

  it("a worker may propose what is a worker's, and nothing else", async () => {
    const { task } = await orders.submit("waiting", { waitMs: 60_000 });
    const { id } = await orders.leader();
    const propose = (command: object): Promise<Message> =>
      ask(subjects.propose(id), encodeMessage({ kind: "propose", from: "w1", commands: [command] } as unknown as Message));
    const foreign: readonly object[] = [
      { type: "EndTask", task, status: "cancelled", assign: [] },
      { type: "WorkerLost", worker: "w2", token: 1, reason: "silent" },
      { type: "WorkerLost", worker: "w2", token: 1, reason: "left" },
      { type: "Feedback", task, quality: 0, request: "r-1" },
      { type: "SetConfig", retentionMs: 1 },
      { type: "Tick" },
    ];
    for (const command of foreign) expect(await propose(command)).toMatchObject({ kind: "refused", code: "TRIAD_BAD_REQUEST" });
    // A worker that ends says so of itself; here of a registration that has long been replaced.
    const leave = { type: "WorkerLost", worker: "w1", token: 0, reason: "left" };
    expect(await propose(leave)).toMatchObject({ kind: "proposed", results: [{ outcome: "duplicate" }] });
    const stolen = { type: "StepFailed", task, step: 1, member: 0, fence: 1, cause: "threw", terminal: true, retryAt: 0, assign: [] };
    const error = { code: "TRIAD_STEP_FAILED", message: "says somebody else" };
    expect(await propose({ ...stolen, error })).toMatchObject({ kind: "proposed", results: [{ outcome: "fenced" }] });
    expect((await orders.task(task)).status).toBe("running");
    await orders.cancel(task);
  });

  it("after all of it the same processes serve", async () => {
    const view = await cluster.steady();
    expect(view.coordinators.map(({ pid }) => pid).toSorted()).toEqual([...cluster.info.pids.coordinators].toSorted());
    expect(view.workers.map(({ pid }) => pid).toSorted()).toEqual([...cluster.info.pids.workers].toSorted());
    expect((await orders.run("walking", { hops: 5 })).status).toBe("completed");
  });
});
