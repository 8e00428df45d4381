/**
 * Grammar of the slots that a turn names in its own words: area, price, stars, day, people, nights and so on. What
 * arrives by reference to another domain is `references.ts`, where a train or taxi goes is `journeys.ts`. Each rule
 * sees masked words and gives a value in the labels' form, or nothing. Pure.
 */
import { ANY } from "./frame.ts";
import type { Reading } from "./reading.ts";
import { NUMBER, numberOf } from "./text.ts";
import { dayOf, priceRangeOf } from "./values.ts";

/** A masked text and what was asked before it. */
export interface SlotContext {
  readonly masked: string;
  readonly reading: Reading;
}

const LITTLE: RegExp =
  /^(?:(?:yes|yeah|no|ok|okay|sure|please|just|only|um|oh|well|great|thanks?|thank you|we|i|'ll|it|will|be|there|that|would|for|is|are|'s|the|a|on|at|in)[ ,.!]*)*/;

const AREA_WORD = "(north|south|east|west|centre)(?:ern)?";
const NOT_AREA = /\b(?:north|south) (?:american|african|indian)\b/g;

export function areaIn({ masked, reading }: SlotContext): string | undefined {
  const text = masked.replace(NOT_AREA, "");
  const said = new RegExp(`\\b(?:in|on|to|at|near|for|of|the|is|be)? ?(?:the )?\\b${AREA_WORD}\\b(?! (?:station|north|b))`).exec(text);
  if (said && !/\bnot (?:in )?(?:the )?$/.test(text.slice(0, said.index))) return said[1];
  if (/\b(?:downtown|middle of (?:the )?(?:town|city)|heart of (?:the )?(?:town|city))\b/.test(text)) return "centre";
  return anyFor("area", /\b(?:area|part|location|side)\b/, text, reading);
}

export function priceIn({ masked, reading }: SlotContext): string | undefined {
  const text = masked
    .replace(/\b(?:not|n't|isn't) (?:be )?(?:too|very|so|that)? ?(?:expensive|pricey)/g, "")
    .replace(/\b(?:than|same) [a-z ]*(?:price|expensive|cheap)/g, "")
    .replace(/\breasonable time/g, "");
  return priceRangeOf(text) ?? anyFor("pricerange", /\bprices?\b|\bcost\b|\bbudget\b|\bprice ?range/, text, reading);
}

export function starsIn({ masked, reading }: SlotContext): string | undefined {
  const said = new RegExp(
    `\\b(${NUMBER}) ?(?:stars?\\b|start\\b(?!ing))|\\bstars? (?:rating )?(?:of|is|be|to be)? ?(?:at least )?(${NUMBER})\\b|\\brat(?:ed|ing)(?: of| at| is)? (?:a )?(${NUMBER})\\b`,
  ).exec(masked);
  const word = said?.[1] ?? said?.[2] ?? said?.[3];
  if (word !== undefined) {
    const stars = numberOf(word);
    if (stars !== undefined && Number(stars) <= 5) return stars;
  }
  if (/\bunrated\b|\bno stars?\b/.test(masked)) return "0";
  if (reading.asked.has("stars")) {
    const bare = bareNumber(masked);
    if (bare !== undefined && Number(bare) <= 5) return bare;
  }
  return anyFor("stars", /\bstars?\b|\brating\b/, masked, reading);
}

/** A number that is all there is to the answer. */
export function bareNumber(masked: string): string | undefined {
  const rest = masked.replace(LITTLE, "");
  const said = new RegExp(`^(${NUMBER})\\b(?![: ]?\\d)(?! ?(?:star|pound|am|pm|o'clock|min))`).exec(rest);
  return said?.[1] === undefined ? undefined : numberOf(said[1]);
}

const PERSON =
  "(?:people|person|persons|peoples|guests?|adults?|ppl|passengers?|travell?ers|diners?|of us|in (?:our|my|the) (?:party|group)|tickets?|seats?|friends|individuals|men|women|total people|occupants)";

const ONE_PERSON = /\bone (?:person|ticket|seat|adult|guest|people)|for (?:just |only )?one(?: please| on| at| starting| for|,| ?\.|$)/;

