/**
 * The project's own small town, for machines without recorded data: every name, street and number here is invented.
 * Rows are written as one line each and given the form of the recorded tables, so that one parser checks both.
 */
import type { RawTables } from "../data/tables.ts";

const HOTELS = `
fern lodge|guesthouse|north|cheap|4|yes|yes
heron house|guesthouse|east|moderate|4|yes|yes
larkspur bed and breakfast|guesthouse|west|cheap|3|yes|no
the anchor hotel|hotel|centre|expensive|5|yes|yes
quayside hotel|hotel|south|moderate|3|yes|no
saffron gate hotel|hotel|east|expensive|4|yes|yes
tollgate inn|guesthouse|south|moderate|2|no|yes
willow court hotel|hotel|north|moderate|3|yes|yes
marigold guest house|guesthouse|centre|moderate|4|yes|no
upper mill hotel|hotel|west|cheap|2|no|yes`;

const RESTAURANTS = `
blue lantern|centre|chinese|expensive
olive and thyme|centre|italian|moderate
the tin spoon|north|british|cheap
cardamom court|east|indian|moderate
casa lucero|south|spanish|expensive
little bosphorus|west|turkish|cheap
lotus pavilion|south|thai|moderate
the brass oven|east|italian|cheap
harvest table|west|modern european|expensive
seagrass|centre|seafood|moderate
paper crane|north|japanese|moderate
old granary|south|british|moderate`;

const ATTRACTIONS = `
lacemakers museum|museum|centre|free
tidewater gallery|museum|east|3 pounds
fennel park|park|north|free
the velvet room|nightclub|centre|5 pounds
ropewalk theatre|theatre|south|12 pounds
orchard lido|swimmingpool|west|4 pounds
quarry boat yard|boat|east|8 pounds
clockhouse|architecture|centre|free
saltmarsh college|college|west|2 pounds
meridian cinema|cinema|south|9 pounds
foundry hall|concerthall|north|15 pounds`;

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const TOWN = "alderbury";
/** Station, minutes from town, fare. */
const LINES: readonly (readonly [string, number, string])[] = [
  ["brightsea", 48, "11.20"],
  ["wexcombe", 23, "6.40"],
  ["hollow bridge", 77, "19.80"],
  ["north skelling", 105, "27.10"],
];

function rowsOf(text: string): readonly (readonly string[])[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.split("|"));
}

function contact(domainCode: number, index: number): { phone: string; postcode: string; address: string } {
  const number = domainCode * 100 + index;
  return {
    phone: `01999${String(100_000 + number * 37)}`,
    postcode: `ab${domainCode}${index % 10}${"qrstuvwx"[index % 8]}y`,
    address: `${index * 7 + 3} ${["mill", "bridge", "castle", "weaver"][index % 4]} street`,
  };
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60) % 24).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

function timetable(): readonly Record<string, string>[] {
  const rows: Record<string, string>[] = [];
  for (const day of DAYS) {
    LINES.forEach(([station, minutes, fare], line) => {
      for (const outward of [true, false]) {
        for (let hour = 5; hour < 23; hour += 2) {
          const leave = hour * 60 + line * 7 + (outward ? 0 : 30);
          rows.push({
            trainID: `TR${1000 + rows.length}`,
            day,
            departure: outward ? TOWN : station,
            destination: outward ? station : TOWN,
            leaveAt: clock(leave),
            arriveBy: clock(leave + minutes),
            duration: `${minutes} minutes`,
            price: `${fare} pounds`,
          });
        }
      }
    });
  }
  return rows;
}

/** The built-in tables, in the form of the recorded ones. */
export function builtinTables(): RawTables {
  return {
    hotel: rowsOf(HOTELS).map(([name, type, area, pricerange, stars, internet, parking], index) => ({
      name,
      type,
      area,
      pricerange,
      stars,
      internet,
      parking,
      ...contact(1, index),
    })),
    restaurant: rowsOf(RESTAURANTS).map(([name, area, food, pricerange], index) => ({
      name,
      area,
      food,
      pricerange,
      type: "restaurant",
      ...contact(2, index),
    })),
    attraction: rowsOf(ATTRACTIONS).map(([name, type, area, fee], index) => ({
      name,
      type,
      area,
      "entrance fee": fee,
      ...contact(3, index),
    })),
    train: timetable(),
    hospital: ["emergency department", "cardiology", "eye clinic", "paediatric day unit"].map((department, index) => ({
      department,
      ...contact(4, index),
    })),
    police: [{ name: "alderbury police station", ...contact(5, 0) }],
    taxi: {
      taxi_colors: ["black", "white", "green", "blue"],
      taxi_types: ["skoda", "toyota", "volvo", "tesla"],
      taxi_phone: ["^[0-9]{10}$"],
    },
  };
}
