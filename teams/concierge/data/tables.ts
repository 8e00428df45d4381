/**
 * The back-end tables behind the agents' tools, parsed and checked once, immutable afterwards. Kept apart from the
 * words that name what is in them (`nlu/ontology.ts`) and from the searches over them (`domain/`).
 */
import { DataFormatError } from "./multiwoz.ts";

/** A place that a taxi can go to. Every field of the source is a string here; a missing one is absent, never "?". */
export interface Venue {
  readonly domain: "hotel" | "restaurant" | "attraction";
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Train {
  readonly trainID: string;
  readonly day: string;
  readonly departure: string;
  readonly destination: string;
  readonly leaveAt: string;
  readonly arriveBy: string;
  readonly duration: string;
  readonly price: string;
}

export interface Ward {
  readonly department: string;
  readonly phone: string;
  readonly address: string;
  readonly postcode: string;
}

export interface Station {
  readonly name: string;
  readonly address: string;
  readonly phone: string;
  readonly postcode: string;
}

export interface Tables {
  readonly hotel: readonly Venue[];
  readonly restaurant: readonly Venue[];
  readonly attraction: readonly Venue[];
  readonly train: readonly Train[];
  /** Trains by "departure|destination|day", in order of departure time. */
  readonly trainsByRoute: ReadonlyMap<string, readonly Train[]>;
  readonly stations: readonly string[];
  /** The town that the tables describe: the station that most trains touch. */
  readonly town: string;
  readonly hospital: readonly Ward[];
  readonly police: readonly Station[];
  readonly taxi: { readonly colours: readonly string[]; readonly makes: readonly string[] };
}

/** The tables as they lie in files, one JSON value each. */
export type RawTables = Readonly<Record<"hotel" | "restaurant" | "attraction" | "train" | "hospital" | "police" | "taxi", unknown>>;

type Row = Readonly<Record<string, unknown>>;

function rows(value: unknown, table: string): readonly Row[] {
  if (!Array.isArray(value)) throw new DataFormatError(`table ${table}: a list of rows was expected`);
  return value.map((row: unknown) => {
    if (typeof row !== "object" || row === null) throw new DataFormatError(`table ${table}: a row is no object`);
    return row as Row;
  });
}

function field(row: Row, name: string, table: string): string {
  const value = row[name];
  if (typeof value !== "string") throw new DataFormatError(`table ${table}: a row lacks "${name}"`);
  return value;
}

function strings(value: unknown, table: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string"))
    throw new DataFormatError(`table ${table}: strings were expected`);
  return value;
}

const FIELD_OF_COLUMN: Readonly<Record<string, string>> = { "entrance fee": "fee" };
const TYPE_NAMES: Readonly<Record<string, string>> = { swimmingpool: "swimming pool", nightclub: "night club" };

function venues(value: unknown, domain: Venue["domain"]): readonly Venue[] {
  return rows(value, domain).map((row) => {
    const fields: Record<string, string> = {};
    for (const [column, entry] of Object.entries(row)) {
      if (typeof entry === "string" && entry !== "" && entry !== "?") fields[FIELD_OF_COLUMN[column] ?? column] = entry;
    }
    const type = fields["type"];
    if (type !== undefined) fields["type"] = TYPE_NAMES[type] ?? type;
    return { domain, name: field(row, "name", domain).toLowerCase(), fields };
  });
}

function trains(value: unknown): readonly Train[] {
  return rows(value, "train").map((row) => ({
    trainID: field(row, "trainID", "train"),
    day: field(row, "day", "train"),
    departure: field(row, "departure", "train"),
    destination: field(row, "destination", "train"),
    leaveAt: field(row, "leaveAt", "train"),
    arriveBy: field(row, "arriveBy", "train"),
    duration: field(row, "duration", "train"),
    price: field(row, "price", "train"),
  }));
}

function busiest(counts: ReadonlyMap<string, number>): string {
  let best = "";
  let bestCount = -1;
  for (const [name, count] of counts) {
    if (count > bestCount) [best, bestCount] = [name, count];
  }
  return best;
}

function routes(table: readonly Train[]): ReadonlyMap<string, readonly Train[]> {
  const byRoute = new Map<string, Train[]>();
  for (const train of table) {
    const key = `${train.departure}|${train.destination}|${train.day}`;
    const sameRoute = byRoute.get(key);
    if (sameRoute) sameRoute.push(train);
    else byRoute.set(key, [train]);
  }
  for (const sameRoute of byRoute.values()) sameRoute.sort((a, b) => (a.leaveAt < b.leaveAt ? -1 : 1));
  return byRoute;
}

/** Checks the raw tables and builds the indexes. */
export function buildTables(raw: RawTables): Tables {
  const train = trains(raw.train);
  const touches = new Map<string, number>();
  for (const { departure, destination } of train) {
    for (const name of [departure, destination]) touches.set(name, (touches.get(name) ?? 0) + 1);
  }
  const taxi = raw.taxi as Row;
  return {
    hotel: venues(raw.hotel, "hotel"),
    restaurant: venues(raw.restaurant, "restaurant"),
    attraction: venues(raw.attraction, "attraction"),
    train,
    trainsByRoute: routes(train),
    stations: [...touches.keys()].sort(),
    town: busiest(touches),
    hospital: rows(raw.hospital, "hospital").map((row) => ({
      department: field(row, "department", "hospital"),
      phone: field(row, "phone", "hospital"),
      address: field(row, "address", "hospital"),
      postcode: field(row, "postcode", "hospital"),
    })),
    police: rows(raw.police, "police").map((row) => ({
      name: field(row, "name", "police"),
      address: field(row, "address", "police"),
      phone: field(row, "phone", "police"),
      postcode: field(row, "postcode", "police"),
    })),
    taxi: { colours: strings(taxi["taxi_colors"], "taxi"), makes: strings(taxi["taxi_types"], "taxi") },
  };
}
