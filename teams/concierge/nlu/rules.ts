/**
 * Reads a turn for one domain by its words alone: ontology, grammar, and the facts of the conversation for what it
 * takes over from other domains. The other half of `oracle.ts`; both give a `Frame`. Pure.
 */
import type { Domain } from "../data/dialogue.ts";
import type { Tables } from "../data/tables.ts";
import { domainsOfReading, partFor } from "./domain-of-turn.ts";
import { ANY, type Facts, type Frame, knownFact } from "./frame.ts";
import { journeyTimes, taxiJourney, trainRoute } from "./journeys.ts";
import { mentionAt, type Reading, readTurn } from "./reading.ts";
import { areaByReference, dayByReference, peopleByReference, priceByReference, trailOf } from "./references.ts";
import * as slots from "./slots.ts";
import { findTimes } from "./times.ts";

const REQUESTS: readonly (readonly [string, RegExp])[] = [
  ["phone", /\b(?:phone|telephone|contact|call them)\b|\btheir number\b/],
  ["address", /\baddress\b|\bwhere (?:is|are) (?:it|they|that)\b|\blocated\b/],
  ["postcode", /\bpost ?codes?\b|\bpostal\b|\bzip/],
  ["fee", /\b(?:entrance|admission|entry|fees?)\b|\bhow much .*\b(?:get in|enter)/],
  ["ref", /\breference\b|\bref\b|\bconfirmation/],
  ["price", /\bprice (?!range)|\bprice[.?!,]|\bprice$|\bcosts?\b|\bhow much\b|\bfare\b/],
  ["duration", /\b(?:travel time|duration|how long|journey time|length of)\b/],
  ["trainID", /\btrain (?:id|number)|\bid\b/],
  ["leaveAt", /\bdeparture time|\bwhat time (?:does|do|will) .*(?:leave|depart)|\bwhen (?:does|do|will) .*(?:leave|depart)/],
  ["arriveBy", /\barrival time|\bwhat time (?:does|do|will|would) .*(?:arrive|get)|\bwhen (?:does|do|will) .*(?:arrive|get)/],
  ["car", /\bcar\b|\bvehicle/],
  ["type", /\bwhat (?:type|kind)\b|\bwhat is the type/],
  ["area", /\bwhat (?:area|part)|\bwhich (?:area|part)|\bin what area|\btell me the area|\barea (?:is|are) (?:it|they|that)/],
  ["pricerange", /\b(?:what|the) (?:is the |is their )?price ?range (?:is|of|\?)|\bwhat price ?range/],
  ["food", /\b(?:what|which) (?:type|kind|sort) of (?:food|cuisine)|\bfood type\b/],
  ["stars", /\bstar rating\?|\bhow many stars/],
  ["internet", /\b(?:do|does|is|have|if|whether)\b[^.]*\b(?:wifi|internet)\b/],
  ["parking", /\b(?:do|does|is|have|if|whether)\b[^.]*\bparking\b/],
  ["openhours", /\b(?:opening hours|open hours|hours|open)\b/],
];

const BOOK = /\b(?:book|booked|booking|reserve|reservation|reservations|make that|purchase|buy)\b/;
const NOT_BOOK =
  /\b(?:no|not|don't|n't) (?:need |want |to |a |any )*(?:book|booking|reservation|reserve)|\bno need\b|\bbefore (?:i|we) book\b/;
