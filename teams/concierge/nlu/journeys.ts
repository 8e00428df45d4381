/**
 * Where and when a train or a taxi goes. A train runs between stations, a taxi between places that may be named ("to
 * the Fez"), described ("from the hotel") or meant ("between the two"); the latter two are taken from the facts that
 * the caller hands in. Pure.
 */
import type { Facts } from "./frame.ts";
import { ANY, factText, knownFact } from "./frame.ts";
import { mentionAt, type Reading } from "./reading.ts";
import { NOUNS_OF, placeIn, trailOf } from "./references.ts";
import { anyFor } from "./slots.ts";
import { findTimes, type TimeMention } from "./times.ts";

export interface Journey {
  departure?: string;
  destination?: string;
  leaveAt?: string;
  arriveBy?: string;
  /** Slots that were taken from other domains' facts. */
  carried: string[];
}

const STATION = "(@station\\d+)";
const FROM =
  "(?:from|out of|depart(?:s|ing|ure)?(?: (?:from|is|at|in|station|site|will be|location))*|leav(?:e|es|ing)(?: (?:from|at|in))?|start(?:s|ing)? (?:from|in)|originat\\w+ (?:from|in)|coming (?:in )?from|pick(?:ed)? (?:me |us )?up (?:at|from|in))";
const TO =
  "(?:to|into|in to|towards?|for|arriv(?:e|es|ing)(?: (?:in|at|to))?|destination (?:is|of|will be|:)?|going (?:to|into)|get(?:ting)? (?:in )?to|reach(?:es|ing)?|goes to|go to|heading (?:to|for)|head(?:ing)? into|in|visit(?:ing)?)";

function stationName(reading: Reading, mask: string | undefined): string | undefined {
  return mask === undefined ? undefined : mentionAt(reading, mask)?.name;
}

/** Departure and destination of a train. */
export function trainRoute(reading: Reading, masked: string): { departure?: string; destination?: string } {
  const route: { departure?: string; destination?: string } = {};
  const put = (slot: "departure" | "destination", mask: string | undefined): void => {
    const name = stationName(reading, mask);
    if (name !== undefined && route[slot] === undefined && name !== route.departure && name !== route.destination) route[slot] = name;
  };
  const pair =
    new RegExp(`${STATION}(?: station)? (?:and going |and |going |heading |travell?ing )?to (?:go to )?${STATION}`).exec(masked) ??
    new RegExp(`between ${STATION} and ${STATION}`).exec(masked);
  put("departure", pair?.[1]);
  put("destination", pair?.[2]);
  for (const match of masked.matchAll(new RegExp(`\\b${FROM} (?:the )?${STATION}`, "g"))) put("departure", match[1]);
  for (const match of masked.matchAll(
    new RegExp(`\\b(?<!(?:leaving|departing|depart|departure|leave|place) )${TO} (?:the )?${STATION}`, "g"),
  ))
    put("destination", match[1]);
  const bare = [...masked.matchAll(/@station\d+/g)].map((match) => match[0]);
  if (bare.length === 1 && route.departure === undefined && route.destination === undefined) {
    const wantsTo = reading.asked.has("destination");
    const wantsFrom = reading.asked.has("departure");
    if (wantsTo !== wantsFrom) put(wantsTo ? "destination" : "departure", bare[0]);
  }
  return route;
}

const LEAVE = /\b(?:leav\w*|depart\w*|after|pick(?:ed)? ?(?:me |us |you )?up|pick ?up|start\w*|get out|set off|from)\b/g;
const ARRIVE =
  /\b(?:arriv\w*|get (?:me |us )?(?:there|in|to|here|back)|gets? (?:there|in)|be (?:there|in|at)|reach\w*|there by|make it|in time|no later|before|drop\w*)\b/g;

function lastAt(pattern: RegExp, text: string): number {
  let at = -1;
  for (const match of text.matchAll(pattern)) at = match.index;
  return at;
}

