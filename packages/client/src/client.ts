/**
 * The client of a Triad cluster over HTTP, for Node and browsers. Knows the routes and what makes each safe to repeat; how a request
 * finds a coordinator that answers is transport.ts.
 */
import { mintId, TriadError } from "@triad/protocol/words";
import { Task } from "./task.ts";
import { type Fetch, RETRY_MS_DEFAULT, TRY_MS_DEFAULT, Transport, UNREACHABLE_MS_DEFAULT } from "./transport.ts";
import type {
  AcceptedTask,
  AgentView,
  ClusterView,
  ConversationView,
  EffectWord,
  ExplainRequest,
  ExplainView,
  SubmitRequest,
  TaskView,
} from "./types.ts";

export interface ConnectOptions {
  /** One coordinator, such as `http://127.0.0.1:7070`; with `urls` several, gone round when one does not answer. */
  readonly url?: string;
  readonly urls?: readonly string[];
  /** `nats://…`: not in this version (TRIAD_NOT_AVAILABLE); use `url`. */
  readonly servers?: string | readonly string[];
  /** Bearer token, where the cluster listens beyond loopback. */
  readonly token?: string;
  readonly fetch?: Fetch;
  /** Without any answer for this long: TRIAD_CLUSTER_UNREACHABLE. */
  readonly unreachableMs?: number;
  /** Retryable refusals are repeated for this long. */
  readonly retryMs?: number;
  /** Bound of a single try at one coordinator. */
  readonly tryMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export class TriadClient {
  readonly #transport: Transport;

  private constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Checks the options, and that some coordinator answers. */
  static async connect(options: ConnectOptions, call: CallOptions = {}): Promise<TriadClient> {
    if (options.servers !== undefined) {
      throw new TriadError(
        "TRIAD_NOT_AVAILABLE",
        "Connecting through NATS (`servers`) is not available in this version; use `url` with a coordinator's http:// address.",
      );
    }
    const transport = new Transport({
      urls: baseUrls([...(options.url === undefined ? [] : [options.url]), ...(options.urls ?? [])]),
      fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
      ...(options.token === undefined ? {} : { token: options.token }),
      unreachableMs: options.unreachableMs ?? UNREACHABLE_MS_DEFAULT,
      retryMs: options.retryMs ?? RETRY_MS_DEFAULT,
      tryMs: options.tryMs ?? TRY_MS_DEFAULT,
    });
    const response = await transport.open("/healthz", call);
    await response.body?.cancel();
    return new TriadClient(transport);
  }

  /** Returns once the task is on disk on a majority. Repeats carry the same idempotency key, minted where the request has none. */
  async submit(request: SubmitRequest, options: CallOptions = {}): Promise<Task> {
    const body = { ...request, idempotencyKey: request.idempotencyKey ?? mintKey() };
    const accepted = await this.#transport.json<AcceptedTask>("POST", "/v1/tasks", { body, ...options });
    return new Task(this.#transport, accepted.task, accepted.conversation);
  }

  /** A task by its id. */
  async task(id: string, options: CallOptions = {}): Promise<TaskView> {
    return this.#transport.json<TaskView>("GET", `/v1/tasks/${encodeURIComponent(id)}`, options);
  }

  /** A handle on a task that was submitted elsewhere. */
  async follow(id: string, options: CallOptions = {}): Promise<Task> {
    const view = await this.task(id, options);
    return new Task(this.#transport, view.task, view.conversation);
  }

  /** Cancels; on a task that has ended nothing happens. Answers the task's status then. */
  async cancel(id: string, options: CallOptions = {}): Promise<Pick<TaskView, "task" | "status">> {
    return this.#transport.json("DELETE", `/v1/tasks/${encodeURIComponent(id)}`, options);
  }

  /** A word on what a waiting task asks about (its view's `waitingFor`): what the effect gave, or that it is to be called again. */
  async resolveEffect(id: string, n: number, word: EffectWord, options: CallOptions = {}): Promise<TaskView> {
    // The key makes a repeat after a lost answer a success.
    const body = { ...word, idempotencyKey: mintKey() };
    return this.#transport.json<TaskView>("POST", `/v1/tasks/${encodeURIComponent(id)}/effects/${n}`, { body, ...options });
  }

  /** How good it was, in [0, 1]; teaches the capability matrix. */
  async feedback(id: string, feedback: { readonly quality: number; readonly step?: number }, options: CallOptions = {}): Promise<void> {
    // The key makes a repeat after a lost answer teach once.
    await this.#transport.json("POST", `/v1/tasks/${encodeURIComponent(id)}/feedback`, {
      body: { ...feedback, idempotencyKey: mintKey() },
      ...options,
    });
  }

  async conversation(id: string, options: CallOptions & { readonly verify?: boolean } = {}): Promise<ConversationView> {
    const { verify, ...call } = options;
    return this.#transport.json("GET", `/v1/conversations/${encodeURIComponent(id)}${verify === true ? "?verify=true" : ""}`, call);
  }

  async agents(options: CallOptions = {}): Promise<readonly AgentView[]> {
    return (await this.#transport.json<{ agents: AgentView[] }>("GET", "/v1/agents", options)).agents;
  }

  async agent(id: string, options: CallOptions = {}): Promise<AgentView> {
    return this.#transport.json("GET", `/v1/agents/${encodeURIComponent(id)}`, options);
  }

  /** Who would take this, and why; changes nothing. */
  async explain(request: ExplainRequest, options: CallOptions = {}): Promise<ExplainView> {
    return this.#transport.json("POST", "/v1/routing/explain", { body: request, ...options });
  }

  async cluster(options: CallOptions = {}): Promise<ClusterView> {
    return this.#transport.json("GET", "/v1/cluster", options);
  }

  /** No new work there; it ends when what it runs has ended. */
  async drainWorker(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json("POST", `/v1/workers/${encodeURIComponent(id)}/drain`, { body: {}, ...options });
  }
}

function mintKey(): string {
  return mintId("request", (count) => crypto.getRandomValues(new Uint8Array(count)));
}

function baseUrls(urls: readonly string[]): string[] {
  if (urls.length === 0)
    throw new TriadError("TRIAD_BAD_REQUEST", "connect() needs `url` or `urls`: the http:// address of a coordinator.");
  return urls.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol === "nats:" || url?.protocol === "tls:") {
      throw new TriadError(
        "TRIAD_NOT_AVAILABLE",
        `${text}: connecting through NATS is not available in this version; use a coordinator's http:// address.`,
      );
    }
    if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
      throw new TriadError("TRIAD_BAD_REQUEST", `"${text}" is not an http:// or https:// address.`);
    }
    return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  });
}
