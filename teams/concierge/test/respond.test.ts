/** One step of an agent as a function: what it settles, that it repeats itself exactly, and that it has no memory. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DOMAINS } from "../data/dialogue.ts";
import { respond } from "../domain/respond.ts";
import { searchTrains } from "../domain/trains.ts";
import { searchVenues } from "../domain/venues.ts";
import { tables } from "./tables.ts";

describe("respond", () => {
  it("carries a party, a day and a place from the hotel through the restaurant to the taxi", () => {
    let facts: Readonly<Record<string, string>> = {};
    const turn = (domain: (typeof DOMAINS)[number], userText: string, lastSystemText?: string): string => {
      const response = respond(domain, { userText, lastSystemText, facts }, tables);
      facts = { ...facts, ...response.facts };
      return response.output;
    };
    turn("hotel", "A moderate hotel in the north.");
    const booked = turn("hotel", "Book it for 4 people and 2 nights from Friday.", "Willow Court Hotel fits.");
    expect(booked).toContain(facts["hotel.ref"]);
    turn("restaurant", "British food in the same area as the hotel.", booked);
    turn("restaurant", "A table for the same group on the same day at 19:15.", "The Tin Spoon is in the north.");
    turn("taxi", "A taxi from the hotel to the restaurant by the booked time.", "Your table is booked.");
    expect(facts).toMatchObject({
      "hotel.name": "willow court hotel",
      "restaurant.area": "north",
      "restaurant.people": "4",
      "restaurant.day": "friday",
      "taxi.departure": "willow court hotel",
      "taxi.destination": "the tin spoon",
      "taxi.arriveBy": "19:15",
      trail: "taxi,restaurant,hotel",
    });
  });

  it("gives the same result for the same input and leaves its input alone", () => {
    const text = fc.stringMatching(/^[a-zA-Z0-9 .,?']{0,80}$/);
    fc.assert(
      fc.property(
        fc.constantFrom(...DOMAINS),
        text,
        text,
        fc.dictionary(fc.constantFrom("hotel.area", "hotel.people", "restaurant.name", "trail"), text),
        (domain, userText, lastSystemText, facts) => {
          const before = structuredClone(facts);
          const first = respond(domain, { userText, lastSystemText, facts }, tables);
          expect(respond(domain, { userText, lastSystemText, facts }, tables)).toEqual(first);
          expect(facts).toEqual(before);
          for (const value of Object.values(first.facts)) expect(typeof value).toBe("string");
        },
      ),
    );
  });

  it("ignores facts that are no text", () => {
    const response = respond("hotel", { userText: "In the same area.", facts: { "restaurant.area": { nested: true }, trail: 7 } }, tables);
    expect(response.frame.inform).toEqual({});
  });

  it("gold acts take the place of words under the oracle", () => {
    const response = respond(
      "hotel",
      { userText: "hm", facts: {}, acts: [{ domain: "hotel", intent: "inform", slot: "area", value: "Center" }] },
      tables,
    );
    expect(response.facts["hotel.area"]).toBe("centre");
  });
});

describe("searches against a dumb second version", () => {
  it("finds the venues that satisfy each constraint", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("north", "east", "centre", "dontcare"),
        fc.constantFrom("cheap", "moderate", "expensive"),
        (area, pricerange) => {
          const found = searchVenues("hotel", { "hotel.area": area, "hotel.pricerange": pricerange }, tables);
          const expected = tables.hotel.filter(
            (row) => (area === "dontcare" || row.fields["area"] === area) && row.fields["pricerange"] === pricerange,
          );
          expect(found).toEqual(expected);
        },
      ),
    );
  });

  it("finds the trains of a route within the times", () => {
    const facts = {
      "train.departure": "alderbury",
      "train.destination": "wexcombe",
      "train.day": "monday",
      "train.leaveAt": "09:00",
      "train.arriveBy": "16:00",
    };
    const expected = tables.train.filter(
      (row) =>
        row.departure === "alderbury" &&
        row.destination === "wexcombe" &&
        row.day === "monday" &&
        row.leaveAt >= "09:00" &&
        row.arriveBy <= "16:00",
    );
    expect(searchTrains(facts, tables)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(1);
  });
});
