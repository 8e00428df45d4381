/** Models: recorded answers, and the SDK's providers against a server of the test's own on loopback. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createModel } from "../src/adapters/models/create-model.ts";
import type { Model } from "../src/services/model.ts";

interface Call {
  readonly body: { readonly messages?: unknown; readonly stream?: boolean };
  readonly headers: IncomingMessage["headers"];
  readonly url: string | undefined;
}
type Handler = (call: Call, response: ServerResponse) => void;

let server: Server;
let base: string;
let handler: Handler;
const seen: Call[] = [];
const never = new AbortController().signal;
const request = { prompt: "hello", key: "k" };

beforeAll(async () => {
  server = createServer((incoming, response) => {
    let text = "";
    incoming.on("data", (data) => {
      text += String(data);
    });
    incoming.on("end", () => {
      const call: Call = { body: JSON.parse(text) as Call["body"], headers: incoming.headers, url: incoming.url };
      seen.push(call);
      handler(call, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});

afterEach(() => {
  seen.length = 0;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const compatible = (env: Record<string, string> = {}): Promise<Model> =>
  createModel(`openai-compatible:${base}#tiny`, { teamUrl: import.meta.url, env });

const answer: Handler = (_call, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(
    JSON.stringify({
      id: "1",
      object: "chat.completion",
      created: 0,
      model: "tiny",
      choices: [{ index: 0, message: { role: "assistant", content: "hi there" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 },
    }),
  );
};

const chunk = (more: object): string =>
  `data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 0, model: "tiny", ...more })}\n\n`;
const streamed: Handler = (_call, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const content of ["hi", " there"]) response.write(chunk({ choices: [{ index: 0, delta: { content } }] }));
  response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
  response.write(chunk({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 2, total_tokens: 13 } }));
  response.end("data: [DONE]\n\n");
};

describe("tools of an openai-compatible model", () => {
  const tools = [{ name: "weather", description: "of a town", inputSchema: z.object({ town: z.string() }) }];
  const asks = (args: string): Handler => {
    const call = { id: "call-1", type: "function", function: { name: "weather", arguments: args } };
    const message = { role: "assistant", content: null, tool_calls: [call] };
    return (_call, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const choices = [{ index: 0, message, finish_reason: "tool_calls" }];
      const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
      response.end(JSON.stringify({ id: "1", object: "chat.completion", created: 0, model: "tiny", choices, usage }));
    };
  };

  test("are declared with their schema; what the model asks for comes back uncalled", async () => {
    handler = asks('{"town":"Ely"}');
    const model = await compatible();
    const got = await model.generate({ ...request, tools, idempotencyKey: "the-key" }, never);
    expect(got).toEqual({ text: "", tokensIn: 1, tokensOut: 2, calls: [{ id: "call-1", name: "weather", input: { town: "Ely" } }] });
    expect(seen[0]?.headers["idempotency-key"]).toBe("the-key");
    expect(seen[0]?.body).toMatchObject({
      tools: [{ type: "function", function: { name: "weather", description: "of a town", parameters: { required: ["town"] } } }],
    });
  });

  test("an input that does not fit is a call with a problem", async () => {
    handler = asks('{"town":7}');
    const model = await compatible();
    const { calls } = await model.generate({ ...request, tools }, never);
    expect(calls).toMatchObject([{ name: "weather", problem: expect.stringContaining("weather") }]);
  });

  test("earlier rounds are told as the model's own calls and their results", async () => {
    handler = answer;
    const model = await compatible();
    const calls = [{ id: "call-1", name: "weather", input: { town: "Ely" } }];
    await model.generate({ ...request, tools, rounds: [{ text: "", calls, results: [{ sun: true }] }] }, never);
    expect(seen[0]?.body.messages).toMatchObject([
      { role: "user", content: "hello" },
      { role: "assistant", tool_calls: [{ id: "call-1", function: { name: "weather", arguments: '{"town":"Ely"}' } }] },
      { role: "tool", tool_call_id: "call-1", content: '{"sun":true}' },
    ]);
  });
});

describe("openai-compatible", () => {
  test("asks the model by its name, with the prompt, and brings text and usage", async () => {
    handler = answer;
    const model = await compatible({ TRIAD_MODEL_API_KEY: "secret" });
    expect(await model.generate({ ...request, system: "be brief", temperature: 0, outputTokensMax: 20 }, never)).toEqual({
      text: "hi there",
      tokensIn: 11,
      tokensOut: 3,
    });
    expect(seen[0]).toMatchObject({
      url: "/v1/chat/completions",
      headers: { authorization: "Bearer secret" },
      body: { model: "tiny", temperature: 0, max_tokens: 20 },
    });
    expect(seen[0]?.body.messages).toMatchObject([
      { role: "system", content: "be brief" },
      { role: "user", content: "hello" },
    ]);
  });

  test("streams the pieces as they come, with usage at the end", async () => {
    handler = streamed;
    const pieces: string[] = [];
    expect(await (await compatible()).stream(request, never, (piece) => pieces.push(piece))).toEqual({
      text: "hi there",
      tokensIn: 11,
      tokensOut: 2,
    });
    expect(pieces).toEqual(["hi", " there"]);
    expect(seen[0]?.body.stream).toBe(true);
  });

  test.each([
    [429, true],
    [500, true],
    [400, false],
    [401, false],
  ])("status %i is TRIAD_MODEL_FAILED, retryable %s, asked once", async (status, retryable) => {
    handler = (_call, response) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "no" } }));
    };
    const model = await compatible();
    const expected = { code: "TRIAD_MODEL_FAILED", details: { status, retryable }, message: expect.stringContaining(`status ${status}`) };
    await expect(model.generate(request, never)).rejects.toMatchObject(expected);
    await expect(model.stream(request, never, () => undefined)).rejects.toMatchObject(expected);
    expect(seen.length).toBe(2);
  });

  test("a stream that breaks off is an error, not a short answer", async () => {
    handler = (_call, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chunk({ choices: [{ index: 0, delta: { content: "hi" } }] }));
      setTimeout(() => response.destroy(), 20);
    };
    await expect((await compatible()).stream(request, never, () => undefined)).rejects.toMatchObject({ code: "TRIAD_MODEL_FAILED" });
  });

  test("nobody listens: TRIAD_MODEL_FAILED, retryable", async () => {
    const model = await createModel("openai-compatible:http://127.0.0.1:9/v1#tiny", { teamUrl: import.meta.url, env: {} });
    await expect(model.generate(request, never)).rejects.toMatchObject({ code: "TRIAD_MODEL_FAILED", details: { retryable: true } });
  });

  test("an abort ends the call with the abort's own reason", async () => {
    handler = () => undefined;
    for (const call of ["generate", "stream"] as const) {
      const controller = new AbortController();
      const model = await compatible();
      const pending =
        call === "generate" ? model.generate(request, controller.signal) : model.stream(request, controller.signal, () => undefined);
      const reason = new Error("cancelled");
      setTimeout(() => controller.abort(reason), 30);
      await expect(pending).rejects.toBe(reason);
    }
  });
});

describe("names of models", () => {
  test.each([
    "",
    "gpt",
    "openai:",
    "openai-compatible:http://x",
    "openai-compatible:#n",
    "openai-compatible:nowhere#n",
    "local:x",
    "replay:",
  ])("%j is TRIAD_MODEL_UNKNOWN", async (name) => {
    await expect(createModel(name, { teamUrl: import.meta.url, env: {} })).rejects.toMatchObject({ code: "TRIAD_MODEL_UNKNOWN" });
  });

  test("openai without a key says which variable", async () => {
    const refused = createModel("openai:gpt", { teamUrl: import.meta.url, env: {} });
    await expect(refused).rejects.toMatchObject({
      code: "TRIAD_MODEL_FAILED",
      message: expect.stringContaining("OPENAI_API_KEY"),
      details: { retryable: false },
    });
    expect((await createModel("openai:gpt", { teamUrl: import.meta.url, env: { OPENAI_API_KEY: "k" } })).label).toBe("openai:gpt");
  });
});

describe("replay", () => {
  const folder = mkdtempSync(join(tmpdir(), "triad-replay-"));
  const teamUrl = pathToFileURL(join(folder, "team.ts")).href;
  afterAll(() => rmSync(folder, { recursive: true }));

  test("answers what was recorded, piece by piece where asked, and nothing else", async () => {
    writeFileSync(
      join(folder, "answers.jsonl"),
      '{"key":"k","text":"two  words ","usage":{"tokensIn":1,"tokensOut":2}}\n\n{"key":"bare","text":""}\n',
    );
    const model = await createModel("replay:answers.jsonl", { teamUrl, env: {} });
    expect(await model.generate(request, never)).toEqual({ text: "two  words ", tokensIn: 1, tokensOut: 2 });
    const pieces: string[] = [];
    await model.stream(request, never, (piece) => pieces.push(piece));
    expect(pieces.join("")).toBe("two  words ");
    expect(pieces.length).toBe(2);
    expect(await model.generate({ ...request, key: "bare" }, never)).toEqual({ text: "", tokensIn: 0, tokensOut: 0 });
    await expect(model.generate({ ...request, key: "other" }, never)).rejects.toMatchObject({ code: "TRIAD_REPLAY_MISS" });
  });

  test("a file that is missing or has a bad line says so", async () => {
    await expect(createModel("replay:none.jsonl", { teamUrl, env: {} })).rejects.toMatchObject({ code: "TRIAD_MODEL_UNKNOWN" });
    writeFileSync(join(folder, "bad.jsonl"), '{"key":"k","text":"t"}\n{"key":1}\n');
    await expect(createModel("replay:bad.jsonl", { teamUrl, env: {} })).rejects.toMatchObject({
      message: expect.stringContaining("line 2"),
    });
  });
});
