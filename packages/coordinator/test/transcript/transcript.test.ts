/** The hash chain: golden files that a second implementation of the canonical bytes made, and every way to tamper with a chain. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FactsDelta, TranscriptEvent } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { appendEvent, type ChainEnd, EMPTY_CHAIN, eventId, type Sha256, verifyChain } from "../../src/core/transcript/transcript.ts";

const sha256: Sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

type Unlinked = Omit<TranscriptEvent, "seq" | "prev" | "id">;
interface Golden {
  readonly root: string;
  readonly events: readonly TranscriptEvent[];
}

const golden = (name: string): Golden => JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8")) as Golden;

function chainOf(events: readonly Unlinked[], from: ChainEnd = EMPTY_CHAIN): TranscriptEvent[] {
  const chain: TranscriptEvent[] = [];
  let end = from;
  for (const event of events) {
    const linked = appendEvent(end, event, sha256);
    chain.push(linked);
    end = { root: linked.id, seq: linked.seq };
  }
  return chain;
}

const facts = fc.dictionary(
  fc.string({ maxLength: 6 }),
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value))),
  { maxKeys: 3 },
) as fc.Arbitrary<FactsDelta>;
const unlinked: fc.Arbitrary<Unlinked> = fc.record({
  type: fc.constantFrom("observed" as const, "opened" as const, "step" as const, "ended" as const),
  at: fc.nat(),
  task: fc.string({ maxLength: 5 }),
  step: fc.nat(100),
  by: fc.string({ maxLength: 5 }),
  text: fc.string({ unit: "binary", maxLength: 20 }),
  facts,
});
const chain = fc.array(unlinked, { minLength: 1, maxLength: 8 }).map((events) => chainOf(events));

for (const name of ["booking", "odd-values"]) {
  test(`golden chain ${name}: ids, links and root as they are stored`, () => {
    const { root, events } = golden(name);
    expect(chainOf(events)).toEqual(events);
    for (const event of events) expect(eventId(event, sha256)).toBe(event.id);
    expect(verifyChain(events, root, sha256)).toEqual({ verified: true });
  });
}

test("whatever is appended verifies, as a whole and in parts", () => {
  fc.assert(
    fc.property(chain, fc.nat(), (events, at) => {
      const root = events.at(-1)!.id;
      expect(verifyChain(events, root, sha256)).toEqual({ verified: true });
      const cut = at % events.length;
      const start = { seq: cut + 1, prev: events[cut - 1]?.id ?? "" };
      expect(verifyChain(events.slice(cut), root, sha256, start)).toEqual({ verified: true });
    }),
  );
});

test("an empty chain has the empty root, and an empty part ends where it begins", () => {
  expect(verifyChain([], "", sha256)).toEqual({ verified: true });
  expect(verifyChain([], "abc", sha256)).toEqual({ verified: false, seq: 0, reason: "root" });
  expect(verifyChain([], "abc", sha256, { seq: 4, prev: "abc" })).toEqual({ verified: true });
});

test("any change of any field of any event is found at that event", () => {
  const field = fc.constantFrom("at", "task", "step", "by", "text", "facts", "type", "id", "prev", "seq");
  fc.assert(
    fc.property(chain, fc.nat(), field, (events, at, name) => {
      const index = at % events.length;
      const event = events[index]!;
      const value = event[name as keyof TranscriptEvent];
      const tampered =
        name === "facts"
          ? { ...event.facts, forged: true }
          : typeof value === "number"
            ? value + 1
            : name === "type"
              ? "forged"
              : `${value}x`;
      const forged = events.with(index, { ...event, [name]: tampered } as TranscriptEvent);
      const reason = name === "seq" ? "sequence" : name === "prev" ? "link" : "identity";
      expect(verifyChain(forged, events.at(-1)!.id, sha256)).toEqual({ verified: false, seq: index + 1, reason });
    }),
  );
});

test("a chain that lost, repeats or swaps events, or was forged from its middle on, does not verify", () => {
  const { root, events } = golden("booking");
  const broken = (list: readonly TranscriptEvent[], seq: number, reason: string): void => {
    expect(verifyChain(list, root, sha256)).toEqual({ verified: false, seq, reason });
  };
  broken(events.slice(1), 1, "sequence");
  broken(events.toSpliced(2, 1), 3, "sequence");
  broken(events.toSpliced(2, 0, events[1]!), 3, "sequence");
  broken([events[0]!, events[2]!, events[1]!, ...events.slice(3)], 2, "sequence");
  broken(events.slice(0, -1), 4, "root");
  const rewritten = chainOf(
    events.slice(2).map((event) => ({ ...event, text: event.text.toUpperCase() })),
    { root: events[1]!.id, seq: 2 },
  );
  broken([...events.slice(0, 2), ...rewritten], 5, "root");
});

test("an event without a canonical form is a verdict, not an exception", () => {
  const { root, events } = golden("booking");
  for (const [at, text] of [
    [Number.NaN, ""],
    [Number.POSITIVE_INFINITY, ""],
  ] as const) {
    const damaged = events.with(1, { ...events[1]!, at, text });
    expect(verifyChain(damaged, root, sha256)).toEqual({ verified: false, seq: 2, reason: "form" });
  }
});

test("the id does not depend on the order of fields, and ignores fields that are no part of the event", () => {
  const event = golden("booking").events[2]!;
  const backwards = Object.fromEntries(Object.entries(event).reverse()) as unknown as TranscriptEvent;
  const reordered = { ...backwards, facts: Object.fromEntries(Object.entries(event.facts).reverse()), cached: 1 };
  expect(eventId(reordered, sha256)).toBe(event.id);
});