/** Whether a time says when to leave or when to arrive: by the last verb before it, else by what was asked. */
export function roleOfTime(masked: string, time: TimeMention, asked: ReadonlySet<string>): "leaveAt" | "arriveBy" {
  const from =
    Math.max(masked.lastIndexOf(".", time.start - 3), masked.lastIndexOf("?", time.start), masked.lastIndexOf("!", time.start)) + 1;
  const before = masked.slice(from, time.start);
  const leave = lastAt(LEAVE, before.replace(/\bfrom (?:@|the|my|our|there|here)/g, ""));
  const arrive = lastAt(ARRIVE, before);
  if (leave >= 0 && leave > arrive && !(/\bbefore $/.test(before) && arrive >= 0)) return "leaveAt";
  if (arrive >= 0) return "arriveBy";
  const behind = masked.slice(time.end, time.end + 40);
  if (/^[^.?!]*\b(?:arriv|get there)/.test(behind)) return "arriveBy";
  if (asked.has("arriveBy") !== asked.has("leaveAt")) return asked.has("arriveBy") ? "arriveBy" : "leaveAt";
  return /\bby (?:about |around )?$/.test(before) ? "arriveBy" : "leaveAt";
}

export function journeyTimes(reading: Reading, masked: string): { leaveAt?: string; arriveBy?: string } {
  const times: { leaveAt?: string; arriveBy?: string } = {};
  for (const time of findTimes(masked)) {
    const role = roleOfTime(masked, time, reading.asked);
    times[role] = time.value;
  }
  if (times.leaveAt === undefined && times.arriveBy === undefined) {
    for (const slot of ["leaveAt", "arriveBy"] as const) {
      const any = anyFor(
        slot,
        slot === "leaveAt" ? /\b(?:departure|leave|leaving) ?time|\btime\b/ : /\barriv\w* ?time|\btime\b/,
        masked,
        reading,
      );
      if (any === ANY) {
        times[slot] = ANY;
        break;
      }
    }
  }
  return times;
}

const PLACE_NOUN = `(?:${NOUNS_OF.hotel}|${NOUNS_OF.restaurant}|${NOUNS_OF.attraction})`;
const PLACE = `((?:@(?:hotel|restaurant|attraction|station)\\d+)|(?:(?:the|my|our|that|this|your|their|said|it's|booked|its) )*(?:\\w+ )?(?:${PLACE_NOUN})\\b|there\\b|here\\b)`;

type Resolved = { readonly name: string; readonly carried: boolean };

function placeNamed(reading: Reading, facts: Facts, phrase: string | undefined): Resolved | undefined {
  if (phrase === undefined) return undefined;
  const mask = /@\w+\d+/.exec(phrase);
  if (mask) {
    const name = mentionAt(reading, mask[0])?.name;
    return name === undefined ? undefined : { name, carried: false };
  }
  for (const domain of ["hotel", "restaurant", "attraction"] as const) {
    if (!new RegExp(`\\b(?:${NOUNS_OF[domain]})\\b`).test(phrase)) continue;
    const name = placeIn(facts, domain);
    return name === undefined ? undefined : { name, carried: true };
  }
  return undefined;
}

/** The places of the conversation, that of the domain served last first. */
function placesOfTrip(facts: Facts): readonly string[] {
  const order = [...new Set([...trailOf(facts), "restaurant", "attraction", "hotel"])];
  return order.filter((domain) => domain !== "taxi" && domain !== "train").flatMap((domain) => placeIn(facts, domain) ?? []);
}

const TAXI_FROM =
  "(?:from|leav(?:e|es|ing)(?: from)?|depart(?:s|ing)?(?: from)?|pick(?:s|ed)? (?:me |us )?up (?:at|from|in)|pick ?up (?:is |at |from )*|out of|departure (?:is|will be|point is)|away from|picked up (?:at|from))";
const TAXI_TO =
  "(?:to|arriv(?:e|es|ing) (?:at|to|in)?|back to|into|destination (?:is|will be)|towards?|reach|get (?:me |us )?to|take (?:me|us) to|for|get at|at)";

function firstPlace(reading: Reading, facts: Facts, masked: string, verbs: string): Resolved | undefined {
  for (const match of masked.matchAll(new RegExp(`\\b${verbs} ${PLACE}`, "g"))) {
    const place = placeNamed(reading, facts, match[1]);
    if (place) return place;
  }
  return undefined;
}

