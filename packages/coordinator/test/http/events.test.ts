/** Event streams and held requests over real sockets: resume, abort, a slow reader, a failing source, the server's end. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { formatEvent } from "../../src/adapters/http/event-stream.ts";
import type { TaskStreamEvent } from "../../src/services/state-manager/api.ts";
import { expectError, type Harness, harness } from "./harness.ts";

const accepted: TaskStreamEvent = { id: 1, event: "accepted", data: { task: "t-1" } };
const delta: TaskStreamEvent = { event: "delta", data: { text: "line 1\nline 2" } };
const completed: TaskStreamEvent = { id: 2, event: "completed", data: { output: "ü" } };

/** A reader at the level of bytes, so that it can stop reading and see how the connection ended. */
class RawReader {
  readonly socket: Socket;
  text = "";
  #listeners: (() => void)[] = [];

  constructor(url: string, path: string, headers: Readonly<Record<string, string>> = {}) {
    const { port, hostname } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.setEncoding("utf8");
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk: string) => {
      this.text += chunk;
      for (const listener of this.#listeners.splice(0)) listener();
    });
    const lines = Object.entries({ host: "h", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  /** Resolves once what was received holds `part`. */
  async until(part: string): Promise<void> {
    while (!this.text.includes(part)) {
      if (this.socket.closed) throw new Error(`closed before ${part}: ${this.text}`);
      await new Promise<void>((resolve) => {
        this.#listeners.push(resolve);
        this.socket.once("close", () => resolve());
      });
    }
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, "close");
  }

  /** The terminating chunk tells a clean end from a cut. */
  get endedCleanly(): boolean {
    return this.text.endsWith("0\r\n\r\n");
  }
}

async function streaming(options: Parameters<typeof harness>[0], headers: Readonly<Record<string, string>> = {}) {
  const h = harness(options);
  h.api.addTask("t-1");
  const url = await h.open();
  const feeding = h.api.nextFeed();
  const reader = new RawReader(url, "/v1/tasks/t-1/events", headers);
  const feed = await feeding;
  return { h, url, reader, feed, [Symbol.asyncDispose]: () => (h as Harness)[Symbol.asyncDispose]() };
}

const aborted = (signal: AbortSignal) => (signal.aborted ? Promise.resolve() : once(signal, "abort"));

test("an event is id, event and one line of data; a live one has no id", () => {
  expect(formatEvent(accepted)).toBe('id: 1\nevent: accepted\ndata: {"task":"t-1"}\n\n');
  expect(formatEvent(delta)).toBe('event: delta\ndata: {"text":"line 1\\nline 2"}\n\n');
});

test("events arrive as they come, and the stream ends cleanly after the last", async () => {
  await using s = await streaming({});
  await s.reader.until("\r\n\r\n");
  expect(s.reader.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(s.reader.text).toMatch(/content-type: text\/event-stream/i);
  s.feed.push(accepted);
  await s.reader.until(formatEvent(accepted));
  s.feed.push(delta, completed);
  await s.reader.until(formatEvent(completed));
  s.feed.end();
  await s.reader.closed();
  expect(s.reader.endedCleanly).toBe(true);
  expect(s.feed.returned).toBe(true);
});

test("fetch reads it, and Last-Event-ID says where to begin", async () => {
  await using h = harness();
  h.api.addTask("t-1");
  const url = await h.open();
  for (const [header, afterId] of [
    [undefined, 0],
    ["", 0],
    ["7", 7],
  ] as const) {
    const feeding = h.api.nextFeed();
    const response = fetch(`${url}/v1/tasks/t-1/events`, header === undefined ? {} : { headers: { "last-event-id": header } });
    const feed = await feeding;
    expect(feed.afterId).toBe(afterId);
    feed.push(completed);
    feed.end();
    expect(await (await response).text()).toBe(formatEvent(completed));
  }
});

test("a silent stream is kept alive by comments", async () => {
  await using s = await streaming({ timing: { keepAliveMs: 5 } });
  await s.reader.until(": keep-alive\n\n");
  s.feed.end();
  await s.reader.closed();
  expect(s.reader.endedCleanly).toBe(true);
});

test("when the reader goes away, the source is told and the place is free again", async () => {
  await using s = await streaming({ heldRequestsMax: 1 });
  expectError(await s.h.server.inject("/v1/tasks/t-1/events"), "TRIAD_OVERLOADED");
  expectError(await s.h.server.inject("/v1/tasks/t-1?wait=1s"), "TRIAD_OVERLOADED");
  s.reader.socket.destroy();
  await aborted(s.feed.signal);
  const feeding = s.h.api.nextFeed();
  const again = s.h.server.inject("/v1/tasks/t-1/events");
  (await feeding).end();
  expect((await again).statusCode).toBe(200);
});

test("a source that fails in mid-stream cuts the connection: no clean end, and the mistake is logged", async () => {
  await using s = await streaming({});
  s.feed.push(accepted);
  await s.reader.until(formatEvent(accepted));
  s.feed.fail(new Error("lost the log"));
  await s.reader.closed();
  expect(s.reader.endedCleanly).toBe(false);
  expect(s.h.logged.find(({ level }) => level === 50)?.err?.message).toBe("lost the log");
});

const big: TaskStreamEvent = { event: "delta", data: "x".repeat(64 * 1024) };
const EVENTS = 1_000;

test("a slow reader is fed no faster than it reads, and gets everything once it reads on", async () => {
  await using s = await streaming({});
  await s.reader.until("\r\n\r\n");
  s.reader.socket.pause();
  s.feed.push(...Array.from({ length: EVENTS }, () => big), completed);
  // 64 MB are on offer; the kernel's two buffers take a few, and then the server stops asking.
  let pulled = -1;
  while (pulled !== s.feed.pulled) {
    pulled = s.feed.pulled;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(pulled).toBeLessThan(EVENTS / 2);
  s.reader.socket.resume();
  s.feed.end();
  await s.reader.closed();
  expect(s.reader.text.split("event: delta\n").length - 1).toBe(EVENTS);
  expect(s.reader.endedCleanly).toBe(true);
});

test("a reader that takes nothing is given up, and the source is told", async () => {
  await using s = await streaming({ timing: { stalledReaderMs: 50 } });
  await s.reader.until("\r\n\r\n");
  s.reader.socket.pause();
  s.feed.push(...Array.from({ length: EVENTS }, () => big));
  const outcome = () => s.h.logged.find(({ msg }) => msg === "event stream closed");
  while (!outcome()) await new Promise((resolve) => setTimeout(resolve, 5));
  expect([outcome(), s.feed.returned]).toMatchObject([{ outcome: "stalled" }, true]);
  s.reader.socket.resume();
  await s.reader.closed();
  expect(s.reader.endedCleanly).toBe(false);
  expect(s.feed.pulled).toBeLessThan(EVENTS / 2);
});

test("closing the server ends streams cleanly and answers held requests with what is known", async () => {
  const h = harness();
  h.api.addTask("t-1");
  const url = await h.open();
  const feeding = h.api.nextFeed();
  const reader = new RawReader(url, "/v1/tasks/t-1/events");
  const feed = await feeding;
  feed.push(accepted);
  await reader.until(formatEvent(accepted));
  const waiting = h.api.nextWaiter();
  const held = fetch(`${url}/v1/tasks/t-1?wait=60s`);
  await waiting;
  const closing = h[Symbol.asyncDispose]();
  const answer = await held;
  expect([answer.status, answer.headers.get("connection"), (await answer.json()).status]).toEqual([200, "close", "running"]);
  await reader.closed();
  expect(reader.endedCleanly).toBe(true);
  await closing;
});

test("a request that was under way when the server began to close is a retryable 503", async () => {
  const h = harness();
  const accepting = once(h.server.server, "connection");
  const reader = new RawReader(await h.open(), "/v1/cluster", { "x-and": "more" });
  await reader.until('"triad-a"');
  const [accepted] = (await accepting) as [Socket];
  const before = accepted.bytesRead;
  // Half a request keeps the connection from being idle; the other half comes too late.
  reader.socket.write("GET /v1/cluster HTTP/1.1\r\nhost: h\r\n");
  while (accepted.bytesRead === before) await new Promise((resolve) => setImmediate(resolve));
  reader.text = "";
  const closing = h[Symbol.asyncDispose]();
  reader.socket.write("\r\n");
  await reader.closed();
  const [head = "", body = ""] = reader.text.split("\r\n\r\n");
  expect(head).toMatch(/^connection: close$/im);
  const headers = { "content-type": /^content-type: (.*)$/im.exec(head)?.[1] };
  expectError({ statusCode: Number(head.split(" ")[1]), headers, body }, "TRIAD_NOT_READY");
  await closing;
});

test("a client that stops waiting frees its place", async () => {
  await using h = harness({ heldRequestsMax: 1 });
  h.api.addTask("t-1");
  const url = await h.open();
  const waiting = h.api.nextWaiter();
  const reader = new RawReader(url, "/v1/tasks/t-1?wait=60s");
  await waiting;
  reader.socket.destroy();
  const signal = h.api.waiters[0]?.signal;
  if (signal) await aborted(signal);
  const next = h.api.nextWaiter();
  const answer = h.server.inject("/v1/tasks/t-1?wait=1s");
  await next;
  h.api.waiters.at(-1)?.end();
  expect((await answer).statusCode).toBe(200);
});
