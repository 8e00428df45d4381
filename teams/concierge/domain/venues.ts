/**
 * The tools of hotel, restaurant and attraction: search by what is known, describe, answer what was asked, book. Pure
 * functions over the tables; a booking is a reference made from its inputs.
 */
import type { Tables, Venue } from "../data/tables.ts";
import { type Facts, factText, knownFact } from "../nlu/frame.ts";
import { type Answer, bookingReference, listed, type ToolInput } from "./answer.ts";

type VenueDomain = Venue["domain"];

const CONSTRAINTS: Readonly<Record<VenueDomain, readonly string[]>> = {
  hotel: ["area", "pricerange", "stars", "type", "internet", "parking"],
  restaurant: ["area", "pricerange", "food"],
  attraction: ["area", "type"],
};

/** What must be known before a place can be booked; attractions are not booked. */
const BOOKING: Readonly<Record<VenueDomain, readonly string[]>> = {
  hotel: ["people", "day", "stay"],
  restaurant: ["people", "day", "time"],
  attraction: [],
};

const QUESTIONS: Readonly<Record<string, string>> = {
  area: "Which part of town would you like?",
  pricerange: "What price range do you have in mind?",
  food: "What kind of food would you like?",
  type: "What kind of place are you looking for?",
  stars: "How many stars should it have?",
  people: "For how many people?",
  day: "Starting on which day?",
  stay: "For how many nights?",
  time: "At what time?",
};

const LABELS: Readonly<Record<string, string>> = {
  fee: "entrance fee",
  internet: "internet",
  parking: "parking",
  stars: "number of stars",
  pricerange: "price range",
  openhours: "opening hours",
};

/** More matches than this are narrowed down by a question before one is recommended. */
const MATCHES_TO_OFFER_MAX = 10;

function satisfies(venue: Venue, slot: string, wanted: string): boolean {
  const value = venue.fields[slot];
  if (slot === "type" && venue.domain === "attraction" && wanted === "church")
    return value === "architecture" && venue.name.includes("church");
  if (slot === "parking" || slot === "internet") return wanted === "no" || value === wanted;
  return value === wanted;
}

/** The rows that satisfy every known constraint. */
export function searchVenues(domain: VenueDomain, facts: Facts, tables: Tables): readonly Venue[] {
  const wishes = CONSTRAINTS[domain].flatMap((slot) => {
    const wanted = knownFact(facts, `${domain}.${slot}`);
    return wanted === undefined ? [] : [{ slot, wanted }];
  });
  return tables[domain].filter((venue) => wishes.every(({ slot, wanted }) => satisfies(venue, slot, wanted)));
}

function chosenVenue(domain: VenueDomain, { frame, facts, tables }: ToolInput): Venue | undefined {
  const name =
    frame.inform["name"] ??
    (frame.requests.length > 0 || frame.book || frame.answer === "yes" ? knownFact(facts, `${domain}.offered`) : undefined);
  return name === undefined ? undefined : tables[domain].find((venue) => venue.name === name);
}

function describe(venue: Venue): string {
  const { area, food, stars, type, pricerange, address } = venue.fields;
  const kind =
    venue.domain === "hotel"
      ? `a ${stars ?? "0"} star ${type ?? "hotel"}`
      : venue.domain === "restaurant"
        ? `a ${food ?? ""} restaurant`.replace("  ", " ")
        : `a ${type ?? "place"}`;
  const price = pricerange !== undefined && venue.domain !== "attraction" ? `, ${pricerange}` : "";
  return `${venue.name} is ${kind} in the ${area ?? "town"}${price}${address === undefined ? "" : `, at ${address}`}.`;
}

function requested(venue: Venue, requests: readonly string[]): string {
  const parts = requests.flatMap((slot) => {
    if (slot === "ref") return [];
    const value = venue.fields[slot];
    const label = LABELS[slot] ?? slot;
    if (slot === "internet" || slot === "parking") return [value === "yes" ? `it has ${label}` : `it has no ${label}`];
    return [value === undefined ? `I don't have its ${label}` : `its ${label} is ${value}`];
  });
  return parts.length === 0 ? "" : `As for ${venue.name}: ${listed(parts)}.`;
}

function book(domain: VenueDomain, venue: Venue, facts: Facts): Answer {
  const missing = BOOKING[domain].filter((slot) => knownFact(facts, `${domain}.${slot}`) === undefined);
  if (missing.length > 0) return { output: missing.map((slot) => QUESTIONS[slot] ?? "").join(" "), facts: {} };
  const details = BOOKING[domain].map((slot) => knownFact(facts, `${domain}.${slot}`) ?? "");
  const ref = bookingReference(domain, venue.name, ...details);
  const [people = "", day = "", last = ""] = details;
  const when = domain === "hotel" ? `for ${last} nights from ${day}` : `on ${day} at ${last}`;
  return { output: `I booked ${venue.name} for ${people} people ${when}. The reference is ${ref}.`, facts: { [`${domain}.ref`]: ref } };
}

function offer(domain: VenueDomain, facts: Facts, tables: Tables): Answer {
  const matches = searchVenues(domain, facts, tables);
  const found = { [`${domain}.found`]: String(matches.length) };
  const [first] = matches;
  if (!first) return { output: `I found no ${domain} like that. Would you like to change the area, the kind or the price?`, facts: found };
  const open = CONSTRAINTS[domain].find((slot) => QUESTIONS[slot] !== undefined && factText(facts, `${domain}.${slot}`) === undefined);
  if (matches.length > MATCHES_TO_OFFER_MAX && open !== undefined)
    return { output: `There are ${matches.length} that fit. ${QUESTIONS[open] ?? ""}`, facts: found };
  const closing = domain === "attraction" ? "Would you like to know more about it?" : "Shall I book it for you?";
  return {
    output: `${matches.length === 1 ? "There is one that fits:" : `${matches.length} fit, I recommend this one:`} ${describe(first)} ${closing}`,
    facts: found,
  };
}

/** What a place's agent answers to a turn. */
export function answerVenue(domain: VenueDomain, input: ToolInput): Answer {
  const { frame, facts, tables } = input;
  const venue = chosenVenue(domain, input);
  if (!venue) return offer(domain, facts, tables);
  const answered = requested(venue, frame.requests);
  const wantsBooking = frame.book || (frame.answer === "yes" && BOOKING[domain].some((slot) => frame.inform[slot] !== undefined));
  if (wantsBooking && BOOKING[domain].length > 0) {
    const booking = book(domain, venue, facts);
    return { output: [booking.output, answered].filter((part) => part !== "").join(" "), facts: booking.facts };
  }
  return {
    output: answered === "" ? `${describe(venue)} ${domain === "attraction" ? "Shall I tell you more?" : "Shall I book it?"}` : answered,
    facts: {},
  };
}
