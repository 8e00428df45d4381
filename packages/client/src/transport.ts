/**
 * One request at whichever coordinator answers: goes round the addresses, repeats what may be repeated, and stops at a bound. Kept apart
 * from what the requests mean (client.ts) and from the event stream's own resume (event-stream.ts).
 *
 * T1: a request is repeated only after a connection failure or a refusal that says so; every request here is safe to repeat, because
 *     writes carry an idempotency key or are idempotent by nature.
 * T2: every address was tried at least once since the last answer before the cluster is called unreachable.
 * T3: each try has a bound of its own, so that a coordinator that is stopped costs one try, not the request.
 */
import { TriadError } from "@triad/protocol/words";
import { backOffMs } from "./back-off.ts";
import { type Refusal, refusalOf } from "./errors.ts";

/** Without any answer from any address for this long, the cluster is unreachable: longer than a restart of a coordinator takes. */
export const UNREACHABLE_MS_DEFAULT = 10_000;
/** Refusals that may be repeated are repeated for this long: an election with a second one after it. */
export const RETRY_MS_DEFAULT = 30_000;
/** One try: more than a coordinator's own 2 s of looking for a leader, on a busy machine. */
export const TRY_MS_DEFAULT = 10_000;

/** The part of `fetch` that is used, so that a test or another runtime can bring its own. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface TransportOptions {
  /** Base addresses without a slash at the end; at least one. */
  readonly urls: readonly string[];
  readonly fetch: Fetch;
  readonly token?: string;
  readonly unreachableMs: number;
  readonly retryMs: number;
  readonly tryMs: number;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** How long the coordinator itself may hold the request (`?wait`); added to the bound of one try. */
  readonly heldMs?: number;
}

type Outcome =
  | { readonly kind: "answer"; readonly response: Response }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "silent"; readonly cause: unknown };

export class Transport {
  readonly #options: TransportOptions;
  /** Which address is asked next: stays at one that answers. */
  #current = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The next request goes to the next address. */
  turn(): void {
    this.#current = (this.#current + 1) % this.#options.urls.length;
  }

  /** The JSON body of the answer. The caller names its type: bytes from a coordinator are trusted as the contract has them. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return this.#round(method, path, options, async (response, url) => {
      const text = await response.text();
      try {
        return JSON.parse(text) as T;
      } catch (cause) {
        throw new TriadError("TRIAD_CLUSTER_UNREACHABLE", `${url} did not answer in JSON; is a coordinator at that address?`, undefined, {
          cause,
        });
      }
    });
  }

  /** The answer with its body unread, for streams; `signal` also ends the body. */
  async open(path: string, options: RequestOptions): Promise<Response> {
    return this.#round("GET", path, options, async (response) => response, true);
  }

  async #round<T>(
    method: string,
    path: string,
    options: RequestOptions,
    read: (response: Response, url: string) => Promise<T>,
    streaming = false,
  ): Promise<T> {
    const { urls, retryMs, unreachableMs } = this.#options;
    const startedAt = performance.now();
    let silentSince = startedAt;
    let silentTries = 0;
    for (let tries = 1; ; tries++) {
      const url = urls[this.#current] ?? "";
      const outcome = await this.#try(method, url, path, options, read, streaming);
      if (outcome.kind === "done") return outcome.value;
      const now = performance.now();
      let waitMs = backOffMs(tries, urls.length, Math.random());
      if (outcome.kind === "refused") {
        silentSince = now;
        silentTries = 0;
        waitMs = Math.max(waitMs, outcome.refusal.retryAfterMs ?? 0);
        if (!outcome.refusal.retryable || now + waitMs - startedAt > retryMs) throw outcome.refusal.error;
      } else {
        silentTries++;
        // T2
        if (silentTries >= urls.length && now - silentSince > unreachableMs) throw unreachable(urls, outcome.cause);
      }
      this.turn();
      await pause(waitMs, options.signal);
    }
  }

  async #try<T>(
    method: string,
    url: string,
    path: string,
    options: RequestOptions,
    read: (response: Response, url: string) => Promise<T>,
    streaming: boolean,
  ): Promise<Exclude<Outcome, { kind: "answer" }> | { readonly kind: "done"; readonly value: T }> {
    options.signal?.throwIfAborted();
    const bound = new AbortController(); // T3
    const timer = setTimeout(
      () => bound.abort(new DOMException("The coordinator did not answer in time.", "TimeoutError")),
      this.#options.tryMs + (options.heldMs ?? 0),
    );
    const follow = (): void => bound.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", follow, { once: true });
    let handedOn = false;
    try {
      const response = await this.#options.fetch(`${url}${path}`, {
        method,
        headers: this.#headers(options),
        signal: bound.signal,
        ...bodyOf(options),
      });
      if (response.status >= 400)
        return { kind: "refused", refusal: refusalOf(response.status, response.headers, await response.text(), url) };
      const value = await read(response, url);
      handedOn = streaming;
      return { kind: "done", value };
    } catch (cause) {
      options.signal?.throwIfAborted();
      if (cause instanceof TriadError) throw cause;
      return { kind: "silent", cause };
    } finally {
      clearTimeout(timer);
      // A stream's body lives on after this call, and the caller's signal must still end it.
      if (!handedOn) options.signal?.removeEventListener("abort", follow);
    }
  }

  #headers(options: RequestOptions): Record<string, string> {
    return {
      accept: "application/json",
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...(this.#options.token === undefined ? {} : { authorization: `Bearer ${this.#options.token}` }),
      ...options.headers,
    };
  }
}

function bodyOf(options: RequestOptions): { body?: string } {
  return options.body === undefined ? {} : { body: JSON.stringify(options.body) };
}

function unreachable(urls: readonly string[], cause: unknown): TriadError {
  return new TriadError("TRIAD_CLUSTER_UNREACHABLE", `No coordinator answers at ${urls.join(", ")}; is the cluster up?`, undefined, {
    cause,
  });
}

/** Waits, or throws the signal's reason at once; leaves neither timer nor listener behind. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", leave);
      resolve();
    }, ms);
    if (signal?.aborted) leave();
    else signal?.addEventListener("abort", leave, { once: true });
  });
}
