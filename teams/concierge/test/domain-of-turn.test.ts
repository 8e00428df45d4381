/** Which domain a turn is about, by its words, and who acts in which order. */
import { describe, expect, it } from "vitest";
import type { Domain } from "../data/dialogue.ts";
import { domainOfTurn } from "../nlu/domain-of-turn.ts";
import { decide, planTurn } from "../nlu/plan.ts";
import { tables } from "./tables.ts";

describe("domainOfTurn", () => {
  it.each<[Domain, string, Domain | undefined, string | undefined]>([
    ["hotel", "I need a place to stay with free parking.", undefined, undefined],
    ["restaurant", "Somewhere to eat in the same area as the hotel.", "hotel", undefined],
    ["attraction", "What is there to see near the restaurant?", "restaurant", "Anything else?"],
    ["train", "I'd like a train that arrives by 9:15.", "hotel", undefined],
    ["taxi", "A taxi from the hotel to the restaurant.", "restaurant", undefined],
    ["taxi", "I want to leave the hotel by 9:15.", "taxi", "When would you like to be picked up?"],
    ["hotel", "For 3 people and 2 nights.", "hotel", "For how many people?"],
    ["restaurant", "I would like to know more about Blue Lantern.", undefined, undefined],
    ["train", "Monday at 10:15.", "train", "On which day?"],
    ["general", "Thank you, goodbye.", "hotel", "Anything else?"],
    ["police", "I was robbed!", "hotel", undefined],
    ["hospital", "My friend is hurt, is there a hospital?", undefined, undefined],
  ])("%s: %s", (expected, text, incumbent, lastSystem) => {
    expect(domainOfTurn(tables, text, incumbent, lastSystem).domains[0]).toBe(expected);
  });

  it("is never empty, whatever the text", () => {
    for (const text of ["", " ", "?", "🙂", "a".repeat(100_000)]) expect(domainOfTurn(tables, text).domains.length).toBeGreaterThan(0);
  });
});

describe("planTurn", () => {
  it("lets the incumbent answer first and then the new domain", () => {
    const plan = planTurn(
      {
        userText: "Yes, book it for 2 people. I also need a train to Brightsea.",
        facts: { trail: "hotel" },
        lastSystemText: "Shall I book the hotel?",
      },
      tables,
    );
    expect(plan).toEqual(["hotel", "train"]);
  });

  it("hands a foreign turn off without answering it, and ends", () => {
    const plan: readonly Domain[] = ["hotel", "train"];
    expect(decide("taxi", plan, [])).toEqual({ answer: false, handTo: "hotel" });
    expect(decide("hotel", plan, ["taxi"])).toEqual({ answer: true, handTo: "train" });
    expect(decide("train", plan, ["taxi", "hotel"])).toEqual({ answer: true, handTo: undefined });
  });
});
