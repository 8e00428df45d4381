/**
 * HTTP as a well-behaved client: a refusal that says that it may be repeated is repeated, at the next coordinator; any other answer is the
 * answer. Apart from @triad/client, so that a mistake of the SDK cannot hide one of the server, or be hidden by it.
 */
import { eventually, Hopeless } from "./eventually.ts";

export interface Answer {
  readonly status: number;
  /** The body; undefined where it is not JSON. */
  readonly json: unknown;
  readonly text: string;
  readonly headers: Headers;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** One try. */
  readonly tryMs?: number;
  /** All tries. */
  readonly withinMs?: number;
}

/** One request, one answer, whatever it says; throws where nobody answers. */
export async function askOnce(url: string, method: string, { body, headers = {}, tryMs = 10_000 }: AskOptions = {}): Promise<Answer> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(tryMs),
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: parse(text), text, headers: response.headers };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error of a refusal, as the contract has it. */
export function errorOf(answer: Answer): { readonly code: string; readonly message: string; readonly retryable: boolean } | undefined {
  const { error } = (answer.json ?? {}) as { error?: { code?: unknown; message?: unknown; retryable?: unknown } };
  if (typeof error?.code !== "string" || typeof error.message !== "string" || typeof error.retryable !== "boolean") return undefined;
  return { code: error.code, message: error.message, retryable: error.retryable };
}

/** Whether the answer is a refusal that may be repeated; one that must say so and does not is a failure of the test. */
export function isRepeatable(answer: Answer): boolean {
  if (answer.status !== 429 && (answer.status < 500 || answer.status === 501)) return false;
  const error = errorOf(answer);
  if (error?.retryable !== true) throw new Hopeless(`${answer.status} without a typed, retryable error: ${answer.text.slice(0, 200)}`);
  if (answer.status === 429 && answer.headers.get("retry-after") === null) throw new Hopeless("429 without Retry-After");
  return true;
}

/** The first answer that is no "try again", going round the coordinators. */
export function ask(urls: readonly string[], method: string, path: string, options: AskOptions = {}): Promise<Answer> {
  let turn = 0;
  return eventually(
    `${method} ${path} is answered`,
    async () => {
      const base = urls[turn++ % urls.length];
      const answer = await askOnce(`${base}${path}`, method, options);
      return isRepeatable(answer) ? undefined : answer;
    },
    { withinMs: options.withinMs ?? 20_000, everyMs: 100 },
  );
}