export function peopleIn({ masked, reading }: SlotContext): string | undefined {
  const more = new RegExp(
    `\\b(${NUMBER}) (?:other|more|additional) ${PERSON}.*\\b(?:with me|and me|and myself|plus me|join)|\\bme and (${NUMBER}) (?:other|friends|more|people)|\\bmyself and (${NUMBER})\\b`,
  ).exec(masked);
  const others = more?.[1] ?? more?.[2] ?? more?.[3];
  if (others !== undefined) return String(Number(numberOf(others) ?? 0) + 1);
  const said =
    new RegExp(`\\b(${NUMBER}) (?:\\w+ )?${PERSON}\\b`).exec(masked) ??
    new RegExp(
      `\\b(?:party|group|family|table|booking|reservation|room)s? (?:of|for|size of) (?:about )?(${NUMBER})\\b(?! (?:night|day|star))(?![:.]\\d)`,
    ).exec(masked) ??
    new RegExp(
      `\\b(?:for|with) (?:the |all |just |only )?(${NUMBER})\\b(?! ?(?:night|day|star|o'clock|am\\b|pm\\b|pound|hour|min|of (?:the|those|these)|more night))(?![:.]?\\d)`,
    ).exec(masked) ??
    new RegExp(`\\bpeople(?: is| are|:|,)? (${NUMBER})\\b`).exec(masked);
  // "For one" may mean one of the places; only with the person, or with nothing but a time behind it, is it a party.
  if (said?.[1] !== undefined && (said[1] !== "one" || ONE_PERSON.test(masked))) return numberOf(said[1]);
  if (
    /\b(?:just|only) (?:for )?(?:me|myself)\b|\bby myself\b|\balone\b|\bfor myself\b|\bsolo\b|\bjust the one of\b|\bfor me only\b|\bsingle (?:person|ticket)\b|\b(?:a|one) (?:table|seat|ticket) for me\b/.test(
      masked,
    )
  )
    return "1";
  if (
    /\b(?:my (?:wife|husband|partner|friend|girlfriend|boyfriend|spouse|mom|mother|father|dad|son|daughter|sister|brother) and (?:i|me|myself)|(?:me|myself|i) and my (?:wife|husband|partner|friend|girlfriend|boyfriend|spouse|mom|mother|father|dad)|both of us|the two of us|us both)\b/.test(
      masked,
    )
  )
    return "2";
  return reading.asked.has("people") ? bareNumber(masked) : undefined;
}

export function stayIn({ masked, reading }: SlotContext): string | undefined {
  const said =
    new RegExp(`\\b(${NUMBER}) (?:\\w+ )?(?:nights?|days?)\\b(?! (?:before|after|later))`).exec(masked) ??
    new RegExp(`\\b(?:stay|nights?)(?: of| for| is)? (${NUMBER})\\b(?! (?:people|person|guest|of us|adult))`).exec(masked);
  if (said?.[1] !== undefined) return numberOf(said[1]);
  if (/\b(?:a|single|just the|the) night\b(?! ?club)/.test(masked)) return "1";
  if (/\b(?:for|a) (?:a )?week\b/.test(masked)) return "7";
  return reading.asked.has("stay") && !reading.asked.has("people") ? bareNumber(masked) : undefined;
}

export function dayIn({ masked }: SlotContext): string | undefined {
  return dayOf(masked);
}

const FACILITY: Readonly<Record<"internet" | "parking", RegExp>> = { internet: /\b(?:wifi|internet)\b/, parking: /\bparking\b/ };

