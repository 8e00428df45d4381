/** `ask` repeats what may be repeated and nothing else, and fails where a refusal does not say what the contract wants. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { ask } from "../src/ask.ts";

interface Scripted {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server that gives the scripted answers in order, the last one for ever. */
async function scripted(answers: readonly Scripted[]): Promise<{ url: string; asked: () => number } & AsyncDisposable> {
  let asked = 0;
  const server: Server = createServer((_request, response) => {
    const { status, body, headers = {} } = answers[Math.min(asked++, answers.length - 1)]!;
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const refusal = (code: string, retryable: boolean): unknown => ({ error: { code, message: "no", retryable } });

describe("ask", () => {
  it("repeats 503 and 429 that say so", async () => {
    await using server = await scripted([
      { status: 503, body: refusal("TRIAD_NO_LEADER", true) },
      { status: 429, body: refusal("TRIAD_OVERLOADED", true), headers: { "retry-after": "1" } },
      { status: 200, body: { ok: 1 } },
    ]);
    const answer = await ask([server.url], "GET", "/x");
    expect([answer.status, answer.json, server.asked()]).toEqual([200, { ok: 1 }, 3]);
  });

  it("takes 4xx and 501 as answers", async () => {
    for (const [status, code] of [
      [404, "TRIAD_TASK_NOT_FOUND"],
      [501, "TRIAD_NOT_AVAILABLE"],
    ] as const) {
      await using server = await scripted([{ status, body: refusal(code, false) }]);
      expect((await ask([server.url], "GET", "/x")).status).toBe(status);
      expect(server.asked()).toBe(1);
    }
  });

  it("fails at once where a refusal is not typed, or lacks Retry-After", async () => {
    for (const wrong of [
      { status: 500, body: "oops" },
      { status: 503, body: refusal("TRIAD_NO_LEADER", false) },
      { status: 429, body: refusal("TRIAD_OVERLOADED", true) },
    ]) {
      await using server = await scripted([wrong]);
      await expect(ask([server.url], "GET", "/x")).rejects.toThrow(/without/);
      expect(server.asked()).toBe(1);
    }
  });

  it("goes on to the next coordinator where one does not answer", async () => {
    await using server = await scripted([{ status: 200, body: {} }]);
    expect((await ask(["http://127.0.0.1:1", server.url], "GET", "/x")).status).toBe(200);
  });
});
