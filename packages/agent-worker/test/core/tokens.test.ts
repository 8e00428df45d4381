/** The token estimate against counts of a real vocabulary, and against what any vocabulary does with running text. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countTokens } from "../../src/index.ts";

describe("countTokens", () => {
  // Counts by a byte-pair vocabulary of 100,000 entries, known from its documentation.
  test.each([
    ["", 0],
    ["Hello world", 2],
    ["Hello, world!", 4],
    ["The quick brown fox jumps over the lazy dog.", 10],
    ["1234567890", 4],
    ["antidisestablishmentarianism", 6],
  ])("%j", (text, tokens) => {
    expect(countTokens(text)).toBe(tokens);
  });

  test("English dialogue stays near four characters a token", () => {
    const text =
      "I am looking for a guesthouse in the north of town with free wifi. There are nine guesthouses in the north, five of them cheap and four " +
      "moderately priced. Acorn Guest House is one that offers both. Shall I book it for you? Yes please, for four people and three nights from Tuesday.";
    const charactersPerToken = text.length / countTokens(text);
    expect(charactersPerToken).toBeGreaterThan(3.5);
    expect(charactersPerToken).toBeLessThan(5.5);
  });

  test("other scripts cost more a character than Latin, never nothing", () => {
    expect(countTokens("部屋を予約する")).toBe(7);
    expect(countTokens("забронировать")).toBeGreaterThanOrEqual(4);
    expect(countTokens("🙂🙂")).toBeGreaterThanOrEqual(2);
  });

  test("never more tokens than characters, and pieces never cost less apart than together by more than their seams", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
        expect(countTokens(a)).toBeLessThanOrEqual(a.length);
        expect(countTokens(`${a} ${b}`)).toBeLessThanOrEqual(countTokens(a) + countTokens(b) + 1);
      }),
    );
  });
});
