/** Recall: pages read once, checked, bounded; what a dispatch brings is continued by what is kept. */
import { limits, type StoredBody, type TranscriptEvent } from "@triad/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConversationMemory } from "../../src/services/recall.ts";
import { chainOf, dispatchOf, sha256 } from "../support/make.ts";

const chain = chainOf(Array.from({ length: 300 }, (_, i) => ({ by: i % 2 ? "hotels" : "trains", text: `turn ${i} about topic${i % 30}` })));

/** Serves pages of at most `pageMax` events and counts the questions. */
function readerOf(events: readonly TranscriptEvent[], pageMax: number) {
  const reader = {
    reads: 0,
    read: async (_conversation: string, from: number, to: number) => {
      reader.reads++;
      return events.slice(from - 1, to).slice(0, pageMax);
    },
    readBody: async ({ ref }: StoredBody) => `whole ${ref}`,
  };
  return reader;
}

const at = (total: number, tail: number) =>
  dispatchOf(1, "a", "", {
    conversation: "c",
    events: chain.slice(total - tail, total),
    eventsTotal: total,
    root: chain[total - 1]?.id ?? "",
  });

describe("ConversationMemory", () => {
  test("finds the best of the whole conversation, newest first among equals", async () => {
    const memory = new ConversationMemory(readerOf(chain, 512), sha256);
    const found = await memory.recall(at(300, 5), "topic7", 3);
    expect(found.map(({ event }) => event.seq)).toEqual([278, 248, 218]);
    expect(await memory.recall(at(300, 5), "nothing of the kind")).toEqual([]);
  });

  test("whatever the pages, it reads everything, and only once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 400 }),
        async (total, tail, pageMax) => {
          const reader = readerOf(chain, pageMax);
          const memory = new ConversationMemory(reader, sha256);
          const dispatch = at(total, Math.min(tail, total));
          expect(await memory.load(dispatch)).toEqual(chain.slice(0, total));
          const { reads } = reader;
          expect(await memory.load(dispatch)).toEqual(chain.slice(0, total));
          expect(reader.reads).toBe(reads);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a later dispatch is continued by what is kept; a gap between them is not bridged without reading", async () => {
    const reader = readerOf(chain, 512);
    const memory = new ConversationMemory(reader, sha256);
    await memory.load(at(100, 5));
    expect(memory.atHand(at(103, 5))).toEqual(chain.slice(0, 103));
    expect(memory.atHand(at(200, 5))).toEqual(chain.slice(195, 200));
    const { reads } = reader;
    await memory.load(at(200, 5));
    expect(reader.reads).toBe(reads + 1);
  });

  test("a forged, short or missing page is an error, never a result", async () => {
    const forged = chain.map((event) => (event.seq === 50 ? { ...event, text: "forged" } : event));
    for (const events of [forged, chain.slice(10), []]) {
      const memory = new ConversationMemory(readerOf(events, 512), sha256);
      await expect(memory.recall(at(300, 5), "topic7")).rejects.toMatchObject({ code: "TRIAD_FRAME_INVALID" });
    }
  });

  test("memory stays bounded over many conversations", async () => {
    const long = chainOf(Array.from({ length: 40 }, (_, i) => ({ by: "a", text: `${i} ${"x".repeat(100_000)}` })));
    const memory = new ConversationMemory(readerOf(long, 512), sha256);
    for (let i = 0; i < 20; i++) {
      await memory.load(dispatchOf(1, "a", "", { conversation: `c-${i}`, eventsTotal: 40, root: long[39]?.id ?? "" }));
      expect(memory.bytes).toBeLessThan(40 * 1024 * 1024);
    }
  });

  test("a large output is searched by its beginning and given whole, the best first, within the bound", async () => {
    const body = (ref: string, bytes: number): StoredBody => ({ ref, bytes, chunks: [] });
    const large = [
      { by: "a", text: "topic topic", body: body("first", limits.RECALL_BODIES_BYTES_MAX - 1) },
      { by: "a", text: "topic and more", body: body("second", 2) },
      { by: "a", text: "topic and much more of it", body: body("third", 1) },
    ];
    const events = chainOf(large);
    const memory = new ConversationMemory(readerOf(events, 512), sha256);
    const dispatch = dispatchOf(1, "a", "", { conversation: "c", events, eventsTotal: 3, root: events[2]?.id ?? "" });
    const found = await memory.recall(dispatch, "topic");
    expect(found.map(({ event }) => event.text)).toEqual(["whole first", "topic and more", "whole third"]);
    expect(await memory.textOf(events[1] as TranscriptEvent)).toBe("whole second");
    const { body: _, ...plain } = events[1] as TranscriptEvent;
    expect(await memory.textOf(plain)).toBe("topic and more");
  });
});
