/**
 * Load through the HTTP API, over connections that stay open: conversations that are chains of no-op steps. Long chains, so that HTTP is a
 * request in a hundred steps. Knows nothing of what is measured meanwhile.
 */
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import type { NoopOrder } from "../teams/noop.ts";

/** A dialogue has some twenty slots: so many facts go round. */
export const FACTS = 16;
/** Steps of a long chain: hop 209 is its last. */
export const LONG_HOPS = 210;
/** Steps of a chain under load. */
export const CHAIN_HOPS = 100;
/** Bound of one request; a held one is answered within 60 s. */
const REQUEST_MS_MAX = 70_000;
const RETRY_MS_MAX = 30_000;
const RETRY_PAUSE_MS = 50;

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

interface AskOptions {
  readonly body?: object;
  readonly signal?: AbortSignal;
}

export interface Chain {
  readonly task: string;
  readonly conversation: string;
  /** From the request to the answer 202. */
  readonly submitMs: number;
}

export interface Busy {
  /** Waits; throws as soon as the load fails. */
  orAfter(ms: number): Promise<void>;
  /** The hops of the chains that came to their end. */
  stop(): Promise<readonly number[]>;
}

export class Load implements Disposable {
  readonly #urls: readonly string[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 512 });
  #next = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** The coordinators in turn. */
  nextUrl(): string {
    return this.#urls[this.#next++ % this.#urls.length] as string;
  }

  /**
   * One request. A coordinator may close an idle connection just when it is used again: then once more on a new one, which all requests here
   * bear (those that write carry a key).
   */
  async ask(method: string, url: string, options: AskOptions = {}): Promise<HttpAnswer> {
    try {
      return await this.#askOnce(method, url, options);
    } catch (error) {
      if (options.signal?.aborted === true || !isReset(error)) throw error;
      return this.#askOnce(method, url, options);
    }
  }

  #askOnce(method: string, url: string, { body, signal }: AskOptions): Promise<HttpAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const sent = request(url, {
      method,
      agent: this.#agent,
      headers,
      timeout: REQUEST_MS_MAX,
      ...(signal === undefined ? {} : { signal }),
    });
    sent.once("response", (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
      answer.once("error", reject);
    });
    sent.once("timeout", () => sent.destroy(new Error(`${method} ${url}: no answer in ${REQUEST_MS_MAX} ms`)));
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  /** A chain in a conversation of its own, or in the one given. */
  async submit(hops: number, options: { readonly url?: string; readonly conversation?: string } = {}): Promise<Chain> {
    const { url = this.nextUrl(), conversation } = options;
    const order: NoopOrder = { hops, facts: FACTS };
    const given = { input: JSON.stringify(order), requires: { passing: 1 }, maxTransitions: hops, idempotencyKey: randomUUID() };
    const body = conversation === undefined ? given : { ...given, conversation };
    const from = performance.now();
    let answer = await this.ask("POST", `${url}/v1/tasks`, { body });
    // A leader that is lost under load is a slow answer, not the end of the bench; the key makes the repetition harmless.
    while (answer.status === 503 && performance.now() - from < RETRY_MS_MAX) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
      answer = await this.ask("POST", `${this.nextUrl()}/v1/tasks`, { body });
    }
    const submitMs = performance.now() - from;
    if (answer.status !== 202 && answer.status !== 200) throw new Error(`submit: ${answer.status} ${answer.text.slice(0, 300)}`);
    const accepted = JSON.parse(answer.text) as { readonly task: string; readonly conversation: string };
    return { task: accepted.task, conversation: accepted.conversation, submitMs };
  }

  /** When each committed step began, nanoseconds, in order; waits for the end of the task. */
  async starts(task: string, options: { readonly url?: string; readonly signal?: AbortSignal } = {}): Promise<readonly bigint[]> {
    const { url = this.nextUrl(), signal } = options;
    for (;;) {
      const answer = await this.ask("GET", `${url}/v1/tasks/${task}?wait=60s`, signal === undefined ? {} : { signal });
      if (answer.status === 503) continue;
      if (answer.status !== 200) throw new Error(`task ${task}: ${answer.status} ${answer.text.slice(0, 300)}`);
      const view = JSON.parse(answer.text) as { readonly status: string; readonly steps: readonly { readonly output: string }[] };
      if (view.status === "running") continue;
      if (view.status !== "completed") throw new Error(`task ${task} ended as ${view.status}: ${answer.text.slice(0, 300)}`);
      return view.steps.map((step) => BigInt(step.output));
    }
  }

  /** Keeps so many conversations busy, chain after chain, until told to stop; what runs then is cancelled. */
  keepBusy(conversations: number, hops: number): Busy {
    const stopping = new AbortController();
    const hopsMs: number[] = [];
    const one = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        const chain = await this.submit(hops);
        try {
          const starts = await this.starts(chain.task, { signal: stopping.signal });
          hopsMs.push(...hopTimesMs(starts));
        } catch (error) {
          if (!stopping.signal.aborted) throw error;
          await this.ask("DELETE", `${this.nextUrl()}/v1/tasks/${chain.task}`);
        }
      }
    };
    const all = Promise.all(Array.from({ length: conversations }, one));
    return {
      orAfter: async (ms) => {
        await Promise.race([all, new Promise((resolve) => setTimeout(resolve, ms))]);
      },
      stop: async () => {
        stopping.abort();
        await all;
        return hopsMs;
      },
    };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** From the start of each step to the start of the next, milliseconds. */
export function hopTimesMs(starts: readonly bigint[]): readonly number[] {
  return starts.slice(1).map((at, i) => Number(at - (starts[i] ?? at)) / 1e6);
}

function isReset(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET";
}
