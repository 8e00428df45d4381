/**
 * What the last thing the user was told asks for, so that a bare "seven" or "no preference" finds its slot. Pure; sees
 * words only.
 */
import { normaliseText } from "./text.ts";

const ASKS: readonly (readonly [string, RegExp])[] = [
  ["area", /\b(?:area|part of (?:the )?(?:town|city)|side of town|location)\b/],
  ["pricerange", /\bprice ?range|\bbudget\b|\bprice\b/],
  ["food", /\b(?:type|kind|sort|style)s? of (?:food|cuisine|restaurant)|\bcuisine|\bfood (?:type|preference)|\bfood\b/],
  [
    "day",
    /\b(?:what|which) day|\bday (?:would|will|do|are|of)|\bwhen (?:will|would|do|are) you (?:be )?(?:stay|arriv|like to (?:stay|arrive|check)|check)|\bwhat date|\bdays?\b.*\?/,
  ],
  [
    "people",
    /\bhow many (?:people|guests|tickets|seats|persons|passengers|will|in|are|others|travel|riders|would)|\b(?:party size|number of (?:people|guests|tickets|seats)|size of your party|how large)|\bhow many\b(?!.*night)/,
  ],
  ["stay", /\bhow (?:many (?:nights|days)|long)\b|\bhow many .*(?:nights|days)\b|\b(?:length|duration) of (?:your )?stay/],
  ["leaveAt", /\b(?:leave|leaving|depart|departing|departure|travel|pick(?:ed)? ?(?:you )?up) ?(?:time)?\b.*\?|\bdeparture time/],
  ["arriveBy", /\b(?:arrive|arrival|arriving|get there|be there)\b/],
  ["time", /\bwhat time|\btime\b.*\?|\bwhen\b/],
  [
    "departure",
    /\b(?:where|which station|what station).*(?:depart|leav|from|coming|pick)|\bdeparture (?:site|location|point|station|place|city)|\bdeparting from|\bdeparture\b(?! time)|\bpick(?:ed)? ?(?:you )?up (?:at|from|location|point)?|\bfrom where|\bcoming from|\bleaving from|\bdeparture and destination/,
  ],
  [
    "destination",
    /\bdestination|\bwhere (?:are|will|would|do|did|were) .*(?:go|going|head|travel|to|taking)|\btravell?ing to|\barrival (?:station|location)|\bdrop(?:ped)? ?(?:you )?off|\bwhere to\b|\bgoing to\b|\bwhere .*taking you/,
  ],
  ["stars", /\bstars?\b|\brating/],
  [
    "type",
    /\b(?:hotel or (?:a )?guesthouse|guesthouse or (?:a )?hotel)|\b(?:type|kind|sort) of (?:attraction|place|hotel|lodging|accommodation|entertainment|activity|venue|museum)|\bwhat type|\battraction type|\btype of\b/,
  ],
  ["internet", /\b(?:wifi|internet)\b/],
  ["parking", /\bparking\b/],
  ["department", /\bdepartment|\bward\b/],
  ["name", /\bwhich (?:one|hotel|restaurant)|\bname of/],
];

/** The slots that the questions in a text ask for; a text without a question asks for nothing. */
export function askedSlots(text: string | undefined): ReadonlySet<string> {
  const asked = new Set<string>();
  if (text === undefined) return asked;
  const normalised = normaliseText(text);
  for (const sentence of normalised.split(/(?<=[.!?])\s+/)) {
    if (
      !sentence.includes("?") &&
      !/\b(?:please|need to know|may i have|let me know|tell me|would need|will need|provide)\b/.test(sentence)
    )
      continue;
    for (const [slot, pattern] of ASKS) if (pattern.test(sentence)) asked.add(slot);
  }
  return asked;
}