const BOOKED_TIME =
  /\b(?:booked|booking|reservation|reserved|dinner|lunch|table|same)(?: \w+)? (?:time|reservation)|\b(?:for|before|by|with|on time for|in time for) (?:the|my|our|that|this) (?:\w+ )?(?:booking|reservation)|\btime (?:that )?(?:my|our|the) (?:\w+ )?(?:booking|reservation)|\bin time\b|\b(?:by|for|before|in time for|time for) (?:the|my|our) (?:\w+ )?(?:booking|reservation|dinner|lunch|meal|table)|\bon time for|\bin time for|\btime (?:of|for) (?:the|my|our) (?:booking|reservation|dinner|lunch)/;

/** A taxi's journey: named places first, then described ones, then the other end of a journey with one known end. */
export function taxiJourney(reading: Reading, masked: string, facts: Facts): Journey {
  const journey: Journey = { ...journeyTimes(reading, masked), carried: [] };
  const put = (slot: "departure" | "destination", place: Resolved | undefined): void => {
    if (!place || journey[slot] !== undefined || place.name === journey.departure || place.name === journey.destination) return;
    journey[slot] = place.name;
    if (place.carried) journey.carried.push(slot);
  };
  const between = new RegExp(`\\bbetween ${PLACE} and ${PLACE}`).exec(masked);
  put("departure", firstPlace(reading, facts, masked, TAXI_FROM));
  put("destination", firstPlace(reading, facts, masked, TAXI_TO));
  if (between) {
    const ends = [placeNamed(reading, facts, between[1]), placeNamed(reading, facts, between[2])];
    if (ends[1]?.name === journey.departure) ends.reverse();
    put("departure", ends[0]);
    put("destination", ends[1]);
  }
  bareAnswer(reading, masked, put);
  if (/^(?:yes|yeah|yep|sure|correct|right|exactly)\b/.test(masked) && journey.departure === undefined && journey.destination === undefined)
    confirmedEnds(reading, facts, put);
  otherEnd(journey, facts, put);
  if (journey.arriveBy === undefined && journey.leaveAt === undefined) bookedTime(journey, masked, facts);
  return journey;
}

/** "By the booked time", or a ride to the booked table of which no time was said: to be there when it is taken. */
function bookedTime(journey: Journey, masked: string, facts: Facts): void {
  const booked = knownFact(facts, "restaurant.time");
  const timed = factText(facts, "taxi.leaveAt") ?? factText(facts, "taxi.arriveBy");
  const toTheTable = timed === undefined && journey.destination !== undefined && journey.destination === placeIn(facts, "restaurant");
  if (booked === undefined || !(BOOKED_TIME.test(masked) || toTheTable)) return;
  journey.arriveBy = booked;
  journey.carried.push("arriveBy");
}

type Put = (slot: "departure" | "destination", place: Resolved | undefined) => void;

/** A name without a verb answers the question that was asked. */
function bareAnswer(reading: Reading, masked: string, put: Put): void {
  const named = [...masked.matchAll(/@\w+\d+/g)].flatMap((match) => mentionAt(reading, match[0])?.name ?? []);
  const [first, second] = named;
  const asksFrom = reading.asked.has("departure");
  const asksTo = reading.asked.has("destination");
  if (first === undefined || second !== undefined) return;
  if (asksFrom && !asksTo) put("departure", { name: first, carried: false });
  else put("destination", { name: first, carried: false });
}

/** "Yes" to "from the museum to the restaurant?" says what the question said. */
function confirmedEnds(reading: Reading, facts: Facts, put: Put): void {
  const question = reading.system.masked.split(/(?<=[.!?])\s+/).findLast((sentence) => sentence.includes("?")) ?? "";
  const asked = { ...reading, mentions: reading.system.mentions };
  put("departure", firstPlace(asked, facts, question, TAXI_FROM));
  put("destination", firstPlace(asked, facts, question, TAXI_TO));
}

/**
 * A journey with one known end has its other end at the other place of the conversation. Which of two places is meant
 * as the start of "between the two" nobody said yet: that is left to the next turn.
 */
function otherEnd(journey: Journey, facts: Facts, put: Put): void {
  const missing = journey.departure === undefined ? "departure" : journey.destination === undefined ? "destination" : undefined;
  const known = missing === "departure" ? journey.destination : journey.departure;
  if (missing === undefined || known === undefined || knownFact(facts, `taxi.${missing}`) !== undefined) return;
  const other = placesOfTrip(facts).find((name) => name !== known);
  if (other !== undefined) put(missing, { name: other, carried: true });
}
