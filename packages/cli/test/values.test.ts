import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAgeMs, parseDurationMs, parseHttpUrl, parseNatsUrl, parseRequirement, parseWhole } from "../src/values.ts";

const readOf = <T>(parsed: { ok: true; value: T } | { ok: false; problem: string }): T | string =>
  parsed.ok ? parsed.value : parsed.problem;

describe("durations", () => {
  it.each([
    ["1ms", 1],
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
  ])("%s", (word, ms) => expect(parseDurationMs(word)).toEqual({ ok: true, value: ms }));

  it.each(["", "30", "s", "-1s", "+1s", "1e3s", "30 s", "30S", "0s", "0.4ms", "1d", "Infinitys", "0x10s", "9999999h", "30s30s"])(
    "refuses %j",
    (word) => expect(parseDurationMs(word).ok).toBe(false),
  );

  it("reads back what it is given, in every unit", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.constantFrom(["ms", 1], ["s", 1_000], ["m", 60_000], ["h", 3_600_000] as const),
        (n, [unit, ms]) => {
          expect(parseDurationMs(`${n}${unit}`)).toEqual({ ok: true, value: n * Number(ms) });
        },
      ),
    );
  });
});

describe("ages", () => {
  it.each([
    ["30s", 30_000],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["0.5d", 43_200_000],
    ["1500ms", 1_500],
  ])("%s", (word, ms) => expect(parseAgeMs(word)).toEqual({ ok: true, value: ms }));

  it.each(["", "7", "d", "999ms", "0s", "-1d", "4000d", "1w", "7 d", "1e3s"])("refuses %j", (word) =>
    expect(parseAgeMs(word).ok).toBe(false),
  );
});

describe("requirements", () => {
  it.each([
    ["trains=1", ["trains", 1]],
    ["skill-relay-a=0.25", ["skill-relay-a", 0.25]],
    ["trains", ["trains", 1]],
    ["trains=0", ["trains", 0]],
  ])("%s", (word, value) => expect(parseRequirement(word)).toEqual({ ok: true, value }));

  it.each(["", "=1", "trains=", "trains=much", "trains=-1", "trains=1e9", "trains=NaN", "a b=1", "a=1=2", "trains=.5"])(
    "refuses %j",
    (word) => expect(parseRequirement(word).ok).toBe(false),
  );
});

describe("numbers and addresses", () => {
  it("takes whole numbers in their range only", () => {
    expect(parseWhole("7", 1, 9)).toEqual({ ok: true, value: 7 });
    for (const word of ["", "three", "0", "10", "-1", "1.0", "0x1", "1e0", " 1", "١"]) expect(parseWhole(word, 1, 9).ok, word).toBe(false);
  });

  it("never repeats an address that may hold a password", () => {
    expect(readOf(parseNatsUrl("nats://user:hunter2@"))).not.toContain("hunter2");
    expect(parseNatsUrl("tls://anna:pass@b").ok).toBe(true);
    expect(parseNatsUrl("nats://a:4222,nats://b:4222").ok).toBe(true);
    for (const word of ["", "http://a", "a:4222", "nats://a:4222,http://b:4222"]) expect(parseNatsUrl(word).ok, word).toBe(false);
    expect(parseHttpUrl("http://127.0.0.1:7070").ok).toBe(true);
    for (const word of ["", "127.0.0.1:7070", "nats://a", "file:///etc"]) expect(parseHttpUrl(word).ok, word).toBe(false);
  });
});
