/**
 * Outputs that are too large for the log, on real processes: whole at every coordinator whatever was killed or damaged, and gone when nothing refers
 * to them any more. Texts are made by a rule that the team's agents and this file share, so each is known to the last character.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bodyHead, decodeMessage, encodeMessage, limits, type Message, type Subjects, subjectsOf } from "@triad/protocol";
import { eventually, strike, type TaskView, TestCluster } from "@triad/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { largeText } from "./support/large-text.ts";
import { type ConversationAnswer, START_MS, stepsOf, teamFile } from "./support/orders-cluster.ts";
import { PlainNats } from "./support/plain-nats.ts";
import type { LargeOrder } from "./teams/large.ts";

const MB = 1_000_000;
/** Short, so that what nothing refers to is removed while the test looks. */
const GRACE_MS = 4_000;

let cluster: TestCluster;
let nats: PlainNats;
let subjects: Subjects;

beforeAll(async () => {
  cluster = await TestCluster.start({ team: teamFile("large"), threads: 2, env: { TRIAD_CHUNK_GRACE_MS: String(GRACE_MS) } });
  await cluster.steady();
  nats = await PlainNats.connect(cluster.info.nats);
  subjects = subjectsOf(cluster.info.cluster);
}, START_MS);

afterAll(async () => {
  await nats?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
}, START_MS);

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

const submit = (order: LargeOrder, skill = "writing", extra: object = {}) =>
  cluster.submit({ input: JSON.stringify(order), requires: { [skill]: 1 }, ...extra });

/** Compared by hash first: a difference of three million characters is no message that anybody reads. */
function expectText(actual: string | null | undefined, wanted: string): void {
  expect([actual?.length, sha256(actual ?? "")]).toEqual([wanted.length, sha256(wanted)]);
}

const taskAt = async (url: string | undefined, task: string): Promise<TaskView> => {
  const answer = await cluster.askAt(url ?? "", "GET", `/v1/tasks/${task}`, { tryMs: 20_000, withinMs: 60_000 });
  expect(answer.status, answer.text.slice(0, 300)).toBe(200);
  return answer.json as TaskView;
};

const conversationAt = async (url: string | undefined, id: string): Promise<ConversationAnswer> =>
  (await cluster.askAt(url ?? "", "GET", `/v1/conversations/${id}?verify=true`, { tryMs: 20_000, withinMs: 60_000 }))
    .json as ConversationAnswer;

const chunkFolder = (id: string): string => {
  const found = readdirSync(cluster.dataDir, { recursive: true, withFileTypes: true }).find(
    (entry) => entry.isDirectory() && entry.name === id && existsSync(join(entry.parentPath, entry.name, "log")),
  );
  if (found === undefined) throw new Error(`no folder of ${id}`);
  return join(found.parentPath, found.name, "chunks");
};
const chunkFile = (id: string, hash: string): string => join(chunkFolder(id), hash.slice(0, 2), hash);
const holds = (id: string, hash: string): boolean => existsSync(chunkFile(id, hash)) && sha256(readFileSync(chunkFile(id, hash))) === hash;
const filesOf = (id: string): readonly string[] =>
  existsSync(chunkFolder(id))
    ? readdirSync(chunkFolder(id), { recursive: true, withFileTypes: true }).flatMap((e) => (e.isFile() ? [e.name] : []))
    : [];

async function chunksOf(conversation: string): Promise<readonly string[]> {
  const { events } = await conversationAt(cluster.info.http[0], conversation);
  return events.flatMap(({ body }) => body?.chunks ?? []);
}

const pidOf = async (id: string): Promise<number> => {
  const pid = (await cluster.steady()).coordinators.find((coordinator) => coordinator.id === id)?.pid;
  if (pid === undefined) throw new Error(`no coordinator ${id}`);
  return pid;
};

const urlOf = (id: string): string | undefined => cluster.info.http[Number(id.slice(1)) - 1];

