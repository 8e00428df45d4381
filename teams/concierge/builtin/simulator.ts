/**
 * The project's own user simulator: it writes the built-in conversations, sentence by sentence, with the labels of the
 * recorded data. A scenario is an order of domains; where two domains may share something (the party, the day, the
 * area, the places of a ride) the user says so by reference, and the label has the value. Deterministic by seed.
 *
 * B1: every sentence here is the project's own. B2: the state after a turn holds everything said so far.
 */
import type { Dialogue, Domain, GoldAct, Turn } from "../data/dialogue.ts";
import { buildTables, type Tables } from "../data/tables.ts";
import { type Random, seededRandom } from "./random.ts";
import { builtinTables } from "./tables.ts";

export const BUILTIN_SEED = 20_261_124;

/** Orders of domains, 0 to 4 switches; each is written several times with other wishes and wordings. */
const SCENARIOS: readonly (readonly Domain[])[] = [
  ["hotel"],
  ["restaurant"],
  ["train"],
  ["hotel", "restaurant"],
  ["restaurant", "hotel"],
  ["train", "hotel"],
  ["restaurant", "attraction"],
  ["hotel", "restaurant", "taxi"],
  ["attraction", "restaurant", "taxi"],
  ["train", "hotel", "restaurant", "taxi"],
  ["hotel", "attraction", "restaurant", "taxi", "train"],
  ["hospital", "taxi"],
  ["police", "hotel"],
];
const ROUNDS = 3;

/** A conversation in the making. */
interface Writer {
  readonly random: Random;
  readonly tables: Tables;
  readonly state: Record<string, string>;
  readonly turns: Turn[];
  readonly served: Domain[];
}

type Slots = Readonly<Record<string, string>>;

function say(
  writer: Writer,
  domain: Domain,
  user: string,
  inform: Slots,
  requests: readonly string[],
  system: string,
  offers: Slots = {},
): void {
  for (const [slot, value] of Object.entries(inform)) writer.state[`${domain}.${slot}`] = value;
  const acts = (slots: Slots): GoldAct[] => Object.entries(slots).map(([slot, value]) => ({ domain, intent: "inform", slot, value }));
  writer.turns.push({
    user,
    system,
    gold: {
      userActs: [...acts(inform), ...requests.map((slot): GoldAct => ({ domain, intent: "request", slot, value: "?" }))],
      systemActs: acts(offers),
      state: { ...writer.state },
    },
  });
}

/** The domain served before that settled a slot, the latest first. */
function donor(writer: Writer, slot: string): Domain | undefined {
  return writer.served.findLast((domain) => writer.state[`${domain}.${slot}`] !== undefined);
}

function partyPhrase(writer: Writer): { words: string; people: string } {
  const from = donor(writer, "people");
  if (from && writer.random.chance(70))
    return {
      words: writer.random.pick(["the same group of people", "the same party as before", `the same number of people as for the ${from}`]),
      people: writer.state[`${from}.people`] ?? "",
    };
  const people = String(2 + writer.random.below(6));
  return { words: `${people} people`, people };
}

function dayPhrase(writer: Writer): { words: string; day: string } {
  const from = donor(writer, "day");
  if (from && writer.random.chance(70))
    return {
      words: writer.random.pick(["on the same day", `on the same day as the ${from} booking`]),
      day: writer.state[`${from}.day`] ?? "",
    };
  const day = writer.random.pick(["monday", "wednesday", "friday", "saturday"]);
  return { words: `on ${day[0]?.toUpperCase()}${day.slice(1)}`, day };
}

function areaPhrase(writer: Writer, wanted: string): { words: string; area: string } {
  const from = donor(writer, "area");
  if (from && writer.random.chance(75))
    return {
      words: writer.random.pick([`in the same area as the ${from}`, `close to the ${from}`, `in the same part of town as the ${from}`]),
      area: writer.state[`${from}.area`] ?? "",
    };
  return { words: wanted === "centre" ? "in the centre" : `in the ${wanted} of town`, area: wanted };
}

