/**
 * A load that stays the same for hours: so many clients, each with one task at a time and a fixed pause between the starts, so that a slow machine
 * makes it no heavier. Conversations have a few tasks each and are then left to retention; some tasks carry an idempotency key, some a large output.
 */
import { randomUUID } from "node:crypto";
import type { Load } from "../path/load.ts";
import type { SoakOrder } from "../teams/soak.ts";

export const CLIENTS = 16;
export const HOPS = 10;
/** From the start of a client's task to the start of its next. */
export const PERIOD_MS = 2_000;
export const LARGE_BYTES = 300 * 1024;
/** Every so many tasks of a client: one large output, one new conversation; keys on every other. */
const LARGE_EVERY = 25;
const CONVERSATION_TASKS = 4;
const KEY_EVERY = 2;
/** A cluster that takes no task for this long has failed. */
const RETRY_MS_MAX = 60_000;
const RETRY_PAUSE_MS = 250;

export class SteadyLoad {
  readonly #load: Load;
  readonly #stopping = new AbortController();
  readonly #all: Promise<unknown>;
  /** Tasks in the order in which their end was seen. */
  readonly ended: string[] = [];

  constructor(load: Load) {
    this.#load = load;
    this.#all = Promise.all(Array.from({ length: CLIENTS }, (_, n) => this.#client(n)));
  }

  /** Waits; throws as soon as a client fails. */
  async orAfter(ms: number): Promise<void> {
    await Promise.race([this.#all, sleep(ms)]);
  }

  /** Resolves when the last tasks have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#all;
  }

  async #client(client: number): Promise<void> {
    await sleep((client * PERIOD_MS) / CLIENTS); // spread over the period
    let conversation: string | undefined;
    for (let n = 0; !this.#stopping.signal.aborted; n++) {
      const startedMs = performance.now();
      if (n % CONVERSATION_TASKS === 0) conversation = undefined;
      // Clients have their large ones at different times.
      const large = (n + client) % LARGE_EVERY === LARGE_EVERY - 1;
      conversation = await this.#task(conversation, large ? LARGE_BYTES : 0, n % KEY_EVERY === 0);
      await sleep(PERIOD_MS - (performance.now() - startedMs));
    }
  }

  async #task(conversation: string | undefined, outputBytes: number, keyed: boolean): Promise<string> {
    const order: SoakOrder = { hops: HOPS, outputBytes };
    const accepted = (await this.#asked("POST", "/v1/tasks", {
      input: JSON.stringify(order),
      requires: { passing: 1 },
      ...(conversation === undefined ? {} : { conversation }),
      ...(keyed ? { idempotencyKey: randomUUID() } : {}),
    })) as { readonly task: string; readonly conversation: string };
    for (;;) {
      const view = (await this.#asked("GET", `/v1/tasks/${accepted.task}?wait=30s`)) as {
        readonly status: string;
        readonly output?: string;
      };
      if (view.status === "running") continue;
      if (view.status !== "completed")
        throw new Error(`task ${accepted.task} ended as ${view.status}: ${JSON.stringify(view).slice(0, 300)}`);
      if ((view.output?.length ?? 0) < outputBytes)
        throw new Error(`task ${accepted.task}: an output of ${view.output?.length} bytes, not ${outputBytes}`);
      this.ended.push(accepted.task);
      return accepted.conversation;
    }
  }

  /** Asks again where the cluster says that it is busy or between leaders. */
  async #asked(method: string, path: string, body?: object): Promise<unknown> {
    const fromMs = performance.now();
    for (;;) {
      const answer = await this.#load.ask(method, `${this.#load.nextUrl()}${path}`, body === undefined ? {} : { body });
      if (answer.status === 200 || answer.status === 202) return JSON.parse(answer.text);
      const again = answer.status === 503 || answer.status === 429;
      if (!again || performance.now() - fromMs > RETRY_MS_MAX)
        throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
      await sleep(RETRY_PAUSE_MS);
    }
  }

  /**
   * Ended tasks that a coordinator still answers for. Retention goes by age, so the first that is still there is found by halving; answers of a
   * follower may be a moment behind.
   */
  async kept(): Promise<number> {
    const ended = this.ended.length;
    let gone = 0; // all before it are gone
    let there = ended;
    while (gone < there) {
      const middle = Math.floor((gone + there) / 2);
      const { status, text } = await this.#load.ask("GET", `${this.#load.nextUrl()}/v1/tasks/${this.ended[middle]}`);
      if (status === 404) gone = middle + 1;
      else if (status === 200) there = middle;
      else if (status === 503) await sleep(RETRY_PAUSE_MS);
      else throw new Error(`task ${this.ended[middle]}: ${status} ${text.slice(0, 300)}`);
    }
    return ended - there;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