describe("an output above the inline limit", { timeout: 120_000 }, () => {
  it("is whole at every coordinator, in the task and in the conversation, and the chain verifies", async () => {
    const order = { seed: "whole", bytes: 3 * MB };
    const { task, conversation } = await submit(order);
    const wanted = largeText(order.seed, order.bytes);
    const ended = await cluster.outcome(task);
    expect(ended.status, JSON.stringify(ended.error)).toBe("completed");
    for (const url of cluster.info.http) {
      const view = await taskAt(url, task);
      expectText(view.output, wanted);
      expectText(stepsOf(view)[0]?.output, wanted);
      const { events, verified } = await conversationAt(url, conversation);
      expect(verified).toBe(true);
      const event = events.find(({ type }) => type === "step");
      expectText(event?.text, wanted);
      expect(event?.body).toMatchObject({ ref: sha256(wanted), bytes: order.bytes });
    }
    // What the log holds of it is its beginning and where it is.
    const page = decodeMessage(
      await nats.request(subjects.read("c1"), encodeMessage({ kind: "readTranscript", conversation, from: 2, to: 2 })),
    );
    expect(page.message).toMatchObject({ kind: "transcript", events: [{ text: bodyHead(wanted) }] });
  });

  it("is seen whole by the step that follows, and its beginning by the view", async () => {
    const order = { seed: "handed on", bytes: 2 * MB, toReader: true };
    const { task } = await submit(order);
    const ended = await cluster.outcome(task);
    const seen = JSON.parse(ended.output ?? "{}") as Record<string, unknown>;
    const whole = sha256(largeText(order.seed, order.bytes));
    expect(seen).toMatchObject({ shown: limits.BODY_HEAD_LENGTH, read: whole, recalled: whole });
    expect(Number(seen["prompted"])).toBeLessThan(10_000);
    expectText(stepsOf(await taskAt(cluster.info.http[1], task))[0]?.output, largeText(order.seed, order.bytes));
  });

  it("of the members of an ensemble is compared and shown like any other", async () => {
    const order = { seed: "", bytes: MB };
    const { task } = await submit(order, "voting", { strategy: { kind: "ensemble", agents: 3, aggregate: "majority" } });
    const ended = await cluster.outcome(task);
    expectText(ended.output, largeText("right", MB));
    const members = stepsOf(ended)[0]?.members ?? [];
    expect(
      members
        .filter(({ outcome }) => outcome === "won" || outcome === "agreed")
        .map(({ agent }) => agent)
        .sort(),
    ).toEqual(["voter-b", "voter-c"]);
    for (const { output, outcome } of members) if (outcome === "won") expectText(output, largeText("right", MB));
  });

  it("may be as large as its limit, and not a byte more", async () => {
    const fits = await submit({ seed: "full", bytes: limits.BODY_BYTES_MAX });
    const over = await submit({ seed: "over", bytes: limits.BODY_BYTES_MAX + 1 });
    expectText((await cluster.outcome(fits.task)).output, largeText("full", limits.BODY_BYTES_MAX));
    const failed = await cluster.outcome(over.task);
    expect([failed.status, failed.error?.code, failed.steps]).toEqual(["failed", "TRIAD_BODY_TOO_LARGE", []]);
  });
});