const YES =
  /^(?:yes|yeah|yep|yup|sure|ok|okay|please|great|perfect|absolutely|definitely|excellent|awesome|fine|alright|sounds|that (?:sounds|works|would|will|is|one)|that's (?:fine|good|great|perfect)|i'll take|let's|go ahead|works)\b/;
const NO = /^(?:no|nope|nah|not)\b/;

type Informs = Record<string, string>;

interface Draft {
  readonly inform: Informs;
  readonly carried: string[];
}

function put(draft: Draft, slot: string, said: string | undefined, referred?: () => string | undefined): void {
  if (said !== undefined && said !== ANY) {
    draft.inform[slot] = said;
    return;
  }
  const value = referred?.();
  if (value !== undefined) {
    draft.inform[slot] = value;
    draft.carried.push(slot);
  } else if (said !== undefined) draft.inform[slot] = said;
}

/** A name of this domain that the turn is about, not one that only locates something else. */
function ownName(reading: Reading, domain: Domain, masked: string): string | undefined {
  let name: string | undefined;
  for (const match of masked.matchAll(
    new RegExp(`(\\b(?:near|close to|from|than|around|by|like|besides) (?:the )?)?@${domain}\\d+`, "g"),
  )) {
    if (match[1] === undefined) name = mentionAt(reading, match[0])?.name ?? name;
  }
  return name;
}

/** "Yes, book it" takes what was offered, when one thing was. */
function acceptedName(domain: Domain, reading: Reading, facts: Facts, agrees: boolean): string | undefined {
  if (!agrees) return undefined;
  const offered = [...new Set(reading.system.mentions.filter((mention) => mention.kind === domain).map((mention) => mention.name))];
  if (offered.length === 1) return offered[0];
  return offered.length === 0 ? knownFact(facts, `${domain}.offered`) : undefined;
}

/** Who asks for one of these asks about the place that was offered. */
const DETAILS: ReadonlySet<string> = new Set(["phone", "address", "postcode", "fee"]);

type Reader = (draft: Draft, reading: Reading, masked: string, facts: Facts) => void;

function whenAndWho(draft: Draft, domain: Domain, reading: Reading, masked: string, facts: Facts): void {
  const context = { masked, reading };
  put(draft, "day", slots.dayIn(context), () => dayByReference(domain, reading, facts, masked));
  put(draft, "people", slots.peopleIn(context), () => peopleByReference(domain, reading, facts, masked));
}

const readHotel: Reader = (draft, reading, masked, facts) => {
  const context = { masked, reading };
  put(draft, "area", slots.areaIn(context), () => areaByReference("hotel", reading, facts, masked));
  put(draft, "pricerange", slots.priceIn(context), () => priceByReference("hotel", reading, facts, masked));
  put(draft, "stars", slots.starsIn(context));
  put(draft, "type", slots.hotelTypeIn(context));
  put(draft, "internet", slots.facilityIn("internet", context));
  put(draft, "parking", slots.facilityIn("parking", context));
  put(draft, "stay", slots.stayIn(context));
  whenAndWho(draft, "hotel", reading, masked, facts);
};

const readRestaurant: Reader = (draft, reading, masked, facts) => {
  const context = { masked, reading };
  put(draft, "area", slots.areaIn(context), () => areaByReference("restaurant", reading, facts, masked));
  put(draft, "pricerange", slots.priceIn(context), () => priceByReference("restaurant", reading, facts, masked));
  put(draft, "food", slots.foodIn(context));
  put(draft, "time", findTimes(masked).at(-1)?.value);
  whenAndWho(draft, "restaurant", reading, masked, facts);
};

const readAttraction: Reader = (draft, reading, masked, facts) => {
  const context = { masked, reading };
  put(draft, "area", slots.areaIn(context), () => areaByReference("attraction", reading, facts, masked));
  put(draft, "type", slots.attractionTypeIn(context));
};

const readTrain: Reader = (draft, reading, masked, facts) => {
  const route = trainRoute(reading, masked);
  const times = journeyTimes(reading, masked);
  put(draft, "departure", route.departure);
  put(draft, "destination", route.destination);
  put(draft, "leaveAt", times.leaveAt);
  put(draft, "arriveBy", times.arriveBy);
  whenAndWho(draft, "train", reading, masked, facts);
};

const readTaxi: Reader = (draft, reading, masked, facts) => {
  const { carried, ...journey } = taxiJourney(reading, masked, facts);
  Object.assign(draft.inform, journey);
  draft.carried.push(...carried);
};

const READERS: Readonly<Record<Domain, Reader>> = {
  hotel: readHotel,
  restaurant: readRestaurant,
  attraction: readAttraction,
  train: readTrain,
  taxi: readTaxi,
  hospital: (draft, reading) => put(draft, "department", slots.departmentIn(reading)),
  police: () => undefined,
  general: () => undefined,
};

export interface Words {
  readonly userText: string;
  readonly lastSystemText?: string | undefined;
}

/** Reads what a turn says to `domain`. */
export function readRules(domain: Domain, { userText, lastSystemText }: Words, facts: Facts, tables: Tables): Frame {
  const reading = readTurn(tables, userText, lastSystemText);
  const incumbent = trailOf(facts)[0];
  const { domains } = domainsOfReading(reading, incumbent);
  // An agent that was given a turn which the words place elsewhere reads all of it.
  const masked = domains.includes(domain) ? partFor(reading, domain, domains, incumbent) : reading.masked;
  const draft: Draft = { inform: {}, carried: [] };
  READERS[domain](draft, reading, masked, facts);
  const book = BOOK.test(masked) && !NOT_BOOK.test(masked);
  const answer = YES.test(reading.words) ? "yes" : NO.test(reading.words) ? "no" : undefined;
  const requests = REQUESTS.flatMap(([slot, pattern]) => (pattern.test(masked) ? [slot] : []));
  const name =
    ownName(reading, domain, masked) ??
    acceptedName(domain, reading, facts, book || answer === "yes" || requests.some((slot) => DETAILS.has(slot)));
  if (name !== undefined && (domain === "hotel" || domain === "restaurant" || domain === "attraction")) draft.inform["name"] = name;
  return { domain, inform: draft.inform, carried: draft.carried, requests, book, answer };
}
