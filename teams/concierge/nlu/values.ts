/**
 * Values as the labels write them, so that what an agent settled and what an annotator wrote can be compared. Used by
 * the rules and by the scorers alike; says nothing about which value is right. Pure and idempotent.
 */

import { ANY } from "./frame.ts";
import { domainOfMention, findMentions, type Ontology, tellingWords } from "./ontology.ts";
import { normaliseText, numberOf } from "./text.ts";
import { findTimes } from "./times.ts";

export const DAYS: readonly string[] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const AREAS: readonly string[] = ["north", "south", "east", "west", "centre"];
const PLACE_SLOTS: ReadonlySet<string> = new Set(["name", "departure", "destination"]);
const TIME_SLOTS: ReadonlySet<string> = new Set(["time", "leaveAt", "arriveBy"]);
const COUNT_SLOTS: ReadonlySet<string> = new Set(["people", "stay", "stars"]);

export function priceRangeOf(text: string): string | undefined {
  if (/\b(?:moderat\w*|mid(?:dle)? ?range\w*|medium|mid price\w*|averag\w*|reasonabl\w*)\b/.test(text)) return "moderate";
  if (/\b(?:cheap\w*|inexpensive|budget|low(?:er)? (?:price|cost|end)\w*|affordable|economical|low priced)\b/.test(text)) return "cheap";
  if (
    /\b(?:expensive|upscale|high ?end|high(?:er)? price\w*|fancy|pric(?:e)?y|luxur\w*|posh|fine dining|high class|upper scale|splurge|top notch|high dollar|lavish|swanky)\b/.test(
      text,
    )
  )
    return "expensive";
  return undefined;
}

function typeOf(text: string): string {
  if (/guesthouse|bnb/.test(text)) return "guesthouse";
  if (/nightclub|night club|\bclubs?\b/.test(text)) return "night club";
  if (/swimmingpool|swimming pool|\bpool/.test(text)) return "swimming pool";
  if (/concerthall|concert hall/.test(text)) return "concerthall";
  if (/sports?\b/.test(text)) return "multiple sports";
  return text.replace(/s$/, "").replace(/^architectural$/, "architecture");
}

/** The canonical name of a place: the table's own when one row is meant, else its stemmed words. */
export function placeOf(ontology: Ontology, text: string, domain: string): string {
  const normalised = normaliseText(text);
  const mentions = findMentions(ontology, normalised, text);
  const own = mentions.find((mention) => domainOfMention(mention) === domain) ?? mentions[0];
  const telling = tellingWords(normalised).join("");
  const named = own === undefined ? "" : tellingWords(normalised.slice(own.start, own.end)).join("");
  if (own && !own.ambiguous && named.length >= telling.length * 0.6) return own.name;
  // Spelled in other pieces ("fen ditton", "fenditton") it is still the same name.
  for (const name of ontology.venues.keys()) if (tellingWords(normaliseText(name)).join("") === telling && telling !== "") return name;
  return telling === "" ? normalised : tellingWords(normalised).join(" ");
}

/** The canonical form of a slot's value; `slot` is "hotel.area". */
export function normaliseValue(ontology: Ontology, slot: string, value: string): string {
  const [domain = "", name = ""] = slot.split(".");
  const text = normaliseText(value);
  if (/^(?:dontcare|don't care|do n't care|any|doesn't matter|not mentioned)$/.test(text)) return ANY;
  if (PLACE_SLOTS.has(name)) return placeOf(ontology, value, domain);
  if (TIME_SLOTS.has(name)) return findTimes(text)[0]?.value ?? text;
  if (COUNT_SLOTS.has(name)) return numberOf(text.split(" ")[0] ?? "") ?? text;
  if (name === "day") return dayOf(text) ?? text;
  if (name === "area") return AREAS.find((area) => text.includes(area)) ?? text;
  if (name === "pricerange") return priceRangeOf(text) ?? text;
  if (name === "type") return typeOf(text);
  if (name === "internet" || name === "parking") return /^(?:no|none)$/.test(text) ? "no" : "yes";
  if (name === "food") return text.replace(/^portugese$/, "portuguese");
  return text;
}

/** The weekday in a text, also with a slip of the pen. */
export function dayOf(text: string): string | undefined {
  let best: string | undefined;
  for (const match of text.matchAll(/[a-z]{3,}/g)) {
    const word = match[0].replace(/s$/, "");
    const day = DAYS.find((name) => name === word || (word.length >= 5 && name[0] === word[0] && slips(name, word)));
    if (day !== undefined) best = best ?? day;
  }
  return best;
}

/** Weekdays are long and few, so letters in any order but the first count as the same word ("teusday", "wendesday"). */
function slips(day: string, word: string): boolean {
  if (!word.endsWith("day") && Math.abs(day.length - word.length) > 1) return false;
  const sorted = (text: string): string => [...text].sort().join("");
  if (sorted(day) === sorted(word)) return true;
  if (Math.abs(day.length - word.length) > 1 || !word.includes("day")) return false;
  let common = 0;
  const rest = [...day];
  for (const letter of word) {
    const at = rest.indexOf(letter);
    if (at >= 0) {
      rest.splice(at, 1);
      common++;
    }
  }
  return common >= Math.max(day.length, word.length) - 1;
}
