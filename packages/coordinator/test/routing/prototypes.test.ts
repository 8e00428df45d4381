/** Prototypes: affinities against the protocol's plain cosine, and teaching in integers, checked against a second computation. */
import { cosineInt8, embedText, limits, quantiseRouting, ROUTING_DIM } from "@triad/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bestAffinity, lastTurnAffinity, teachPrototypes } from "../../src/core/routing/prototypes.ts";

const embed = (text: string): Uint8Array => quantiseRouting(embedText(text, ROUTING_DIM));
const signed = (bytes: Uint8Array): number[] => [...bytes].map((byte) => (byte > 127 ? byte - 256 : byte));
const vector = fc.uint8Array({ minLength: 24, maxLength: 24 }).map((bytes) => bytes.map((byte) => (byte === 128 ? 129 : byte)));
const HOTEL = ["a cheap room in the centre", "book a guesthouse with free parking", "a hotel in the north for two nights"];
const TRAIN = ["a train to ely on friday", "when does the train from cambridge leave", "two tickets to london"];

test("the affinity is the mean cosine with the nearest quarter of the prototypes", () => {
  fc.assert(
    fc.property(vector, fc.array(vector, { minLength: 1, maxLength: limits.PROTOTYPES_MAX }), (text, prototypes) => {
      const cosines = prototypes.map((prototype) => cosineInt8(text, prototype)).sort((a, b) => b - a);
      const quarter = cosines.slice(0, Math.ceil(prototypes.length / 4));
      expect(bestAffinity(text, prototypes)).toBeCloseTo(quarter.reduce((a, b) => a + b) / quarter.length, 12);
    }),
  );
});

test("no prototypes, no features, no turn before: 0", () => {
  const text = embed("a room");
  expect(bestAffinity(text, [])).toBe(0);
  expect(bestAffinity(new Uint8Array(ROUTING_DIM), [text])).toBe(0);
  expect(bestAffinity(text, [new Uint8Array(ROUTING_DIM)])).toBe(0);
  expect(lastTurnAffinity(undefined, [text])).toBe(0);
  expect(lastTurnAffinity(text, [text])).toBeCloseTo(1, 12);
});

test("a text is nearer to the agent that is asked such things", () => {
  const [hotel, train] = [HOTEL.map(embed), TRAIN.map(embed)];
  for (const [text, near, far] of [
    ["i need a room for two nights in the centre", hotel, train],
    ["is there a train on friday", train, hotel],
  ] as const) {
    expect(bestAffinity(embed(text), near)).toBeGreaterThan(bestAffinity(embed(text), far));
  }
});

test("while there is room a text becomes a prototype; one that is known byte for byte teaches nothing", () => {
  let prototypes: readonly Uint8Array[] = HOTEL.map(embed);
  const text = embed("somewhere to sleep");
  prototypes = teachPrototypes(prototypes, text);
  expect(prototypes).toHaveLength(4);
  expect(prototypes[3]).toEqual(text);
  expect(prototypes[3]).not.toBe(text);
  expect(teachPrototypes(prototypes, text)).toBe(prototypes);
  expect(teachPrototypes(prototypes, new Uint8Array(ROUTING_DIM))).toBe(prototypes);
  expect(teachPrototypes(prototypes, text.subarray(1))).toBe(prototypes);
});

test("without room the nearest by dot product moves an eighth of the way, halves away from zero; all others are shared", () => {
  const full = fc.array(vector, { minLength: limits.PROTOTYPES_MAX, maxLength: limits.PROTOTYPES_MAX });
  fc.assert(
    fc.property(full, vector, (prototypes, text) => {
      const copies = [...prototypes, text].map((bytes) => bytes.slice());
      const taught = teachPrototypes(prototypes, text);
      expect([...prototypes, text]).toEqual(copies);
      const known = prototypes.some((prototype) => prototype.every((byte, i) => byte === text[i]));
      if (known || text.every((byte) => byte === 0)) {
        expect(taught).toBe(prototypes);
        return;
      }
      const dots = prototypes.map((prototype) => signed(prototype).reduce((sum, x, i) => sum + x * signed(text)[i]!, 0));
      const nearest = dots.indexOf(Math.max(...dots));
      for (const [index, prototype] of prototypes.entries()) {
        if (index !== nearest) {
          expect(taught[index]).toBe(prototype);
          continue;
        }
        const wanted = signed(prototype).map((x, i) => {
          const eighths = x * 7 + signed(text)[i]!;
          return Math.sign(eighths) * Math.floor(Math.abs(eighths) / 8 + 0.5);
        });
        expect(signed(taught[index]!).map((x) => x + 0)).toEqual(wanted.map((x) => x + 0));
      }
    }),
  );
});

test("bytes never leave −127…127, and a prototype that is taught one text again and again comes to it", () => {
  const far = Array.from({ length: limits.PROTOTYPES_MAX }, () => new Uint8Array(24).fill(127));
  const text = new Uint8Array(24).fill(256 - 127);
  let prototypes: readonly Uint8Array[] = far;
  for (let i = 0; i < 80; i++) prototypes = teachPrototypes(prototypes, text);
  const lowest = Math.min(...prototypes.flatMap(signed));
  expect(lowest).toBeGreaterThanOrEqual(-127);
  expect(lowest).toBeLessThanOrEqual(-120);
});

test("a turn that was handed on draws the next such turn to the agent that settled it", () => {
  let prototypes: readonly Uint8Array[] = TRAIN.map(embed);
  const turn = embed("can you get me to stevenage before noon");
  const before = bestAffinity(embed("please get me to stansted before noon"), prototypes);
  prototypes = teachPrototypes(prototypes, turn);
  expect(bestAffinity(embed("please get me to stansted before noon"), prototypes)).toBeGreaterThan(before + 0.2);
});

test("of two equally near prototypes the first moves", () => {
  const text = Uint8Array.of(10, 10);
  const pair = [Uint8Array.of(30, 0), Uint8Array.of(0, 30)];
  const others = Array.from({ length: limits.PROTOTYPES_MAX - 2 }, () => Uint8Array.of(1, 0));
  const [first, second] = teachPrototypes([...pair, ...others], text);
  // (210 + 10) / 8 = 27.5 and 10 / 8 = 1.25.
  expect(first).toEqual(Uint8Array.of(28, 1));
  expect(second).toBe(pair[1]);
});
