/** What the rules read from single turns, over the built-in tables. Facts stand for what earlier domains settled. */
import { describe, expect, it } from "vitest";
import type { Domain } from "../data/dialogue.ts";
import type { Facts } from "../nlu/frame.ts";
import { readRules } from "../nlu/rules.ts";
import { tables } from "./tables.ts";

function read(domain: Domain, userText: string, facts: Facts = {}, lastSystemText?: string): Readonly<Record<string, string>> {
  return readRules(domain, { userText, lastSystemText }, facts, tables).inform;
}

describe("what a turn says itself", () => {
  it.each<[Domain, string, Record<string, string>]>([
    [
      "hotel",
      "I need a cheap guesthouse in the north with free wifi.",
      { area: "north", pricerange: "cheap", type: "guesthouse", internet: "yes" },
    ],
    ["hotel", "Book it for 3 people and 4 nights starting Friday.", { people: "3", stay: "4", day: "friday" }],
    ["hotel", "It does n't need parking, but 4 stars please.", { parking: "no", stars: "4" }],
    ["hotel", "Just for me, one night from Sunday.", { people: "1", stay: "1", day: "sunday" }],
    ["restaurant", "An expensive place serving thai food in the center.", { pricerange: "expensive", food: "thai", area: "centre" }],
    ["restaurant", "A table for two at 18:30 on Tuesday.", { people: "2", time: "18:30", day: "tuesday" }],
    ["restaurant", "Two other people with me, so a table at 7 pm.", { people: "3", time: "19:00" }],
    ["attraction", "Any museums in the east?", { type: "museum", area: "east" }],
    [
      "train",
      "A train from Brightsea to Alderbury that arrives by 10:15 on Monday.",
      { departure: "brightsea", destination: "alderbury", arriveBy: "10:15", day: "monday" },
    ],
    ["train", "I am going to Wexcombe, leaving after 9:30.", { destination: "wexcombe", leaveAt: "09:30" }],
    [
      "taxi",
      "A taxi from Fern Lodge to Blue Lantern, I want to leave by 20:15.",
      { departure: "fern lodge", destination: "blue lantern", leaveAt: "20:15" },
    ],
    ["hospital", "Is there a cardiology department?", { department: "cardiology" }],
  ])("%s: %s", (domain, text, expected) => {
    expect(read(domain, text)).toEqual(expected);
  });

  it("a bare answer fills the slot that was asked for", () => {
    expect(read("train", "Seven, please.", {}, "How many tickets do you need?")).toEqual({ people: "7" });
    expect(read("hotel", "No preference.", {}, "What area would you like?")).toEqual({ area: "dontcare" });
    expect(read("train", "Brightsea.", {}, "What is your destination?")).toEqual({ destination: "brightsea" });
  });

  it("yes takes the one thing that was offered, not one of two", () => {
    expect(read("hotel", "Yes, book it.", {}, "How about Fern Lodge?")).toEqual({ name: "fern lodge" });
    expect(read("hotel", "Yes, book it.", {}, "Fern Lodge or Heron House?")).toEqual({});
  });

  it("a place that only locates is not what is looked for", () => {
    expect(read("restaurant", "A restaurant near Heron House.")).not.toHaveProperty("name");
  });

  it("a question whether it has parking is a request, not a wish", () => {
    const frame = readRules("hotel", { userText: "Does it have parking?" }, {}, tables);
    expect(frame.inform).toEqual({});
    expect(frame.requests).toContain("parking");
  });
});

describe("what arrives from another domain's facts", () => {
  const hotel: Facts = {
    "hotel.area": "west",
    "hotel.people": "5",
    "hotel.day": "friday",
    "hotel.pricerange": "cheap",
    "hotel.name": "upper mill hotel",
    trail: "hotel",
  };

  it.each<[Domain, string, Record<string, string>]>([
    ["restaurant", "Indian food in the same area as the hotel.", { food: "indian", area: "west" }],
    ["restaurant", "The same price range as my hotel, please.", { pricerange: "cheap" }],
    ["restaurant", "Book it for the same group of people at 19:00 on the same day.", { people: "5", time: "19:00", day: "friday" }],
    ["attraction", "Something close to the hotel.", { area: "west" }],
    ["train", "It should be for the same number of people.", { people: "5" }],
  ])("%s: %s", (domain, text, expected) => {
    const frame = readRules(domain, { userText: text }, hotel, tables);
    expect(frame.inform).toEqual(expected);
    expect(frame.carried.length).toBeGreaterThan(0);
  });

  it("nothing arrives where no fact says it", () => {
    expect(read("restaurant", "In the same area as the hotel, for the same people on the same day.")).toEqual({});
  });

  it("'nearby' takes the area of a place that was only offered from its table", () => {
    expect(read("attraction", "A park near the restaurant?", { "restaurant.offered": "paper crane", trail: "restaurant" })).toEqual({
      type: "park",
      area: "north",
    });
  });

  it("a taxi knows the hotel, the restaurant and the booked time", () => {
    const facts: Facts = {
      "hotel.name": "fern lodge",
      "restaurant.name": "seagrass",
      "restaurant.time": "18:45",
      trail: "restaurant,hotel",
    };
    expect(read("taxi", "I want a taxi from the hotel to the restaurant by the booked time.", facts)).toEqual({
      departure: "fern lodge",
      destination: "seagrass",
      arriveBy: "18:45",
    });
    expect(read("taxi", "A taxi between the two, I leave the restaurant by 22:00.", facts)).toEqual({
      departure: "seagrass",
      destination: "fern lodge",
      leaveAt: "22:00",
    });
    expect(read("taxi", "A taxi to the restaurant, please.", { ...facts, "taxi.leaveAt": "17:00" })).not.toHaveProperty("arriveBy");
    expect(read("taxi", "Yes.", facts, "Will you be going from the restaurant to the hotel?")).toEqual({
      departure: "seagrass",
      destination: "fern lodge",
    });
  });

  it("explicit words win over a reference", () => {
    expect(read("restaurant", "Not the hotel's area, in the south, for 2 people.", hotel)).toMatchObject({ area: "south", people: "2" });
  });
});
