/**
 * What a turn takes over from another domain: "the same area as the hotel", "for the same group", "near the museum",
 * "from the hotel to the restaurant". The values come from the facts of the committed conversation that the caller
 * hands in, and from nowhere else: this file keeps no state. Pure.
 */
import type { Domain } from "../data/dialogue.ts";
import { type Facts, factText, knownFact } from "./frame.ts";
import type { Mention } from "./ontology.ts";
import { mentionAt, type Reading } from "./reading.ts";

const HOTEL_NOUNS =
  "hotels?|guesthouses?|bnbs?|lodgings?|lodge|accommodations?|inn|place (?:i'm|i am|we're|we are) staying|place to stay|stay|room";
const RESTAURANT_NOUNS = "restaurants?|diner|dinner|lunch|breakfast|brunch|place to (?:eat|dine)|dining|eatery|table|cafe|food|meal";
const ATTRACTION_NOUNS =
  "attractions?|museums?|colleges?|theatres?|cinemas?|galler(?:y|ies)|church|parks?|clubs?|nightclubs?|pools?|swimmingpools?|boats?|architecture|concerthalls?|entertainment|place to (?:go|visit)|places? of interest|sights?";

/** The words for each domain's places, as sources of regular expressions. */
export const NOUNS_OF: Readonly<Record<"hotel" | "restaurant" | "attraction" | "train", string>> = {
  hotel: HOTEL_NOUNS,
  restaurant: RESTAURANT_NOUNS,
  attraction: ATTRACTION_NOUNS,
  train: "trains?|train (?:ride|booking|journey|trip|ticket)s?",
};

type PlaceDomain = "hotel" | "restaurant" | "attraction";
const PLACE_DOMAINS: readonly PlaceDomain[] = ["restaurant", "hotel", "attraction"];

/** The domains in the order in which they were last served, the latest first (fact "trail"). */
export function trailOf(facts: Facts): readonly Domain[] {
  return (factText(facts, "trail") ?? "").split(",").filter((name): name is Domain => name !== "");
}

/** The place that a domain is about: what was last named or offered there, else what the user settled on. */
export function placeIn(facts: Facts, domain: string): string | undefined {
  return knownFact(facts, `${domain}.offered`) ?? knownFact(facts, `${domain}.name`);
}

/** A domain's value of a slot: settled in words, else that of the place it is about. */
export function valueIn(reading: Reading, facts: Facts, domain: string, slot: string): string | undefined {
  const place = placeIn(facts, domain);
  const ofPlace = place === undefined ? undefined : reading.ontology.venues.get(place)?.fields[slot];
  return knownFact(facts, `${domain}.${slot}`) ?? ofPlace;
}

/** The domain that a phrase ("as the hotel", "as my dinner reservation") points to. */
function domainNamed(phrase: string): Domain | undefined {
  for (const [domain, nouns] of Object.entries(NOUNS_OF)) if (new RegExp(`\\b(?:${nouns})\\b`).test(phrase)) return domain as Domain;
  return undefined;
}

function mentionIn(reading: Reading, phrase: string): Mention | undefined {
  const mask = /@(?:hotel|restaurant|attraction)\d+/.exec(phrase);
  return mask ? mentionAt(reading, mask[0]) : undefined;
}

/** Other domains that know a slot, the one served last first. */
function donors(own: Domain, slot: string, reading: Reading, facts: Facts): readonly string[] {
  const order = [...trailOf(facts), ...PLACE_DOMAINS, "train"].filter((domain) => domain !== own);
  return [...new Set(order)].filter((domain) => valueIn(reading, facts, domain, slot) !== undefined);
}

/** Resolves a reference for a slot: by the name in the phrase, by the domain that it names, else by who was last served. */
function resolve(own: Domain, slot: string, phrase: string, reading: Reading, facts: Facts): string | undefined {
  const mention = mentionIn(reading, phrase);
  if (mention && mention.kind !== own) {
    const value = reading.ontology.venues.get(mention.name)?.fields[slot];
    if (value !== undefined) return value;
  }
  const named = domainNamed(phrase);
  if (named && named !== own) {
    const value = valueIn(reading, facts, named, slot);
    if (value !== undefined) return value;
  }
  // "The same area" without a place to compare with is the one already wished for here, if there is one.
  if (knownFact(facts, `${own}.${slot}`) !== undefined) return undefined;
  const first = donors(own, slot, reading, facts)[0];
  return first === undefined ? undefined : valueIn(reading, facts, first, slot);
}

/** The rest of the clause after a match: the place that "the same area as …" names. */
function after(text: string, match: RegExpExecArray): string {
  const rest = text.slice(match.index);
  return rest.split(/[.!?;]/)[0] ?? rest;
}

const SAME_AREA =
  /\b(?:same|similar|that) (?:general )?(?:area|part|side|location|vicinity|neighbou?rhood|section|region|place)\b|\b(?:near(?:by)?|close(?: by)?(?: to)?|next to|around|within walking distance|walking distance|in the vicinity|not far from|not too far|by(?= (?:the |my |our )?(?:@(?:hotel|rest|attr)|hotel|guesthouse|restaurant|museum|college)))\b(?: the| my| our| that| to| of| from)*(?=.*(?:@(?:hotel|restaurant|attraction)|\b(?:hotel|guesthouse|restaurant|museum|college|attraction|theatre|cinema|park|club|there|it|place)\b))|\bnear ?by\b|\bin that area\b|\bsame (?:area|location)?(?:,)? (?:and|price|as)[^.]*\barea\b/;

export function areaByReference(own: Domain, reading: Reading, facts: Facts, masked: string): string | undefined {
  const match = SAME_AREA.exec(masked);
  return match ? resolve(own, "area", after(masked, match), reading, facts) : undefined;
}

const SAME_PRICE =
  /\b(?:same|similar) (?:general )?(?:price|cost|budget)|\bsame (?:area|location) and (?:the )?(?:same )?price|\bsame [^.]*\bprice ?range/;

export function priceByReference(own: Domain, reading: Reading, facts: Facts, masked: string): string | undefined {
  const match = SAME_PRICE.exec(masked);
  return match ? resolve(own, "pricerange", after(masked, match), reading, facts) : undefined;
}

const SAME_DAY =
  /\b(?:same|that|very) (?:exact )?(?:days?|date|night|evening|afternoon)\b|\bsame (?:people|group|party|number|amount|time)[^.]*\b(?:day|date)\b|\bday (?:of|as|that) (?:the|my|our|i|we)\b/;

export function dayByReference(own: Domain, reading: Reading, facts: Facts, masked: string): string | undefined {
  const match = SAME_DAY.exec(masked);
  return match ? resolve(own, "day", after(masked, match), reading, facts) : undefined;
}

const SAME_PEOPLE =
  /\bsame (?:exact )?(?:\w+ )?(?:people|persons?|group|party|number|amount|size|guests|family|travell?ers)\b|\b(?:whole|entire|our|my) (?:group|party)\b|\ball of us\b|\bfor (?:all|everyone|us all|us)\b|\bus all\b|\bsame (?:day|date|area|time)[^.]*\b(?:people|group|party)\b|\b(?:everyone|everybody)\b|\bsame as (?:the|my|our)\b/;

export function peopleByReference(own: Domain, reading: Reading, facts: Facts, masked: string): string | undefined {
  const match = SAME_PEOPLE.exec(masked);
  return match ? resolve(own, "people", after(masked, match), reading, facts) : undefined;
}
