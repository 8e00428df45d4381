/**
 * A model behind the OpenAI chat-completions interface, on loopback: answers every prompt with the same words, one a chunk, and no more of
 * them than it is allowed to, so that a reader can be seen to have the first before the last was made.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export class ModelServer implements AsyncDisposable {
  readonly words: readonly string[];
  /** Bodies of the requests so far. */
  readonly requests: { readonly model?: string; readonly stream?: boolean; readonly messages?: unknown }[] = [];
  readonly #server: Server;
  #allowed = Number.POSITIVE_INFINITY;
  #waiting: (() => void)[] = [];

  private constructor(words: readonly string[]) {
    this.words = words;
    this.#server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const asked = JSON.parse(body) as (typeof this.requests)[number];
      this.requests.push(asked);
      if (asked.stream === true) await this.#stream(response);
      else json(response, this.words.join(""));
    });
  }

  static async start(words: readonly string[]): Promise<ModelServer> {
    const server = new ModelServer(words);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** A streamed answer goes on to this number of words, and waits there. */
  allow(words: number): void {
    this.#allowed = words;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #stream(response: ServerResponse): Promise<void> {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (chunk: object): void => {
      response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 0, model: "m", ...chunk })}\n\n`);
    };
    for (const [i, content] of this.words.entries()) {
      while (i >= this.#allowed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      send({ choices: [{ index: 0, delta: { role: "assistant", content }, finish_reason: null }] });
    }
    send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    send({ choices: [], usage: { prompt_tokens: 11, completion_tokens: this.words.length, total_tokens: 11 + this.words.length } });
    response.end("data: [DONE]\n\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.allow(this.words.length);
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function json(response: ServerResponse, content: string): void {
  const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
  const usage = { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ id: "c", object: "chat.completion", created: 0, model: "m", choices, usage }));
}