function hotelScene(writer: Writer): void {
  const { random, tables } = writer;
  const hotel = random.pick(tables.hotel);
  const { words, area } = areaPhrase(writer, hotel.fields["area"] ?? "centre");
  const match = tables.hotel.find((row) => row.fields["area"] === area) ?? hotel;
  const price = match.fields["pricerange"] ?? "moderate";
  say(
    writer,
    "hotel",
    random.pick([
      `I need somewhere to sleep ${words}, nothing but ${price} please.`,
      `Which ${price} hotels do you have ${words}?`,
      `Please find us a ${price} room ${words}.`,
    ]),
    { area, pricerange: price },
    [],
    `There is ${match.name}, with ${match.fields["stars"]} stars. Shall I book it?`,
    { name: match.name },
  );
  const party = partyPhrase(writer);
  const day = dayPhrase(writer);
  const stay = String(2 + random.below(4));
  say(
    writer,
    "hotel",
    `Yes, book it for ${party.words} and ${stay} nights starting ${day.words}.`,
    { name: match.name, people: party.people, stay, day: day.day },
    ["ref"],
    `${match.name} is booked for you. Your reference is ${reference(random)}.`,
    { name: match.name },
  );
}

function restaurantScene(writer: Writer): void {
  const { random, tables } = writer;
  const wish = random.pick(tables.restaurant);
  const { words, area } = areaPhrase(writer, wish.fields["area"] ?? "centre");
  const match = tables.restaurant.find((row) => row.fields["area"] === area) ?? wish;
  const food = match.fields["food"] ?? "british";
  say(
    writer,
    "restaurant",
    random.pick([
      `We would love ${food} food ${words}.`,
      `Is there a restaurant ${words} with a ${food} kitchen?`,
      `Where can we eat ${food} dishes ${words}?`,
    ]),
    { area, food },
    [],
    `How about ${match.name}? It is ${match.fields["pricerange"]}.`,
    { name: match.name },
  );
  const party = partyPhrase(writer);
  const day = dayPhrase(writer);
  const time = `${12 + random.below(9)}:${random.pick(["00", "15", "30", "45"])}`;
  say(
    writer,
    "restaurant",
    `Sounds lovely, reserve a table for ${party.words} at ${time} ${day.words}.`,
    { name: match.name, people: party.people, day: day.day, time },
    ["ref"],
    `Done, ${match.name} expects you. Reference ${reference(random)}.`,
    { name: match.name },
  );
}

function attractionScene(writer: Writer): void {
  const { random, tables } = writer;
  const wish = random.pick(tables.attraction);
  const { words, area } = areaPhrase(writer, wish.fields["area"] ?? "centre");
  const match = tables.attraction.find((row) => row.fields["area"] === area) ?? wish;
  say(
    writer,
    "attraction",
    random.pick([
      `What is there to see ${words}?`,
      `We also want to visit an attraction ${words}.`,
      `Any attractions ${words} worth an afternoon?`,
    ]),
    { area },
    [],
    `People like ${match.name}.`,
    { name: match.name },
  );
  say(
    writer,
    "attraction",
    random.pick(["What does the entrance cost, and what is the postcode?", "Give me its phone number and the entrance fee."]),
    {},
    ["fee"],
    `The entrance fee of ${match.name} is ${match.fields["fee"]}.`,
    { name: match.name },
  );
}

function trainScene(writer: Writer): void {
  const { random, tables } = writer;
  const station = random.pick(tables.stations.filter((name) => name !== tables.town));
  const outward = random.chance(50);
  const departure = outward ? tables.town : station;
  const destination = outward ? station : tables.town;
  const day = dayPhrase(writer);
  const time = `${8 + random.below(10)}:30`.padStart(5, "0");
  say(
    writer,
    "train",
    random.pick([
      `I need a train from ${departure} to ${destination} ${day.words}.`,
      `Is there a train ${day.words} that goes from ${departure} to ${destination}?`,
    ]),
    { departure, destination, day: day.day },
    [],
    "When would you like to leave?",
  );
  say(
    writer,
    "train",
    random.pick([`We want to leave after ${time}.`, `Any time after ${time}.`]),
    { leaveAt: time },
    ["duration"],
    "There is one soon after that. For how many people shall I book?",
  );
  const party = partyPhrase(writer);
  say(
    writer,
    "train",
    `Book it for ${party.words}, please.`,
    { people: party.people },
    ["ref"],
    `Your seats are booked, reference ${reference(random)}.`,
  );
}

