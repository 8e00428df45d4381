/** What arrives below fastify: broken HTTP, endless headers, uploads that nobody wants, a port that is taken. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listen } from "../../src/adapters/http/server.ts";
import { expectError, type Harness, harness } from "./harness.ts";

let h: Harness;
let port: number;
beforeAll(async () => {
  h = harness();
  port = Number(new URL(await h.open()).port);
});
afterAll(() => h[Symbol.asyncDispose]());

interface RawAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function parse(text: string): RawAnswer {
  const [head = "", body = ""] = text.split("\r\n\r\n", 2);
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(":", 1)[0]?.toLowerCase() ?? "", line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { statusCode: Number(statusLine.split(" ")[1]), headers, body };
}

/** Sends bytes and resolves with all that comes back until the server closes. */
async function exchange(bytes: string): Promise<RawAnswer> {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("utf8");
  let text = "";
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  return parse(text);
}

test.each([
  ["no HTTP at all", "hello\r\n\r\n"],
  ["a method that does not exist", "FROB /v1/tasks HTTP/1.1\r\nhost: h\r\n\r\n"],
  ["two lengths", "POST /v1/tasks HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc"],
  ["a length and chunks", "POST /v1/tasks HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc"],
  ["a header without a name", "GET /v1/cluster HTTP/1.1\r\n: x\r\n\r\n"],
  ["a path without an end", `GET /v1/tasks/${"a".repeat(20_000)} HTTP/1.1\r\nhost: h\r\n\r\n`],
  ["headers without an end", `GET /v1/cluster HTTP/1.1\r\nhost: h\r\nx: ${"a".repeat(20_000)}\r\n\r\n`],
  ["no Host", "GET /v1/cluster HTTP/1.1\r\nconnection: close\r\n\r\n"],
])("%s is a typed 400", async (_, bytes) => {
  expectError(await exchange(bytes), "TRIAD_BAD_REQUEST");
});

test("methods that only Node knows", async () => {
  for (const method of ["PROPFIND", "TRACE", "M-SEARCH", "QUERY"]) {
    const known = await exchange(`${method} /v1/cluster HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`);
    expectError(known, "TRIAD_METHOD_NOT_ALLOWED");
    expect(known.headers.allow).toBe("GET, HEAD");
    expectError(await exchange(`${method} /x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`), "TRIAD_ROUTE_NOT_FOUND");
  }
});

test("paths that look like others", async () => {
  for (const path of ["//v1/cluster", "/v1//cluster", "/v1/cluster/..", "/v1/cluster;x=1"]) {
    const answer = await exchange(`GET ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`);
    expect([path, answer.statusCode]).toEqual([path, 404]);
    expectError(answer, "TRIAD_ROUTE_NOT_FOUND");
  }
});

const UPLOAD_BYTES = 64 << 20;
const CHUNK = Buffer.alloc(64 * 1024, "z");

/** Sends until all is sent or the server has had enough; resolves with the answer and how much memory was in use at most. */
async function upload(head: string, frame: (chunk: Buffer) => Buffer): Promise<{ answer: RawAnswer; grownBytes: number }> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  let sent = 0;
  const before = process.memoryUsage().rss;
  let peak = before;
  const send = (): void => {
    let room = true;
    while (room && sent < UPLOAD_BYTES) {
      room = socket.write(frame(CHUNK));
      sent += CHUNK.length;
    }
    peak = Math.max(peak, process.memoryUsage().rss);
  };
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => undefined);
  socket.on("drain", send);
  socket.write(head);
  send();
  await new Promise((resolve) => socket.once("close", resolve)); // once() would reject on the EPIPE of a refused upload
  return { answer: parse(text), grownBytes: peak - before };
}

test.each([
  ["of a known length", `content-length: ${UPLOAD_BYTES}`, (chunk: Buffer) => chunk],
  [
    "in chunks",
    "transfer-encoding: chunked",
    (chunk: Buffer) => Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]),
  ],
])("an upload of 64 MiB %s is answered 413, closed, and never held in memory", async (_, header, frame) => {
  const head = `POST /v1/tasks HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n${header}\r\n\r\n`;
  const { answer, grownBytes } = await upload(head, frame);
  expectError(answer, "TRIAD_BODY_TOO_LARGE");
  expect(answer.headers.connection).toBe("close");
  expect(grownBytes).toBeLessThan(UPLOAD_BYTES / 2);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test("an upload that never ends is closed after the linger", async () => {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  socket.write(`POST /v1/tasks HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: ${UPLOAD_BYTES}\r\n\r\nz`);
  const [answer] = await once(socket, "data");
  expectError(parse(String(answer)), "TRIAD_BODY_TOO_LARGE");
  await closed;
});

test("a taken port and an address of somebody else are the operator's to mend", async () => {
  await using other = harness();
  await expect(listen(other.server, "127.0.0.1", port)).rejects.toMatchObject({ code: "TRIAD_PORT_TAKEN", details: { port } });
  await using foreign = harness();
  await expect(listen(foreign.server, "192.0.2.1", 0)).rejects.toMatchObject({ code: "TRIAD_CONFIG_INVALID" });
});
