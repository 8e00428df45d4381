/**
 * The tools of the train agent: connections of a route and day after or before a time, their price and duration, and
 * seats on one of them. Pure functions over the timetable.
 */
import type { Tables, Train } from "../data/tables.ts";
import { type Facts, knownFact } from "../nlu/frame.ts";
import { minutesOf } from "../nlu/times.ts";
import { type Answer, bookingReference, type ToolInput } from "./answer.ts";

const QUESTIONS: Readonly<Record<string, string>> = {
  departure: "Where does the journey start?",
  destination: "Where would you like to go?",
  day: "On which day do you travel?",
  when: "At what time would you like to leave, or to be there?",
};

/** The connections that fit; route and day must be known. */
export function searchTrains(facts: Facts, tables: Tables): readonly Train[] {
  const departure = knownFact(facts, "train.departure") ?? "";
  const destination = knownFact(facts, "train.destination") ?? "";
  const day = knownFact(facts, "train.day") ?? "";
  const leaveAt = knownFact(facts, "train.leaveAt");
  const arriveBy = knownFact(facts, "train.arriveBy");
  const sameRoute = tables.trainsByRoute.get(`${departure}|${destination}|${day}`) ?? [];
  return sameRoute.filter((train) => {
    if (leaveAt !== undefined && minutesOf(train.leaveAt) < minutesOf(leaveAt)) return false;
    // A train that arrives after midnight arrives before it left, by the clock.
    const arrival = minutesOf(train.arriveBy) + (train.arriveBy < train.leaveAt ? 1_440 : 0);
    return arriveBy === undefined || arrival <= minutesOf(arriveBy);
  });
}

/** Leaving after a time the first train is best, arriving by a time the last one is. */
function bestTrain(matches: readonly Train[], facts: Facts): Train | undefined {
  return knownFact(facts, "train.arriveBy") !== undefined && knownFact(facts, "train.leaveAt") === undefined ? matches.at(-1) : matches[0];
}

/** What the agent of trains answers to a turn. */
export function answerTrain({ frame, facts, tables }: ToolInput): Answer {
  const missing = ["departure", "destination", "day"].filter((slot) => knownFact(facts, `train.${slot}`) === undefined);
  if (missing.length > 0) return { output: missing.map((slot) => QUESTIONS[slot] ?? "").join(" "), facts: {} };
  const matches = searchTrains(facts, tables);
  const found = { "train.found": String(matches.length) };
  const train = bestTrain(matches, facts);
  if (!train) return { output: "No train runs like that. Would another time or day do?", facts: found };
  const timed = knownFact(facts, "train.leaveAt") ?? knownFact(facts, "train.arriveBy");
  if (timed === undefined && !frame.book && frame.requests.length === 0)
    return { output: `${matches.length} trains run that day. ${QUESTIONS["when"] ?? ""}`, facts: found };
  const details = `${train.trainID} leaves ${train.departure} at ${train.leaveAt} and arrives in ${train.destination} at ${train.arriveBy}; it takes ${train.duration} and costs ${train.price} a seat.`;
  if (!frame.book) return { output: `${details} Shall I book it?`, facts: { ...found, "train.trainID": train.trainID } };
  const people = knownFact(facts, "train.people");
  if (people === undefined)
    return { output: `${details} For how many people shall I book?`, facts: { ...found, "train.trainID": train.trainID } };
  const ref = bookingReference("train", train.trainID, train.day, people);
  return {
    output: `I booked ${people} seats. ${details} The reference is ${ref}.`,
    facts: { ...found, "train.trainID": train.trainID, "train.ref": ref },
  };
}
