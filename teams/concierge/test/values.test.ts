/** Values in the labels' form: examples, and that normalising twice changes nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearlyEqual, normaliseText } from "../nlu/text.ts";
import { findTimes } from "../nlu/times.ts";
import { dayOf, normaliseValue } from "../nlu/values.ts";
import { ontology, tables } from "./tables.ts";

describe("normaliseValue", () => {
  it.each([
    ["hotel.area", "the center", "centre"],
    ["hotel.type", "Guest House", "guesthouse"],
    ["hotel.type", "b&b", "guesthouse"],
    ["hotel.pricerange", "moderately priced", "moderate"],
    ["restaurant.pricerange", "upscale", "expensive"],
    ["restaurant.food", "portugese", "portuguese"],
    ["restaurant.time", "5:30 pm", "17:30"],
    ["train.leaveAt", "9:05", "09:05"],
    ["train.people", "three", "3"],
    ["hotel.internet", "free", "yes"],
    ["hotel.parking", "none", "no"],
    ["train.day", "teusday", "tuesday"],
    ["hotel.area", "do n't care", "dontcare"],
    ["hotel.name", "Anchor Hotel", "the anchor hotel"],
    ["taxi.destination", "The Blue Lantern", "blue lantern"],
    ["attraction.type", "swimmingpool", "swimming pool"],
  ])("%s: %s is %s", (slot, value, expected) => {
    expect(normaliseValue(ontology, slot, value)).toBe(expected);
  });

  it("is idempotent", () => {
    const slots = [
      "hotel.area",
      "hotel.name",
      "restaurant.food",
      "restaurant.time",
      "train.day",
      "hotel.type",
      "hotel.stars",
      "hotel.parking",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...slots), fc.string(), (slot, value) => {
        const once = normaliseValue(ontology, slot, value);
        expect(normaliseValue(ontology, slot, once)).toBe(once);
      }),
    );
  });

  it("tells every place of a table from every other", () => {
    const venues = [...tables.hotel, ...tables.restaurant, ...tables.attraction];
    for (const { name, domain } of venues) expect(normaliseValue(ontology, `${domain}.name`, name)).toBe(name);
  });
});

describe("texts", () => {
  it("writes one form for many", () => {
    expect(normaliseText("I do n't want a Guest-House in the city CENTER, but wi-fi & a B&B .")).toBe(
      "i don't want a guesthouse in the city centre, but wifi and a bnb .",
    );
  });

  it("never throws and never grows without bound", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(normaliseText(text).length).toBeLessThanOrEqual(text.length * 10 + 10);
      }),
    );
  });

  it("finds times, and takes no number for one", () => {
    expect(findTimes("between 9:15 and 17.45 or 6 pm").map(({ value }) => value)).toEqual(["09:15", "17:45", "18:00"]);
    expect(findTimes("for 4 people and 3 nights")).toEqual([]);
    expect(findTimes("at 25:00")).toEqual([]);
  });

  it("reads days with a slip and nothing else as a day", () => {
    expect(dayOf("on wendesday please")).toBe("wednesday");
    expect(dayOf("thurday")).toBe("thursday");
    expect(dayOf("today or someday in the holiday")).toBeUndefined();
  });

  it("nearlyEqual is symmetric and allows one slip in long words only", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(nearlyEqual(a, b)).toBe(nearlyEqual(b, a));
      }),
    );
    expect(nearlyEqual("restuarant", "restaurant")).toBe(true);
    expect(nearlyEqual("four", "five")).toBe(false);
  });
});