/** Whether a facility is wanted. A question whether a place has it is a request, not a wish. */
export function facilityIn(slot: "internet" | "parking", { masked, reading }: SlotContext): string | undefined {
  for (const sentence of masked.split(/(?<=[.!?])\s+|\bbut\b|\bas long as\b/)) {
    if (!FACILITY[slot].test(sentence)) continue;
    if (
      /\b(?:doesn't matter|don't (?:really )?(?:care|mind)|not important|no preference|either way|does not matter|do not care)\b/.test(
        sentence,
      )
    )
      return ANY;
    if (new RegExp(`\\b(?:don't|do not|doesn't|not|no|without|won't)\\b[^,]*${FACILITY[slot].source}`).test(sentence)) return "no";
    if (
      /^(?:.*\b)?(?:do(?:es)? (?:they|it|that|the|this|either|any of)|is there|whether|if (?:they|it|that|the)|have free)\b.*/.test(
        sentence,
      ) &&
      !/\b(?:need|want|like|should|must|looking|prefer|has|with)\b/.test(sentence)
    )
      continue;
    return "yes";
  }
  if (reading.asked.has(slot)) {
    if (/^(?:no preference|it doesn't matter|doesn't matter|i don't care|no ,? ?i don't care)/.test(masked)) return ANY;
    if (/^(?:yes|yeah|yep|please|that would)\b/.test(masked)) return "yes";
  }
  return undefined;
}

export function hotelTypeIn({ masked, reading }: SlotContext): string | undefined {
  const text = masked.replace(/\b(?:not|n't want|no|than|rather than|instead of)(?: a| any)? (?:hotels?|guesthouses?)\b/g, "");
  if (/\bguesthouses?\b|\bbnbs?\b/.test(text) && !/\b(?:hotels? or (?:a )?guesthouses?|guesthouses? or (?:a )?hotels?)\b/.test(text))
    return "guesthouse";
  if (
    /\b(?:be|is|type of|in|want|prefer|like|need|them|of type|rather have|for) (?:an? |the )?(?:actual |real )?hotels?(?! (?:and|in|or guesthouse))\b/.test(
      text,
    ) &&
    /\bhotel type|type (?:of )?(?:hotel|should)|\b(?:be|is|prefer|them|rather have) (?:an? )?(?:actual |real )?hotel|\bof (?:the )?type\b/.test(
      text,
    )
  )
    return "hotel";
  if (reading.asked.has("type") && /\bhotels?\b/.test(text)) return "hotel";
  return anyFor("type", /\b(?:type|kind) of (?:hotel|lodging|place|accommodation)|\bhotel or guesthouse/, masked, reading);
}

const ATTRACTION_TYPES: readonly (readonly [string, RegExp])[] = [
  ["swimming pool", /\bswimmingpools?\b|\bpools?\b|\bswim(?:ming)?\b/],
  ["night club", /\bnightclubs?\b|\bclub(?:s|bing)?\b|\bnightlife\b/],
  ["concerthall", /\bconcerthalls?\b|\bconcerts?\b/],
  ["multiple sports", /\b(?:multiple |multi ?)?sports?\b/],
  ["museum", /\bmuseums?\b/],
  ["theatre", /\btheatres?\b/],
  ["cinema", /\bcinemas?\b|\bmovies?\b|\bfilms?\b/],
  ["college", /\bcolleges?\b/],
  ["park", /\bparks?\b/],
  ["boat", /\bboat(?:s|ing)?\b|\bpunting\b/],
  ["architecture", /\barchitectur\w*\b/],
  ["entertainment", /\bentertain\w*\b/],
  ["church", /\bchurch(?:es)?\b/],
  ["museum", /\b(?:art )?galler(?:y|ies)\b/],
];

export function attractionTypeIn({ masked, reading }: SlotContext): string | undefined {
  const text = masked.replace(
    /\b(?:the|that|this|from the|to the) (?:museum|college|theatre|cinema|park|church|club|nightclub|pool|boat|gallery)\b(?=.*\b(?:address|phone|postcode|fee|entrance|number)\b)/g,
    "",
  );
  for (const [type, pattern] of ATTRACTION_TYPES) if (pattern.test(text)) return type;
  return anyFor("type", /\b(?:type|kind|sort)\b|\battraction type/, masked, reading);
}

/** Cuisines that people ask for, whether or not a table has them: a wish that can't be met is a wish all the same. */
const SINGLE_CUISINES: ReadonlySet<string> = new Set(
  "afghan african american arabic argentinian asian australasian australian austrian barbeque basque belgian brazilian british cantonese caribbean catalan corsican creole crossover cuban danish english eritrean european french fusion gastropub german greek halal hungarian indian indonesian international irish italian jamaican japanese korean kosher lebanese malaysian mediterranean mexican moroccan muslim panasian persian peruvian polish polynesian portuguese russian scandinavian scottish seafood sichuan singaporean spanish steakhouse swedish swiss thai turkish tuscan ukrainian vegan vegetarian venetian vietnamese welsh".split(
    " ",
  ),
);

/** Cuisines of two words, tried before those of one. */
const CUISINE_PAIRS: readonly string[] =
  "asian oriental,eastern european,latin american,light bites,middle eastern,modern american,modern british,modern eclectic,modern european,modern global,molecular gastronomy,new zealand,north african,north american,north indian,northern european,south african,south indian,sri lankan".split(
    ",",
  );

const FOOD_SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/\bportugese\b/g, "portuguese"],
  [/\b(?:barbecue|bbq)\b/g, "barbeque"],
  [/\bgastro ?pub\b/g, "gastropub"],
  [/\bsea food\b/g, "seafood"],
  [/\b(?:steak ?houses?)\b/g, "steakhouse"],
  [/\bmediterr?anean\b|\bmediteranean\b|\bmediterrean\b/g, "mediterranean"],
];

