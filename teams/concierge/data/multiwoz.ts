/**
 * Reads MultiWOZ 2.1 in the compact form of one dialogue a line into validated `Dialogue`s. Kept apart from where the
 * file lies (`source.ts`). A line that doesn't fit the form is refused with its number: nothing is skipped silently.
 */
import { type Dialogue, type Domain, type GoldAct, isDomain, type Turn } from "./dialogue.ts";

/** Names that the acts of the data use for the slots of its belief state. */
const SLOT_OF_ACT: Readonly<Record<string, string>> = {
  Addr: "address",
  Area: "area",
  Arrive: "arriveBy",
  Car: "car",
  Choice: "choice",
  Day: "day",
  Depart: "departure",
  Department: "department",
  Dest: "destination",
  Fee: "fee",
  Food: "food",
  Id: "trainID",
  Internet: "internet",
  Leave: "leaveAt",
  Name: "name",
  Open: "openhours",
  Parking: "parking",
  People: "people",
  Phone: "phone",
  Post: "postcode",
  Price: "pricerange",
  Ref: "ref",
  Stars: "stars",
  Stay: "stay",
  Ticket: "price",
  Time: "time",
  Type: "type",
};

export class DataFormatError extends Error {
  override readonly name = "DataFormatError";
}

type Json = Readonly<Record<string, unknown>>;

function record(value: unknown, where: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new DataFormatError(`${where}: an object was expected`);
  return value as Json;
}

function text(value: unknown, where: string): string {
  if (typeof value !== "string") throw new DataFormatError(`${where}: a string was expected`);
  return value;
}

function list(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new DataFormatError(`${where}: a list was expected`);
  return value;
}

function actDomain(name: string, where: string): Domain | "booking" {
  const lower = name.toLowerCase();
  if (lower === "booking" || isDomain(lower)) return lower;
  throw new DataFormatError(`${where}: unknown domain "${name}"`);
}

function parseActs(value: unknown, where: string): readonly GoldAct[] {
  const acts: GoldAct[] = [];
  for (const [head, pairs] of Object.entries(record(value, where))) {
    const [domainName = "", intent = ""] = head.split("-");
    const domain = actDomain(domainName, where);
    for (const pair of list(pairs, where)) {
      const [slot, slotValue] = list(pair, where);
      const name = text(slot, where);
      // A train's "Time" is how long it travels, a restaurant's is when the table is taken.
      const stateName = name === "Time" && domain === "train" ? "duration" : (SLOT_OF_ACT[name] ?? name.toLowerCase());
      acts.push({ domain, intent: intent.toLowerCase(), slot: stateName, value: text(slotValue, where) });
    }
  }
  return acts;
}

function parseState(value: unknown, where: string): Readonly<Record<string, string>> {
  const state: Record<string, string> = {};
  for (const [slot, slotValue] of Object.entries(record(value ?? {}, where))) state[slot] = text(slotValue, where);
  return state;
}

function parseDialogue(value: unknown, where: string): Dialogue {
  const source = record(value, where);
  const id = text(source["id"], `${where} id`);
  const utterances = list(source["turns"], `${where} turns`).map((entry) => record(entry, where));
  const turns: Turn[] = [];
  for (let at = 0; at < utterances.length; at += 2) {
    const user = utterances[at] as Json;
    const system = utterances[at + 1];
    if (user["s"] !== "U" || (system && system["s"] !== "S")) throw new DataFormatError(`${where}: user and system must take turns`);
    turns.push({
      user: text(user["t"], where),
      ...(system ? { system: text(system["t"], where) } : {}),
      gold: {
        userActs: parseActs(user["a"], where),
        systemActs: system ? parseActs(system["a"], where) : [],
        state: parseState(system?.["st"], where),
      },
    });
  }
  return { id, turns };
}

/** Parses the lines of a `*.jsonl` file. */
export function parseDialogues(content: string, fileName: string): readonly Dialogue[] {
  const dialogues: Dialogue[] = [];
  content.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    const where = `${fileName}:${index + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new DataFormatError(`${where}: not JSON`, { cause });
    }
    dialogues.push(parseDialogue(value, where));
  });
  return dialogues;
}
