/**
 * The events of a task, to its end: when a stream breaks off or falls silent, it is resumed after the last committed event at the next
 * coordinator. Kept apart from how text becomes events (sse-parser.ts).
 *
 * E1: a committed event is yielded once, in order: a resume starts after the last id that was yielded.
 * E2: live events (no id) may be missed over a resume, and are never replayed.
 */
import { type Json, TriadError } from "@triad/protocol/words";
import { backOffMs } from "./back-off.ts";
import { type ServerSentEvent, SseOverflowError, SseParser } from "./sse-parser.ts";
import { pause, type Transport } from "./transport.ts";
import type { TaskEvent } from "./types.ts";

/** A stream on which nothing comes for this long is opened anew elsewhere: its coordinator may be stopped. A resume costs one request. */
export const IDLE_MS_DEFAULT = 20_000;
/** Streams that end at once without an event, in a row, before it is given up. */
export const EMPTY_STREAMS_MAX = 5;

const ENDS: ReadonlySet<string> = new Set(["completed", "failed", "cancelled", "expired"]);

export interface EventStreamOptions {
  readonly signal?: AbortSignal;
  /** Resume after this event. */
  readonly lastEventId?: string;
  readonly idleMs?: number;
}

export async function* taskEvents(
  transport: Transport,
  path: string,
  options: EventStreamOptions = {},
): AsyncGenerator<TaskEvent, void, undefined> {
  let lastEventId = options.lastEventId;
  let emptyStreams = 0;
  for (;;) {
    const headers = { accept: "text/event-stream", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
    const closing = new AbortController();
    const signal = options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal]);
    const response = await transport.open(path, { headers, signal });
    let empty = true;
    try {
      for await (const event of eventsOf(response, options.idleMs ?? IDLE_MS_DEFAULT)) {
        if (event === "idle") {
          empty = false; // silence is no fault: a step may take its time
          break;
        }
        empty = false;
        if (event.id !== undefined) lastEventId = event.id;
        yield { event: event.event, ...(event.id === undefined ? {} : { id: event.id }), data: dataOf(event.data) };
        if (ENDS.has(event.event)) return;
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof SseOverflowError)
        throw new TriadError("TRIAD_CLUSTER_UNREACHABLE", `The event stream is not a coordinator's: ${error.message}.`);
      // Whatever else broke the stream is a connection's failure: the next coordinator goes on from lastEventId.
    } finally {
      closing.abort();
    }
    emptyStreams = empty ? emptyStreams + 1 : 0;
    if (emptyStreams > EMPTY_STREAMS_MAX)
      throw new TriadError("TRIAD_CLUSTER_UNREACHABLE", "The event stream ends again and again without an event.");
    transport.turn();
    await pause(backOffMs(emptyStreams, 1, Math.random()), options.signal);
  }
}

async function* eventsOf(response: Response, idleMs: number): AsyncGenerator<ServerSentEvent | "idle", void, undefined> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>).getReader();
  const parser = new SseParser();
  try {
    for (;;) {
      const chunk = await within(reader.read(), idleMs);
      if (chunk === "idle") {
        yield "idle";
        return;
      }
      if (chunk.done) return;
      yield* parser.feed(chunk.value);
    }
  } finally {
    await reader.cancel().catch(() => undefined); // a stream that broke is cancelled already
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | "idle"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const idle = new Promise<"idle">((resolve) => {
    timer = setTimeout(() => resolve("idle"), ms);
  });
  try {
    return await Promise.race([promise, idle]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined); // when idle won, the read that is left behind fails at the cancel
  }
}

function dataOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text; // a coordinator sends JSON; text from elsewhere is passed on as it is
  }
}
