/** The scorers on cases made by hand; each has a case that must fail, so that a scorer that always says 1 is found. */
import { hash } from "node:crypto";
import { encodeCanonical } from "@triad/protocol";
import { describe, expect, it } from "vitest";
import type { Dialogue, GoldTurn } from "../data/dialogue.ts";
import { chainHolds } from "../runner/chain.ts";
import { carriedSlots } from "../score/carried.ts";
import { type HopRecord, promptHolds, scoreContext } from "../score/context-kept.ts";
import { RoutingScorer } from "../score/routing.ts";
import { SlotScorer } from "../score/slots.ts";
import { baselineViews, ViewScorer } from "../score/views.ts";
import { ontology } from "./tables.ts";

function hop(
  dialogue: string,
  at: number,
  from: string | undefined,
  to: string,
  prompt: string,
  factsReturned: Record<string, unknown>,
): HopRecord {
  return { dialogue, hop: at, agentFrom: from, agentTo: to, prompt, factsReturned };
}

describe("contextKept", () => {
  const first = hop("a", 0, undefined, "hotel", "{}", { "hotel.area": "west", "hotel.people": 3 });

  it("is 1 where every fact stands in the next prompt, as bytes or as text", () => {
    const prompt = 'Known: {"hotel.area":"west","hotel.people":3}';
    expect(scoreContext([first, hop("a", 1, "hotel", "taxi", prompt, {})])).toMatchObject({ handoffs: 1, contextKept: 1, lost: [] });
    expect(scoreContext([first, { ...hop("a", 1, "hotel", "taxi", "", {}), prompt: new TextEncoder().encode(prompt) }]).contextKept).toBe(
      1,
    );
  });

  it("finds a missing fact, an old value, a value that only occurs, and a number cut short", () => {
    const lostIn = (prompt: string): readonly string[] =>
      scoreContext([first, hop("a", 1, "hotel", "taxi", prompt, {})]).lost.map(({ fact }) => fact);
    expect(lostIn('{"hotel.people":3}')).toEqual(["hotel.area"]);
    expect(lostIn('{"hotel.area":"east","hotel.people":3}')).toEqual(["hotel.area"]);
    expect(lostIn('the west {"hotel.people":3}')).toEqual(["hotel.area"]);
    expect(lostIn('{"hotel.area":"west","hotel.people":30}')).toEqual(["hotel.people"]);
  });

  it("asks for the latest value, and not for what was removed", () => {
    const records = [first, hop("a", 1, "hotel", "hotel", "{}", { "hotel.area": "north", "hotel.people": null })];
    expect(scoreContext([...records, hop("a", 2, "hotel", "taxi", '{"hotel.area":"north"}', {})]).contextKept).toBe(1);
    expect(scoreContext([...records, hop("a", 2, "hotel", "taxi", '{"hotel.area":"west"}', {})]).contextKept).toBe(0);
  });

  it("counts dialogues, in the order of their hops, and needs the chain", () => {
    const good = [hop("b", 1, "hotel", "taxi", '{"x":1}', {}), hop("b", 0, undefined, "hotel", "", { x: 1 })];
    const bad = [first, hop("a", 1, "hotel", "taxi", "", {})];
    expect(scoreContext([...good, ...bad])).toMatchObject({ dialogues: 2, kept: 1, contextKept: 0.5 });
    expect(scoreContext(good, () => false).contextKept).toBe(0);
  });

  it("matches names exactly", () => {
    expect(promptHolds('{"a.b":"c"}', "a.b", "c")).toBe(true);
    expect(promptHolds('{"xa.b":"c"}', "a.b", "c")).toBe(false);
    expect(promptHolds('{"a.b": "c"}', "a.b", "c")).toBe(true);
  });
});

const nothing: GoldTurn = { userActs: [], systemActs: [], state: {} };
const inform = (domain: "hotel" | "restaurant", slot: string, value: string) => ({ domain, intent: "inform", slot, value });

const dialogue: Dialogue = {
  id: "d",
  turns: [
    {
      user: "A hotel in the west for 3 people.",
      system: "Which price?",
      gold: { ...nothing, userActs: [inform("hotel", "area", "west")], state: { "hotel.area": "west", "hotel.people": "3" } },
    },
    {
      user: "Food in the same area.",
      system: "Fine.",
      gold: {
        ...nothing,
        userActs: [inform("restaurant", "food", "dontcare")],
        state: { "hotel.area": "west", "hotel.people": "3", "restaurant.area": "west" },
      },
    },
    { user: "Thanks.", gold: { ...nothing, state: { "hotel.area": "west", "hotel.people": "3", "restaurant.area": "west" } } },
  ],
};
const hotelFacts = { "hotel.area": "west", "hotel.people": "3" };

