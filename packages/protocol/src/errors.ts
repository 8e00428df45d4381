/**
 * The table of every error code that a user, an agent's author or an operator can meet, and the one error class that carries them.
 * Classified by reaction: `status` for HTTP, `retryable` where the same request may be repeated. docs/errors.md is checked against this table.
 */

export interface ErrorEntry {
  /** HTTP status; 0 for errors of a process that never reach HTTP. */
  readonly status: number;
  readonly retryable: boolean;
  /** What it means and what to do, one line. */
  readonly meaning: string;
}

export const ERRORS = {
  // Bad input
  TRIAD_BAD_REQUEST: { status: 400, retryable: false, meaning: "The request does not fit the schema; `details` names each problem." },
  TRIAD_MALFORMED_JSON: { status: 400, retryable: false, meaning: "The body is not JSON." },
  TRIAD_UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false, meaning: "Send `content-type: application/json`." },
  TRIAD_SKILL_UNKNOWN: {
    status: 400,
    retryable: false,
    meaning: "A skill in `requires` is not one of the team's; `triad agents` lists them.",
  },
  TRIAD_AGENT_UNKNOWN: { status: 404, retryable: false, meaning: "No agent of that name is in the team." },
  TRIAD_NO_CANDIDATE: { status: 400, retryable: false, meaning: "No agent of the team can take a step that requires this." },
  TRIAD_ENSEMBLE_TOO_SMALL: { status: 400, retryable: false, meaning: "Fewer distinct agents can answer than the ensemble asks for." },
  TRIAD_TASK_NOT_FOUND: { status: 404, retryable: false, meaning: "No task of that id; it was never accepted, or retention removed it." },
  TRIAD_CONVERSATION_NOT_FOUND: {
    status: 404,
    retryable: false,
    meaning: "No conversation of that id; it was never opened, or retention removed it.",
  },
  TRIAD_WORKER_NOT_FOUND: { status: 404, retryable: false, meaning: "No worker of that id has registered." },
  TRIAD_ROUTE_NOT_FOUND: { status: 404, retryable: false, meaning: "No such route; see /openapi.json." },
  TRIAD_METHOD_NOT_ALLOWED: { status: 405, retryable: false, meaning: "The route does not take this method." },
  TRIAD_IDEMPOTENCY_CONFLICT: { status: 409, retryable: false, meaning: "The idempotency key was used with another body; use a new key." },
  TRIAD_TASK_CONFLICT: { status: 409, retryable: false, meaning: "The task id exists with another body." },
  TRIAD_BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    meaning: "A body above its limit (details.bytesMax); shorten it or keep it outside and pass a reference.",
  },
  TRIAD_EFFECT_NOT_WAITING: { status: 409, retryable: false, meaning: "No step of this task waits for a word on that effect." },
  TRIAD_UNAUTHORIZED: { status: 401, retryable: false, meaning: "A bearer token is required (TRIAD_API_TOKEN)." },
  TRIAD_NOT_AVAILABLE: { status: 501, retryable: false, meaning: "A part of the contract that this version does not build yet." },
  // Overload and absence: may be repeated
  TRIAD_OVERLOADED: { status: 429, retryable: true, meaning: "Too much is waiting; repeat after `Retry-After` seconds." },
  TRIAD_QUEUE_FULL: { status: 429, retryable: true, meaning: "Too many tasks wait in this conversation; repeat later." },
  TRIAD_NO_LEADER: { status: 503, retryable: true, meaning: "No leader could be reached in time; repeat the request." },
  TRIAD_NO_TEAM: { status: 503, retryable: true, meaning: "No team is registered yet; start a worker, or repeat when it is up." },
  TRIAD_NOT_READY: { status: 503, retryable: true, meaning: "This coordinator has no leader or has not caught up yet." },
  TRIAD_BODY_UNAVAILABLE: {
    status: 503,
    retryable: true,
    meaning: "A stored output could not be had from any coordinator that is up; repeat when the others are back.",
  },
  TRIAD_UNKNOWN_OUTCOME: {
    status: 503,
    retryable: true,
    meaning: "The leader was lost while it decided; repeat with the same idempotency key.",
  },
  TRIAD_INTERNAL: { status: 500, retryable: true, meaning: "A mistake of Triad's own; it was logged." },
  // How a step or task ends
  TRIAD_STEP_FAILED: { status: 0, retryable: false, meaning: "The agent threw on its last attempt; `details.message` is its own message." },
  TRIAD_STEP_TIMEOUT: { status: 0, retryable: false, meaning: "The step exceeded `timeoutMs` on its last attempt." },
  TRIAD_STEP_UNSTABLE: { status: 0, retryable: false, meaning: "The step lost its worker or thread too often." },
  TRIAD_STEP_KILLED: {
    status: 0,
    retryable: false,
    meaning: "The step ended or blocked its thread while it ran alone, on its last attempt.",
  },
  TRIAD_STEP_INVALID: { status: 0, retryable: false, meaning: "The step returned what its place does not allow; `details` says what." },
  TRIAD_BODY_INVALID: { status: 0, retryable: false, meaning: "The step returned something that is not JSON." },
  TRIAD_FACTS_TOO_LARGE: {
    status: 0,
    retryable: false,
    meaning: "The conversation's facts exceed their bound; remove some by setting them to null.",
  },
  TRIAD_MAX_TRANSITIONS: {
    status: 0,
    retryable: false,
    meaning: "One hand-off more than `maxTransitions`; raise it or end the task earlier.",
  },
  TRIAD_HANDOFF_UNKNOWN_AGENT: { status: 0, retryable: false, meaning: "A hand-off to an agent that is not in the team." },
  TRIAD_HANDOFF_NO_CANDIDATE: { status: 0, retryable: false, meaning: "A hand-off requires skills that no agent has." },
  TRIAD_CANCELLED: { status: 0, retryable: false, meaning: "The task was cancelled." },
  TRIAD_DEADLINE: { status: 0, retryable: false, meaning: "The deadline passed before the task ended." },
  TRIAD_VIEW_BUDGET: {
    status: 0,
    retryable: false,
    meaning: "A slot marked `required` does not fit the view's token budget; raise the budget.",
  },
  TRIAD_SLOT_MISSING: { status: 0, retryable: false, meaning: "A required slot of the prompt template has no value." },
  TRIAD_SLOT_TYPE: { status: 0, retryable: false, meaning: "A slot's value does not fit the type that the template gives it." },
  TRIAD_EFFECT_MISMATCH: {
    status: 0,
    retryable: false,
    meaning:
      "A later start of the step calls something else where the journal has an effect; a step must make its calls in the same order.",
  },
  TRIAD_EFFECTS_TOO_MANY: {
    status: 0,
    retryable: false,
    meaning: "More effects in one step than its journal takes; split it into several steps.",
  },
  TRIAD_EFFECTS_TOO_LARGE: {
    status: 0,
    retryable: false,
    meaning: "The results of a step's effects exceed what its journal takes; return less, or keep it outside and return a reference.",
  },
  TRIAD_MODEL_FAILED: { status: 0, retryable: false, meaning: "The model's endpoint refused or failed; `details` has its status." },
  TRIAD_MODEL_UNKNOWN: {
    status: 0,
    retryable: false,
    meaning: "A model name that no adapter knows; use openai:NAME or openai-compatible:URL#NAME.",
  },
  TRIAD_REPLAY_MISS: { status: 0, retryable: false, meaning: "No recorded answer for this key." },
  // Teams and workers
  TRIAD_TEAM_INVALID: { status: 0, retryable: false, meaning: "The team file does not fit; each problem is listed." },
  TRIAD_TEAM_NOT_FOUND: { status: 0, retryable: false, meaning: "The team file does not exist or cannot be loaded." },
  TRIAD_TEAM_VERSION: {
    status: 409,
    retryable: false,
    meaning: "Workers with another team are still up; stop them first, or start with their team file.",
  },
  TRIAD_TEMPLATE_INVALID: { status: 0, retryable: false, meaning: "A prompt template does not parse; `details` names the place." },
  TRIAD_TEMPLATE_CONFLICT: { status: 409, retryable: false, meaning: "The same template version with another body; raise `version`." },
  TRIAD_STEP_TOO_LARGE: {
    status: 400,
    retryable: false,
    meaning: "The declared alpha is above the proven bound; `details.alphaMax` is the largest allowed.",
  },
  TRIAD_WORKER_REPLACED: { status: 0, retryable: false, meaning: "Another process registered under this worker's id; this one ends." },
  TRIAD_WORKER_DRAINING: { status: 409, retryable: false, meaning: "The worker is draining." },
  // Starting and running processes
  TRIAD_USAGE: { status: 0, retryable: false, meaning: "Wrong usage of the command line; see --help." },
  TRIAD_CONFIG_INVALID: { status: 0, retryable: false, meaning: "The configuration has problems; each is listed." },
  TRIAD_TOKEN_REQUIRED: { status: 0, retryable: false, meaning: "Listening beyond loopback requires TRIAD_API_TOKEN." },
  TRIAD_CLUSTER_UNREACHABLE: { status: 0, retryable: true, meaning: "No coordinator answers at that address; is the cluster up?" },
  TRIAD_CLUSTER_AMBIGUOUS: { status: 0, retryable: false, meaning: "Several clusters answer; name one with --cluster." },
  TRIAD_CLUSTER_RUNNING: { status: 0, retryable: false, meaning: "A cluster already runs on this data directory; `triad down` stops it." },
  TRIAD_UP_FAILED: { status: 0, retryable: false, meaning: "The cluster did not become ready; what started was stopped again." },
  TRIAD_PORT_TAKEN: {
    status: 0,
    retryable: false,
    meaning: "Another process listens on a port that is needed; choose another with --http.",
  },
  TRIAD_NATS_UNREACHABLE: { status: 0, retryable: true, meaning: "No nats-server answers at that address." },
  TRIAD_NATS_UNAUTHORIZED: { status: 0, retryable: false, meaning: "The nats-server refused the credentials." },
  TRIAD_NATS_MISSING: { status: 0, retryable: false, meaning: "No nats-server is installed; the message says how to get one." },
  TRIAD_DATA_DIR_LOCKED: { status: 0, retryable: false, meaning: "Another coordinator runs on this data directory." },
  TRIAD_DATA_DIR_FOREIGN: { status: 0, retryable: false, meaning: "The data directory belongs to another cluster or node." },
  TRIAD_STORE_EMPTY: {
    status: 0,
    retryable: false,
    meaning: "The data directory lost its contents; a coordinator does not come back without its vote.",
  },
  TRIAD_STORE_CORRUPT: {
    status: 0,
    retryable: false,
    meaning: "A record that was synced is damaged; replace this coordinator, do not repair by hand.",
  },
  TRIAD_STORE_FAILED: {
    status: 0,
    retryable: false,
    meaning: "The disk refused a write or a sync; the process ended before anyone was told.",
  },
  TRIAD_STATE_DIVERGED: { status: 0, retryable: false, meaning: "This coordinator's state differs from the majority's; it ended." },
  // Messages between processes
  TRIAD_FRAME_INVALID: { status: 0, retryable: false, meaning: "A message that does not validate; it was counted and dropped." },
  TRIAD_FRAME_TOO_LARGE: { status: 0, retryable: false, meaning: "A message above the frame limit; it was not sent or was dropped." },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** What HTTP, logs and the command line show of an error. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly details?: unknown;
}

/** The error that users meet: a stable code, one line, and whether to repeat. */
export class TriadError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message?: string, details?: unknown, options?: { cause?: unknown }) {
    super(message ?? ERRORS[code].meaning, options);
    this.name = "TriadError";
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERRORS[this.code].status || 500;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  toBody(): ErrorBody {
    const body = { code: this.code, message: this.message, retryable: this.retryable };
    return this.details === undefined ? body : { ...body, details: this.details };
  }
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}

/** A body from elsewhere (HTTP, a log entry) as an error again; an unknown code becomes TRIAD_INTERNAL with the original kept. */
export function errorFromBody(body: { code: string; message: string; details?: unknown }): TriadError {
  if (isErrorCode(body.code)) return new TriadError(body.code, body.message, body.details);
  return new TriadError("TRIAD_INTERNAL", body.message, { code: body.code, details: body.details });
}