function taxiScene(writer: Writer): void {
  const { random, state } = writer;
  const places = writer.served
    .filter((domain) => state[`${domain}.name`] !== undefined || lastOffer(writer, domain) !== undefined)
    .slice(-2);
  const [first, second] = places;
  const time = `${7 + random.below(14)}:15`.padStart(5, "0");
  const nameOf = (domain: Domain): string => state[`${domain}.name`] ?? lastOffer(writer, domain) ?? "";
  if (first && second) {
    say(
      writer,
      "taxi",
      random.pick([
        `I want a taxi from the ${first} to the ${second}, leaving at ${time}.`,
        `Please send a taxi that takes us from the ${first} to the ${second}. We leave at ${time}.`,
      ]),
      { departure: nameOf(first), destination: nameOf(second), leaveAt: time },
      ["car"],
      "A blue volvo will pick you up, phone 07999000111.",
    );
    return;
  }
  const hotel = random.pick(writer.tables.hotel).name;
  const goal = random.pick(writer.tables.restaurant).name;
  say(
    writer,
    "taxi",
    `Now I need a taxi from ${hotel} to ${goal}, to arrive by ${time}.`,
    { departure: hotel, destination: goal, arriveBy: time },
    ["car"],
    "A white skoda is on its way, phone 07999000222.",
  );
}

function lastOffer(writer: Writer, domain: Domain): string | undefined {
  return writer.turns.flatMap(({ gold }) => gold.systemActs).findLast((act) => act.domain === domain && act.slot === "name")?.value;
}

function hospitalScene(writer: Writer): void {
  say(
    writer,
    "hospital",
    writer.random.pick([
      "My friend fell badly, which number has the emergency department of the hospital?",
      "How do I reach the cardiology ward of the hospital?",
    ]),
    {},
    ["phone"],
    "I have the number for you.",
  );
  const act = writer.turns.at(-1);
  if (act) writer.state["hospital.department"] = act.user.includes("cardiology") ? "cardiology" : "emergency department";
}

function policeScene(writer: Writer): void {
  say(
    writer,
    "police",
    writer.random.pick(["Somebody has stolen my bag, where are the police?", "I was robbed. How do I call the police?"]),
    {},
    ["phone", "address"],
    "The police station is in town.",
  );
}

function reference(random: Random): string {
  let text = "";
  for (let at = 0; at < 8; at++) text += "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[random.below(32)];
  return text;
}

const SCENES: Readonly<Record<Domain, (writer: Writer) => void>> = {
  hotel: hotelScene,
  restaurant: restaurantScene,
  attraction: attractionScene,
  train: trainScene,
  taxi: taxiScene,
  hospital: hospitalScene,
  police: policeScene,
  general: (writer) => {
    writer.turns.push({
      user: writer.random.pick(["That was everything, many thanks!", "Thank you, goodbye.", "Great, thanks for the help."]),
      system: "You are welcome.",
      gold: { userActs: [{ domain: "general", intent: "thank", slot: "none", value: "none" }], systemActs: [], state: { ...writer.state } },
    });
  },
};

/** The built-in conversations: 3 rounds of 13 scenarios, the same ones at every call. */
export function builtinDialogues(seed: number = BUILTIN_SEED): readonly Dialogue[] {
  const tables = buildTables(builtinTables());
  const dialogues: Dialogue[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    SCENARIOS.forEach((scenario, index) => {
      const writer: Writer = { random: seededRandom(seed + round * 1_000 + index), tables, state: {}, turns: [], served: [] };
      for (const domain of [...scenario, "general" as const]) {
        SCENES[domain](writer);
        writer.served.push(domain);
      }
      dialogues.push({ id: `own-${round + 1}-${String(index + 1).padStart(2, "0")}`, turns: writer.turns });
    });
  }
  return dialogues;
}
