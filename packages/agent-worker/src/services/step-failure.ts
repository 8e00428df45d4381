/**
 * What a step threw, as the log keeps it. Retryability is decided here, once, at the source: an error that every attempt would meet again is
 * terminal, everything else uses an attempt.
 */
import { type ErrorCode, type FailureCause, isErrorCode, isJson, type Json, type TaskError } from "@triad/protocol";

export interface StepFailure {
  readonly cause: FailureCause;
  readonly terminal: boolean;
  readonly error: TaskError;
}

/** The agent's own message, kept to a length that a log line and an answer can carry. */
const MESSAGE_LENGTH_MAX = 2048;

const TERMINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "TRIAD_BODY_TOO_LARGE",
  "TRIAD_BODY_INVALID",
  "TRIAD_STEP_INVALID",
  "TRIAD_VIEW_BUDGET",
  "TRIAD_SLOT_MISSING",
  "TRIAD_SLOT_TYPE",
  "TRIAD_TEMPLATE_INVALID",
  "TRIAD_MODEL_UNKNOWN",
  "TRIAD_REPLAY_MISS",
  "TRIAD_NOT_AVAILABLE",
  "TRIAD_AGENT_UNKNOWN",
  "TRIAD_EFFECT_MISMATCH",
  "TRIAD_EFFECTS_TOO_MANY",
  "TRIAD_EFFECTS_TOO_LARGE",
]);

/** The step's result does not fit its place, as opposed to the step having thrown. */
const INVALID: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["TRIAD_BODY_TOO_LARGE", "TRIAD_BODY_INVALID", "TRIAD_STEP_INVALID"]);

export function failureOf(thrown: unknown): StepFailure {
  const code = codeOf(thrown);
  const message = messageOf(thrown);
  if (code === undefined) {
    return { cause: "threw", terminal: false, error: { code: "TRIAD_STEP_FAILED", message, details: { message } } };
  }
  const details = detailsOf(thrown);
  const terminal = TERMINAL.has(code) || (code === "TRIAD_MODEL_FAILED" && saysNotRetryable(details));
  const error: TaskError = details === undefined ? { code, message } : { code, message, details };
  return { cause: INVALID.has(code) ? "invalid" : "threw", terminal, error };
}

export function timeoutFailure(timeoutMs: number): StepFailure {
  const message = `the step did not end within its ${timeoutMs} ms`;
  return { cause: "timeout", terminal: false, error: { code: "TRIAD_STEP_TIMEOUT", message, details: { timeoutMs } } };
}

export function killedFailure(reason: string): StepFailure {
  const message = `the step ended or blocked its thread (${reason})`.slice(0, MESSAGE_LENGTH_MAX);
  return { cause: "killed", terminal: false, error: { code: "TRIAD_STEP_KILLED", message } };
}

/** By its code, not its class: a team file may bring a copy of the package of its own. */
function codeOf(thrown: unknown): ErrorCode | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return isErrorCode(thrown.code) ? thrown.code : undefined;
}

function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : describe(thrown);
  return (text === "" ? "the step threw an error without a message" : text).slice(0, MESSAGE_LENGTH_MAX);
}

function describe(thrown: unknown): string {
  if (typeof thrown === "object" && thrown !== null && "message" in thrown && typeof thrown.message === "string") return thrown.message;
  if (isJson(thrown)) return typeof thrown === "string" ? thrown : JSON.stringify(thrown);
  return `the step threw ${typeof thrown === "object" ? "an object" : `a value of type ${typeof thrown}`}`;
}

function detailsOf(thrown: unknown): Json | undefined {
  if (typeof thrown !== "object" || thrown === null || !("details" in thrown)) return undefined;
  return isJson(thrown.details) ? thrown.details : undefined;
}

function saysNotRetryable(details: Json | undefined): boolean {
  return typeof details === "object" && details !== null && "retryable" in details && details.retryable === false;
}
