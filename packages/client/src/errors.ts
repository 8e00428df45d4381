/**
 * HTTP answers as typed errors, and the error of a task that did not complete. What may be repeated is decided here, once:
 * transport.ts only looks at `retryable`.
 */
import { errorFromBody, isErrorCode, TriadError } from "@triad/protocol/words";
import type { TaskView } from "./types.ts";

/** A task that ended without completing. `task` is the whole of it: what was committed before stays readable. */
export class TaskFailedError extends TriadError {
  readonly task: TaskView;

  constructor(task: TaskView) {
    const error = errorFromBody(task.error ?? endedWithoutError(task));
    super(error.code, error.message, error.details);
    this.name = "TaskFailedError";
    this.task = task;
  }
}

function endedWithoutError(task: TaskView): { code: string; message: string } {
  switch (task.status) {
    case "cancelled":
      return { code: "TRIAD_CANCELLED", message: `Task ${task.task} was cancelled.` };
    case "expired":
      return { code: "TRIAD_DEADLINE", message: `The deadline of task ${task.task} passed before it ended.` };
    default:
      return { code: "TRIAD_STEP_FAILED", message: `Task ${task.task} ended as ${task.status}.` };
  }
}

/** A refusal: the error itself, and whether the same request may be repeated. */
export interface Refusal {
  readonly error: TriadError;
  readonly retryable: boolean;
  /** What the coordinator asked for, at 429. */
  readonly retryAfterMs?: number;
}

function retryAfterOf(headers: Headers): { retryAfterMs?: number } {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1_000 } : {};
}

function errorPart(body: unknown): { code: string; message: string; retryable?: unknown; details?: unknown } | undefined {
  if (typeof body !== "object" || body === null || !("error" in body)) return undefined;
  const { error } = body;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return undefined;
  const { code, message } = error;
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  return {
    code,
    message,
    ...("retryable" in error ? { retryable: error.retryable } : {}),
    ...("details" in error ? { details: error.details } : {}),
  };
}

/**
 * The refusal that an answer with status ≥ 400 stands for. An answer without Triad's error body comes from something else at that
 * address (a proxy, another server): retryable at 429 and 5xx, where a proxy speaks for a coordinator that is away, else final.
 */
export function refusalOf(status: number, headers: Headers, text: string, url: string): Refusal {
  const body = errorPart(parsed(text));
  const byStatus = status === 429 || (status >= 500 && status !== 501);
  if (body === undefined) {
    const message = `${url} answered ${status} without a Triad error; is a coordinator at that address?`;
    return { error: new TriadError("TRIAD_CLUSTER_UNREACHABLE", message, { status }), retryable: byStatus, ...retryAfterOf(headers) };
  }
  const retryable =
    typeof body.retryable === "boolean" ? body.retryable : isErrorCode(body.code) ? errorFromBody(body).retryable : byStatus;
  return { error: errorFromBody(body), retryable, ...retryAfterOf(headers) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller says what that means
  }
}