export function foodIn({ masked, reading }: SlotContext): string | undefined {
  let text = masked;
  for (const [pattern, spelling] of FOOD_SPELLINGS) text = text.replace(pattern, spelling);
  const pairs = [...CUISINE_PAIRS, ...reading.ontology.foods.filter((food) => food.includes(" "))];
  const pair = pairs.find((name) => text.includes(name));
  if (pair !== undefined) return pair;
  const singles = new Set(reading.ontology.foods);
  let last: string | undefined;
  for (const match of text.matchAll(/[a-z]{4,}/g)) {
    if (!singles.has(match[0]) && !SINGLE_CUISINES.has(match[0])) continue;
    const before = text.slice(0, match.index);
    if (/\b(?:not|no|isn't|without)(?: any| a)? $/.test(before)) continue;
    // Of two, the later one is the wish ("if there is no thai, how about indian").
    last = match[0];
  }
  return last ?? anyFor("food", /\b(?:food|cuisine|type of restaurant)\b/, text, reading);
}

const ANYTHING =
  /\b(?:does(?:n't| not) (?:really |necessarily )?matter|don't (?:really )?(?:care|mind)|do not (?:really )?(?:care|mind)|no (?:particular |real |specific )?preference|(?:don't|do not|not) (?:really )?have (?:an?|any) (?:\w+ )?preference|not really|any (?:will|would|is|one|of)|not (?:picky|particular|important|fussy)|don't (?:really )?have (?:a|any) (?:particular |specific |real )?preference|do not have (?:a|any) preference|whatever|whichever|any(?:thing|where)?(?: (?:is|will|would be))? (?:fine|do|works|good|okay|ok)|surprise me|up to you|anywhere|no preferences|anything|open to (?:any|all)|either (?:one|is|would|will)?|flexible|isn't important|n't important|any kind|any type|all)\b/;

/** "Anything will do" for a slot: said of it by name, or in answer to a question for it and nothing else. */
export function anyFor(slot: string, name: RegExp, text: string, reading: Reading): string | undefined {
  for (const clause of text.split(/[.!?;,]|\bbut\b/)) {
    if (!name.test(clause)) continue;
    const any = new RegExp(`\\bany (?:\\w+ )?(?:${name.source})`);
    if (ANYTHING.test(clause) || any.test(clause)) return ANY;
  }
  if (!reading.asked.has(slot)) return undefined;
  const first = text.split(/[.!?]|\bbut\b|\bas long as\b|\band (?:it|i)\b|\bi would\b|\bi'd\b/)[0] ?? "";
  const named = /\b(?:area|part of town|price|star|food|type|parking|internet|wifi|time|day)\b/.test(first);
  return !named && ANYTHING.test(first) ? ANY : undefined;
}

export function departmentIn({ words, ontology }: Reading): string | undefined {
  let best: string | undefined;
  for (const department of ontology.departments)
    if (words.includes(department) && department.length > (best?.length ?? 0)) best = department;
  return (
    best ?? (/\bemergency\b/.test(words) && ontology.departments.includes("emergency department") ? "emergency department" : undefined)
  );
}
