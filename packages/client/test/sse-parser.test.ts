import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ServerSentEvent, SSE_EVENT_CHARACTERS_MAX, SseOverflowError, SseParser } from "../src/sse-parser.ts";

const word = fc.stringMatching(/^[a-z]{1,8}$/);
const event = fc.record({
  event: word,
  id: fc.option(word, { nil: undefined }),
  data: fc.array(
    fc.string().map((s) => s.replaceAll(/[\r\n]/g, "")),
    { minLength: 1, maxLength: 3 },
  ),
});

function encode(one: { event: string; id: string | undefined; data: readonly string[] }, newline: string): string {
  const lines = [`event: ${one.event}`, ...(one.id === undefined ? [] : [`id: ${one.id}`]), ...one.data.map((line) => `data: ${line}`)];
  return lines.map((line) => line + newline).join("") + newline;
}

describe("SseParser", () => {
  it("finds the same events however the text is cut, with any line end, comments between", () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 5 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.array(fc.nat(400), { maxLength: 12 }),
        (events, newline, cuts) => {
          // A last line feed, because a CR at the end of all that was read may still become a CRLF.
          const text = `${events.map((one) => `: ping${newline}${encode(one, newline)}`).join("")}\n`;
          const parser = new SseParser();
          const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
          const found: ServerSentEvent[] = [];
          for (let i = 1; i < places.length; i++) found.push(...parser.feed(text.slice(places[i - 1], places[i])));
          expect(found).toEqual(
            events.map(({ event: name, id, data }) => ({ event: name, ...(id === undefined ? {} : { id }), data: data.join("\n") })),
          );
        },
      ),
    );
  });

  it("gives an event without an id none, also after one that had one", () => {
    expect(new SseParser().feed("event: step\nid: 4\ndata: {}\n\nevent: delta\ndata: {}\n\n")).toEqual([
      { event: "step", id: "4", data: "{}" },
      { event: "delta", data: "{}" },
    ]);
  });

  it("refuses an event without end, in one line or in many", () => {
    const parser = new SseParser();
    expect(() => parser.feed(`data: ${"x".repeat(SSE_EVENT_CHARACTERS_MAX + 1)}`)).toThrow(SseOverflowError);
    const many = new SseParser();
    const line = `data: ${"x".repeat(100_000)}\n`;
    expect(() => {
      for (let i = 0; i < 60; i++) many.feed(line);
    }).toThrow(SseOverflowError);
  });
});
