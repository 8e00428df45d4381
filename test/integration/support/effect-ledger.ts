/**
 * The outside world that effects act on, over HTTP: writes down every call before it answers, and holds the calls that a test names, so that a
 * worker can be killed at exactly that moment. It also speaks the OpenAI chat-completions interface, as a model that counts what it is asked.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** before: the intent is in the log and nothing was called · call: it was called · after: it was answered, and its result is not journaled. */
export type Phase = "before" | "call" | "after";

export interface LedgerCall {
  readonly task: string;
  /** Place of the effect in its step. */
  readonly n: number;
  readonly phase: Phase;
  readonly key: string;
  readonly pid: number;
}

interface Hold {
  /** While it holds, nobody is answered: what comes after it comes from processes that outlived it. */
  readonly all: boolean;
  readonly fits: (call: LedgerCall) => boolean;
  readonly reached: PromiseWithResolvers<LedgerCall>;
  readonly released: PromiseWithResolvers<void>;
}

export interface Held {
  readonly reached: Promise<LedgerCall>;
  release(): void;
}

export class EffectLedger implements AsyncDisposable {
  readonly calls: LedgerCall[] = [];
  readonly #server: Server;
  readonly #holds = new Set<Hold>();
  #standstill: Promise<void> = Promise.resolve();

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<EffectLedger> {
    const ledger = new EffectLedger();
    await new Promise<void>((resolve) => ledger.#server.listen(0, "127.0.0.1", resolve));
    return ledger;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The first call that fits gets no answer until it is released; `reached` resolves with it. */
  hold(fits: (call: LedgerCall) => boolean, all = false): Held {
    const hold: Hold = { all, fits, reached: Promise.withResolvers<LedgerCall>(), released: Promise.withResolvers<void>() };
    this.#holds.add(hold);
    return { reached: hold.reached.promise, release: () => hold.released.resolve() };
  }

  /** Holds everything at the count-th call that fits. */
  standstill(count: number, fits: (call: LedgerCall) => boolean): Held {
    let seen = 0;
    return this.hold((call) => fits(call) && ++seen === count, true);
  }

  /** What was really called, in order. */
  of(task: string, n?: number): readonly LedgerCall[] {
    return this.calls.filter((call) => call.phase === "call" && call.task === task && (n === undefined || call.n === n));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    try {
      for await (const chunk of request) text += String(chunk);
    } catch {
      return; // The caller was killed while it spoke.
    }
    const isModel = request.url?.endsWith("/chat/completions") === true;
    const call = isModel ? promptOf(text, String(request.headers["idempotency-key"] ?? "")) : (JSON.parse(text) as LedgerCall);
    this.calls.push(call);
    const order = this.calls.length;
    // Every hold looks at every call, so that each counts what it has to.
    for (const hold of [...this.#holds].filter(({ fits }) => fits(call))) {
      this.#holds.delete(hold);
      if (hold.all) this.#standstill = hold.released.promise;
      hold.reached.resolve(call);
      await hold.released.promise;
    }
    await this.#standstill;
    if (response.destroyed) return;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(isModel ? completion(`answer ${order}`) : { order }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { released } of this.#holds) released.resolve();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Prompts of the test's agents say who asks: `task n pid`. */
function promptOf(body: string, key: string): LedgerCall {
  const { messages } = JSON.parse(body) as { readonly messages: readonly { readonly content: unknown }[] };
  const [, task = "", n = "0"] = /ask (\S+) (\d+)/.exec(JSON.stringify(messages)) ?? [];
  return { task, n: Number(n), phase: "call", key, pid: 0 };
}

function completion(content: string): object {
  const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
  return {
    id: "c",
    object: "chat.completion",
    created: 0,
    model: "m",
    choices,
    usage: { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 },
  };
}
