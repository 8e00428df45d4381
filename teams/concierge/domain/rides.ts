/** The tool of the taxi agent: a car for a journey whose ends and time are known. Pure. */
import { knownFact } from "../nlu/frame.ts";
import { type Answer, bookingReference, type ToolInput } from "./answer.ts";

const QUESTIONS: Readonly<Record<string, string>> = {
  departure: "Where shall the taxi pick you up?",
  destination: "Where shall it take you?",
};

function numberFrom(text: string, bound: number): number {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum = (sum * 31 + text.charCodeAt(at)) % 1_000_003;
  return sum % bound;
}

/** What the agent of taxis answers to a turn: the same journey always gets the same car. */
export function answerTaxi({ facts, tables }: ToolInput): Answer {
  const missing = ["departure", "destination"].filter((slot) => knownFact(facts, `taxi.${slot}`) === undefined);
  const leaveAt = knownFact(facts, "taxi.leaveAt");
  const arriveBy = knownFact(facts, "taxi.arriveBy");
  const questions = missing.map((slot) => QUESTIONS[slot] ?? "");
  if (leaveAt === undefined && arriveBy === undefined) questions.push("At what time would you like to leave, or to be there?");
  if (questions.length > 0) return { output: questions.join(" "), facts: {} };
  const departure = knownFact(facts, "taxi.departure") ?? "";
  const destination = knownFact(facts, "taxi.destination") ?? "";
  const when = leaveAt !== undefined ? `leaves at ${leaveAt}` : `arrives by ${arriveBy ?? ""}`;
  const key = bookingReference("taxi", departure, destination, when);
  const { colours, makes } = tables.taxi;
  const car = `${colours[numberFrom(key, colours.length)] ?? ""} ${makes[numberFrom(`${key}make`, makes.length)] ?? ""}`;
  const phone = `07${String(numberFrom(`${key}phone`, 1_000_000)).padStart(6, "0")}${String(numberFrom(key, 1_000)).padStart(3, "0")}`;
  return {
    output: `A ${car} ${when}, from ${departure} to ${destination}. Its contact number is ${phone}.`,
    facts: { "taxi.car": car, "taxi.phone": phone },
  };
}
