/**
 * Text of a `text/event-stream` into events. Pure: fed with chunks as they come, cut anywhere. Differs from a browser's EventSource in
 * one point: an event without an `id` line has no id, because a task's live events are told from its committed ones by that.
 */

/** One event's text: a committed step is at most its inline body with JSON around it. More is no coordinator. */
export const SSE_EVENT_CHARACTERS_MAX: number = 4 * 1024 * 1024;

export interface ServerSentEvent {
  readonly event: string;
  readonly id?: string;
  readonly data: string;
}

export class SseOverflowError extends Error {
  constructor() {
    super(`an event of the stream is longer than ${SSE_EVENT_CHARACTERS_MAX} characters`);
    this.name = "SseOverflowError";
  }
}

export class SseParser {
  #rest = "";
  #event = "";
  #id: string | undefined;
  #data: string[] = [];
  /** Characters in `#data`, so that many short lines meet the bound as well as one long line. */
  #dataLength = 0;

  /** The events that are complete with this chunk, in order. */
  feed(chunk: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    this.#rest += chunk;
    for (;;) {
      const end = /\r\n|\n|\r/.exec(this.#rest);
      // A CR at the very end may be the first half of a CRLF.
      if (end === null || (end[0] === "\r" && end.index === this.#rest.length - 1)) break;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const event = this.#line(line);
      if (event !== undefined) events.push(event);
    }
    if (this.#rest.length + this.#dataLength > SSE_EVENT_CHARACTERS_MAX) throw new SseOverflowError();
    return events;
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "data") {
      this.#data.push(value);
      this.#dataLength += value.length + 1;
    }
    return undefined; // a comment (empty field) or a field that is not ours
  }

  #dispatch(): ServerSentEvent | undefined {
    const complete = this.#data.length > 0 || this.#event !== "";
    const event = {
      event: this.#event || "message",
      ...(this.#id === undefined ? {} : { id: this.#id }),
      data: this.#data.join("\n"),
    };
    this.#event = "";
    this.#id = undefined;
    this.#data = [];
    this.#dataLength = 0;
    return complete ? event : undefined;
  }
}
