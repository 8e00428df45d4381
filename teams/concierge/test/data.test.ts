/** The data side: built-in conversations, the parser's refusals, and that no label leaves by `stripLabels`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builtinDialogues } from "../builtin/index.ts";
import { type Dialogue, goldDomains, stripLabels } from "../data/dialogue.ts";
import { DataFormatError, parseDialogues } from "../data/multiwoz.ts";
import { findDataSource } from "../data/source.ts";
import { EXAMPLES } from "../routing/examples.ts";

describe("built-in conversations", () => {
  const dialogues = builtinDialogues();

  it("are 30 or more, the same at every call, with 0 to 4 switches", () => {
    expect(dialogues.length).toBeGreaterThanOrEqual(30);
    expect(builtinDialogues()).toEqual(dialogues);
    const switches = dialogues.map((dialogue) => {
      const domains = dialogue.turns.flatMap((turn) => goldDomains(turn));
      return domains.filter((domain, at) => at > 0 && domain !== domains[at - 1]).length;
    });
    expect(new Set(switches)).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(new Set(dialogues.map(({ id }) => id)).size).toBe(dialogues.length);
  });

  it("are used where TRIAD_DATA_DIR has no data, with a note that says so", () => {
    expect(findDataSource({ TRIAD_DATA_DIR: "/no/such/folder" })).toEqual({
      kind: "built-in",
      note: expect.stringContaining("TRIAD_DATA_DIR"),
    });
  });
});

describe("stripLabels", () => {
  const act = fc.record({
    domain: fc.constant("hotel" as const),
    intent: fc.constant("inform"),
    slot: fc.string(),
    value: fc.string().map((text) => `GOLD ${text}`),
  });
  const gold = fc.record({
    userActs: fc.array(act),
    systemActs: fc.array(act),
    state: fc.dictionary(
      fc.string(),
      fc.string().map((text) => `GOLD ${text}`),
    ),
  });
  const turn = fc.record({ user: fc.string(), system: fc.string(), gold }, { requiredKeys: ["user", "gold"] });

  it("leaves words only: no gold field, not even one that is added later", () => {
    fc.assert(
      fc.property(fc.string(), fc.array(turn), fc.string(), (id, turns, later) => {
        const dialogue = {
          id,
          turns: turns.map((entry) => ({ ...entry, laterLabel: `GOLD ${later}` })),
          laterLabel: `GOLD ${later}`,
        } as unknown as Dialogue;
        const plain = stripLabels(dialogue);
        expect(Object.keys(plain).sort()).toEqual(["id", "turns"]);
        for (const entry of plain.turns) for (const key of Object.keys(entry)) expect(["user", "system"]).toContain(key);
        expect(plain.turns.map(({ user }) => user)).toEqual(turns.map(({ user }) => user));
        const words = new Set(turns.flatMap(({ user, system }) => [user, system ?? ""]));
        if (![...words, id].some((text) => text.includes("GOLD"))) expect(JSON.stringify(plain)).not.toContain("GOLD");
      }),
    );
  });
});

describe("parseDialogues", () => {
  const line = {
    id: "A",
    turns: [
      { s: "U", t: "hello", a: { "Hotel-Inform": [["Area", "east"]] } },
      { s: "S", t: "hi", a: {}, st: { "hotel.area": "east" } },
    ],
  };

  it("reads a line", () => {
    const [dialogue] = parseDialogues(`${JSON.stringify(line)}\n`, "x.jsonl");
    expect(dialogue?.turns[0]?.gold).toEqual({
      userActs: [{ domain: "hotel", intent: "inform", slot: "area", value: "east" }],
      systemActs: [],
      state: { "hotel.area": "east" },
    });
  });

  it.each([
    ["not JSON", "{"],
    ["an act of no domain", JSON.stringify({ ...line, turns: [{ s: "U", t: "x", a: { "Bus-Inform": [["Area", "east"]] } }] })],
    ["a text that is none", JSON.stringify({ ...line, turns: [{ s: "U", t: 3, a: {} }] })],
    ["the system first", JSON.stringify({ ...line, turns: [{ s: "S", t: "x", a: {} }] })],
    ["no turns", JSON.stringify({ id: "A" })],
  ])("refuses %s with its line", (_name, content) => {
    expect(() => parseDialogues(`\n${content}`, "x.jsonl")).toThrow(DataFormatError);
    expect(() => parseDialogues(`\n${content}`, "x.jsonl")).toThrow(/x\.jsonl:2/);
  });
});

describe("routing examples", () => {
  it("are twelve to sixteen different sentences an agent", () => {
    for (const sentences of Object.values(EXAMPLES)) {
      expect(new Set(sentences).size).toBe(sentences.length);
      expect(sentences.length).toBeGreaterThanOrEqual(12);
      expect(sentences.length).toBeLessThanOrEqual(16);
    }
  });
});