describe("carried slots", () => {
  it("are those that nobody said in this turn and another domain knew", () => {
    expect(carriedSlots(dialogue)).toEqual([{ dialogue: "d", turn: 1, slot: "restaurant.area", value: "west" }]);
  });

  it("are scored right, missed, wrong", () => {
    const score = (second: Record<string, string>) => {
      const scorer = new SlotScorer(ontology);
      scorer.add(dialogue, [hotelFacts, second, second]);
      return scorer.result();
    };
    expect(score({ ...hotelFacts, "restaurant.area": "west" })).toMatchObject({
      slotRecall: 1,
      carriedMade: 1,
      wrongCarry: 0,
      precision: 1,
      recall: 1,
    });
    expect(score(hotelFacts)).toMatchObject({ slotRecall: 0, carriedMade: 0, wrongCarry: 0 });
    expect(score({ ...hotelFacts, "restaurant.area": "west", "restaurant.people": "3" })).toMatchObject({
      slotRecall: 1,
      carriedMade: 2,
      wrongCarry: 0.5,
      wrongCarryEver: 0.5,
    });
    expect(score({ ...hotelFacts, "restaurant.area": "north" }).slotRecall).toBe(0);
  });
});

describe("chain", () => {
  const link = (seq: number, prev: string, text: string) => {
    const event = { seq, prev, type: "step", at: 1, task: "t", step: seq, by: "hotel", text, facts: {} };
    return { ...event, id: hash("sha256", encodeCanonical(event), "hex") };
  };

  it("holds for the events as they were committed, and for no others", () => {
    const first = link(1, "", "one");
    const second = link(2, first.id, "two");
    const third = link(3, second.id, "three");
    const whole = [first, second, third] as unknown as Parameters<typeof chainHolds>[0]["events"];
    const root = third.id;
    expect(chainHolds({ root, events: whole })).toBe(true);
    expect(chainHolds({ root, events: whole.slice(0, 2) })).toBe(false);
    expect(chainHolds({ root, events: whole.slice(1) })).toBe(false);
    expect(chainHolds({ root, events: whole.toSpliced(1, 1) })).toBe(false);
    expect(chainHolds({ root, events: [] })).toBe(false);
    const altered = whole.map((event) => (event.text === "two" ? { ...event, text: "2" } : event));
    expect(chainHolds({ root, events: altered })).toBe(false);
  });
});

describe("routing", () => {
  it("tells one-domain turns, switches, the incumbent and the rest apart", () => {
    const scorer = new RoutingScorer();
    scorer.add(dialogue, ["hotel", "hotel", "general"]);
    expect(scorer.result()).toEqual({
      turns: 2,
      routingAccuracy: 0.5,
      switches: 1,
      switchAccuracy: 0,
      incumbentAccuracy: 0.5,
      others: { none: { turns: 1, fits: 1 }, two: { turns: 0, fits: 0 }, three: { turns: 0, fits: 0 } },
    });
  });
});

describe("views", () => {
  const countTokens = (text: string): number => text.split(/\s+/).filter((word) => word !== "").length;

  it("shows what each view has of the carried values, and what it costs", () => {
    const scorer = new ViewScorer(ontology, countTokens, { ...baselineViews(countTokens), facts: ({ facts }) => JSON.stringify(facts) });
    scorer.add(dialogue, [hotelFacts, hotelFacts, hotelFacts]);
    const rows = scorer.result();
    expect(rows["no context"]).toEqual({ slotRecall: 0, tokensPerHop: 0 });
    expect(rows["whole transcript"]?.slotRecall).toBe(1);
    expect(rows["last 2 utterances"]?.slotRecall).toBe(1);
    expect(rows["facts"]).toEqual({ slotRecall: 1, tokensPerHop: 1 });
  });

  it("a chosen view stays within its budget", () => {
    const long: Dialogue = {
      id: "long",
      turns: [...Array.from({ length: 40 }, () => dialogue.turns[0] as (typeof dialogue.turns)[number]), ...dialogue.turns.slice(1)],
    };
    const scorer = new ViewScorer(ontology, countTokens, baselineViews(countTokens));
    scorer.add(long, []);
    const rows = scorer.result();
    expect(rows["user turn as query, 128 tokens"]?.tokensPerHop).toBeLessThanOrEqual(128);
    expect(rows["whole transcript"]?.tokensPerHop).toBeGreaterThan(128);
  });
});
