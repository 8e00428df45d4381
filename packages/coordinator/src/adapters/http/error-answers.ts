/**
 * From anything thrown to the one error answer of the contract: `{error: {code, message, retryable, details?}}` with the table's status.
 * Nothing but this file writes an error to a client.
 *
 * E1: a stack never leaves the process; what is unexpected is logged whole and answered as TRIAD_INTERNAL.
 * E2: every 429 and every 5xx but 501 says `retryable: true`: a code without a status of its own (one that ends tasks, not requests) is
 *     therefore answered as TRIAD_INTERNAL too, with the code in `details`.
 */
import { ERRORS, TriadError } from "@triad/protocol";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { BODY_BYTES_MAX, LINGER_BYTES_MAX, LINGER_MS, RETRY_AFTER_SECONDS } from "./http-limits.ts";

interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Fastify's own refusals, by its codes. */
function fromFastify(error: FastifyError): TriadError | undefined {
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new TriadError("TRIAD_BODY_TOO_LARGE", `The body is larger than ${BODY_BYTES_MAX} bytes.`, { bytesMax: BODY_BYTES_MAX });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new TriadError("TRIAD_UNSUPPORTED_MEDIA_TYPE");
    case "FST_ERR_CTP_INVALID_JSON_BODY":
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
      return new TriadError("TRIAD_MALFORMED_JSON", "The body is not JSON, or holds a key that would change a prototype.");
    case "FST_ERR_BAD_URL":
      return new TriadError("TRIAD_BAD_REQUEST", "The path is not a valid URL: percent-encoding or UTF-8 is broken.");
    default:
      if (error.statusCode === undefined || error.statusCode < 400 || error.statusCode >= 500) return undefined;
      return new TriadError("TRIAD_BAD_REQUEST", "The request is not valid HTTP for this route.", { reason: error.code });
  }
}

/** The error that a client is shown; undefined where the mistake is ours. */
function expected(error: unknown): TriadError | undefined {
  if (error instanceof TriadError) return ERRORS[error.code].status > 0 ? error : undefined;
  return error instanceof Error ? fromFastify(error as FastifyError) : undefined;
}

function internal(error: unknown): TriadError {
  return error instanceof TriadError
    ? new TriadError("TRIAD_INTERNAL", error.message, { code: error.code })
    : new TriadError("TRIAD_INTERNAL", "Something went wrong inside this coordinator; it was logged. The request may be repeated.");
}

/** A message is one line, whatever of the user's own it repeats: it ends up in terminals and logs. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

export function answerOf(error: TriadError): HttpAnswer {
  const headers: Record<string, string> = { "content-type": "application/json; charset=utf-8" };
  if (error.status === 429 || error.status === 503) headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  if (error.status === 401) headers["www-authenticate"] = "Bearer";
  return { status: error.status, headers, body: JSON.stringify({ error: { ...error.toBody(), message: oneLine(error.message) } }) };
}

/** Fastify's error handler. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const shown = expected(error);
  if (shown === undefined) request.log.error({ err: error, method: request.method, url: request.url }, "request failed unexpectedly");
  const told = shown ?? internal(error);
  const answer = answerOf(told);
  if (told.code === "TRIAD_BODY_TOO_LARGE" && !request.raw.readableEnded) refuseUpload(request, reply, answer);
  else void reply.code(answer.status).headers(answer.headers).send(answer.body);
}

/**
 * Answers while the client is still sending. Closing at once would reset the connection, and the reset can overtake the answer; so what
 * still comes is read and dropped, never kept, for a bounded time and a bounded number of bytes, and then the connection is closed.
 */
function refuseUpload(request: FastifyRequest, reply: FastifyReply, answer: HttpAnswer): void {
  reply.hijack();
  const length = Buffer.byteLength(answer.body);
  reply.raw.writeHead(answer.status, { ...answer.headers, "content-length": length, connection: "close" });
  reply.raw.write(answer.body);
  const upload = request.raw;
  let dropped = 0;
  const drop = (chunk: Buffer): void => {
    dropped += chunk.length;
    if (dropped > LINGER_BYTES_MAX) upload.pause();
  };
  const close = (): void => {
    clearTimeout(timer);
    upload.off("data", drop).off("end", close).off("close", close);
    reply.raw.end();
  };
  const timer = setTimeout(close, LINGER_MS);
  upload.on("data", drop).once("end", close).once("close", close).resume();
}
