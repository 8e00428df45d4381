/**
 * Server-sent events: how an event looks on the wire, and the pump that carries events to one reader at the reader's pace.
 * Knows nothing of tasks or of fastify.
 *
 * S1: the next event is asked for only after the socket has taken the one before: a slow reader holds at most one event here, never a queue.
 * S2: the stream ends cleanly only after the source's last event or at shutdown. Where the source fails, the connection is cut instead: a
 *     clean end would look like the end of the task; after a cut the reader comes back with Last-Event-ID.
 */
import type { ServerResponse } from "node:http";
import type { TaskStreamEvent } from "../../services/state-manager/api.ts";
import { LINGER_MS } from "./http-limits.ts";

/** JSON has no raw line breaks, so one `data:` line is enough; a live event carries no id, so that a reader never resumes after it. */
export function formatEvent(event: TaskStreamEvent): string {
  const id = event.id === undefined ? "" : `id: ${event.id}\n`;
  return `${id}event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`;
}

const KEEP_ALIVE_COMMENT = ": keep-alive\n\n";

/** The stream takes its connection with it, so that closing the server does not wait for an idle one. */
const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
  connection: "close",
} as const;

export interface EventStreamOptions {
  readonly keepAliveMs: number;
  readonly stalledReaderMs: number;
}

/** How a stream ended; `failed` carries what the source threw. */
export type StreamOutcome = { readonly kind: "ended" | "aborted" | "stalled" } | { readonly kind: "failed"; readonly error: unknown };

/** Sends head and events until the source ends, `signal` fires, or the reader stalls; always leaves the response ended or destroyed. */
export async function pumpEvents(
  response: ServerResponse,
  events: AsyncIterable<TaskStreamEvent>,
  signal: AbortSignal,
  options: EventStreamOptions,
): Promise<StreamOutcome> {
  response.on("error", ignoreBrokenPipe);
  response.writeHead(200, STREAM_HEADERS);
  response.flushHeaders();
  const keepAlive = setInterval(() => {
    if (!response.writableNeedDrain) response.write(KEEP_ALIVE_COMMENT);
  }, options.keepAliveMs);
  try {
    for await (const event of events) {
      if (signal.aborted) break;
      if (response.write(formatEvent(event)) || (await drained(response, signal, options.stalledReaderMs))) continue;
      if (signal.aborted) break;
      response.destroy();
      return { kind: "stalled" };
    }
    endWithin(response, signal.aborted ? LINGER_MS : options.stalledReaderMs);
    return { kind: signal.aborted ? "aborted" : "ended" };
  } catch (error) {
    if (!signal.aborted) {
      response.destroy();
      return { kind: "failed", error };
    }
    endWithin(response, LINGER_MS);
    return { kind: "aborted" };
  } finally {
    clearInterval(keepAlive);
  }
}

function ignoreBrokenPipe(): void {
  // A reader that went away shows as an error of the response too; its "close" has told the signal already.
}

/** Ends the response; a reader that does not take the rest in time is cut off, so that a closing server need not wait for it. */
function endWithin(response: ServerResponse, ms: number): void {
  if (response.closed) return;
  const cut = setTimeout(() => response.destroy(), ms);
  response.once("close", () => clearTimeout(cut));
  response.end();
}

/** True once the socket has room again; false where `signal` fires or the reader takes nothing for that long. */
function drained(response: ServerResponse, signal: AbortSignal, stalledReaderMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (hasRoom: boolean): void => {
      clearTimeout(timer);
      response.off("drain", onDrain);
      signal.removeEventListener("abort", onAbort);
      resolve(hasRoom);
    };
    const onDrain = (): void => settle(true);
    const onAbort = (): void => settle(false);
    const timer = setTimeout(onAbort, stalledReaderMs);
    response.once("drain", onDrain);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) settle(false);
  });
}