describe("what happens to a coordinator", { timeout: 180_000 }, () => {
  it.each(["c1", "c2", "c3"])("%s is killed while an output is being stored: it completes, whole everywhere", async (victim) => {
    const pid = await pidOf(victim);
    let puts = 0;
    const stop = nats.subscribe(subjects.chunk(victim), () => {
      if (++puts === 3) strike(pid, "SIGKILL");
    });
    await nats.flush();
    const order = { seed: `killed ${victim}`, bytes: 8 * MB };
    const { task } = await submit(order);
    const ended = await cluster.outcome(task, 90_000);
    stop();
    expect(puts).toBeGreaterThanOrEqual(3);
    expect(ended.status, JSON.stringify(ended.error)).toBe("completed");
    await cluster.steady();
    for (const url of cluster.info.http) expectText((await taskAt(url, task)).output, largeText(order.seed, order.bytes));
  });

  it("one that was down meanwhile gets what it missed and serves it", async () => {
    const { leader } = await cluster.steady();
    const victim = ["c1", "c2", "c3"].find((id) => id !== leader) ?? "";
    const pid = await pidOf(victim);
    const up = (["c1", "c2", "c3"] as const).filter((id) => id !== victim);
    strike(pid, "SIGKILL");
    const order = { seed: "missed", bytes: 3 * MB };
    const { task, conversation } = await submit(order);
    const ended = await cluster.outcome(task, 90_000);
    expect(ended.status).toBe("completed");
    await cluster.steady();
    expectText((await taskAt(urlOf(victim), task)).output, largeText(order.seed, order.bytes));
    for (const hash of await chunksOf(conversation))
      for (const id of [victim, ...up]) expect(holds(id, hash), `${hash} at ${id}`).toBe(true);
  });

  it("a damaged and a lost file are replaced from another coordinator when they are read", async () => {
    const order = { seed: "damaged", bytes: 2 * MB };
    const { task, conversation } = await submit(order);
    await cluster.outcome(task);
    const [first, second, ...rest] = await chunksOf(conversation);
    if (first === undefined || second === undefined || rest.length === 0) throw new Error("too few chunks");
    await eventually("c2 has every chunk", () => [first, second, ...rest].every((hash) => holds("c2", hash)));
    const bytes = readFileSync(chunkFile("c2", first));
    bytes[1000] = (bytes[1000] ?? 0) ^ 0xff;
    writeFileSync(chunkFile("c2", first), bytes);
    writeFileSync(chunkFile("c2", second), "");
    expectText((await taskAt(cluster.info.http[1], task)).output, largeText(order.seed, order.bytes));
    expect([holds("c2", first), holds("c2", second)]).toEqual([true, true]);
  });
});

describe("what nothing refers to", { timeout: 120_000 }, () => {
  it("is removed after its grace: an upload that no step ever named", async () => {
    const bytes = new TextEncoder().encode("an orphan");
    const hash = sha256(bytes);
    const put: Message = { kind: "chunkPut", hash, bytes };
    const reply = decodeMessage(await nats.request(subjects.chunk("c3"), encodeMessage(put))).message;
    expect(reply).toEqual({ kind: "chunkStored", hash, voters: 3, graceMs: GRACE_MS });
    expect(holds("c3", hash)).toBe(true);
    await eventually("the orphan is gone", () => !holds("c3", hash), { withinMs: 30_000 });
  });

  it("is not taken where it is not what its name says", async () => {
    const put: Message = { kind: "chunkPut", hash: sha256("other"), bytes: new TextEncoder().encode("one") };
    const reply = decodeMessage(await nats.request(subjects.chunk("c3"), encodeMessage(put))).message;
    expect(reply).toMatchObject({ kind: "refused", code: "TRIAD_FRAME_INVALID" });
  });

  it("goes when retention removes what referred to it, at every coordinator", async () => {
    const { leader } = await cluster.steady();
    expect(filesOf("c1").length).toBeGreaterThan(10);
    const config: Message = { kind: "propose", from: "c1", commands: [{ type: "SetConfig", retentionMs: 100, keyTtlMs: 100 }] };
    const reply = decodeMessage(await nats.request(subjects.propose(leader ?? ""), encodeMessage(config))).message;
    expect(reply).toMatchObject({ kind: "proposed", results: [{ outcome: "ok" }] });
    await eventually(
      "no chunk is left",
      async () => {
        // Any command removes what is due.
        await submit({ seed: "small", bytes: 10 });
        return ["c1", "c2", "c3"].every((id) => filesOf(id).length === 0);
      },
      { withinMs: 60_000, everyMs: 1_000 },
    );
  });
});
