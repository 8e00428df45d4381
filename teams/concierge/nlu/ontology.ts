/**
 * The words that name what is in the tables: places, stations, cuisines, departments. Built once for a set of tables.
 * Kept apart from grammar (`slots.ts`, `references.ts`), which only sees that *a* name stood somewhere.
 *
 * O1: of overlapping names the longest wins ("city north hotel" is no "hotel").
 * O2: names are compared word by word without plural and possessive endings, and with one slip in a long word.
 */
import type { Domain } from "../data/dialogue.ts";
import type { Tables, Venue } from "../data/tables.ts";
import { nearlyEqual, normaliseText } from "./text.ts";

export type MentionKind = "hotel" | "restaurant" | "attraction" | "station";

/** A name found in a text, from `start` to `end` of the normalised text. */
export interface Mention {
  readonly kind: MentionKind;
  /** The table's own name, lower case. */
  readonly name: string;
  /** Several rows share this name ("the chain's house in any street"). */
  readonly ambiguous: boolean;
  readonly start: number;
  readonly end: number;
}

interface Alias {
  readonly stems: readonly string[];
  readonly kind: MentionKind;
  readonly name: string;
  /** Only the first word of a longer name: it counts when written with a capital. */
  readonly guess: boolean;
  ambiguous: boolean;
}

export interface Ontology {
  readonly town: string;
  readonly foods: readonly string[];
  readonly departments: readonly string[];
  readonly venues: ReadonlyMap<string, Venue>;
  readonly aliasesByFirst: ReadonlyMap<string, readonly Alias[]>;
}

/** Words that say what a place is rather than which; a name of such words alone is not looked for. */
const GENERIC: ReadonlySet<string> = new Set(
  "the restaurant hotel guesthouse bnb bar and house lodge cafe bistro city centre town place college museum church gallery park cinema theatre club nightclub pool swimmingpool food junction of in at a art room kitchen".split(
    " ",
  ),
);

/** Single ordinary words that also are names: they count only when written with a capital inside a sentence. */
const ORDINARY: ReadonlySet<string> = new Set(
  "place ask junction primavera graffiti galleria golden royal meze anatolia regency saint rice curry".split(" "),
);

/** Endings that people leave out. */
const OMITTED_ENDS: readonly string[] = [
  "restaurant",
  "hotel",
  "guesthouse",
  "bnb",
  "bar",
  "cinema",
  "nightclub",
  "house",
  "lodge",
  "and bar",
  "restaurant bar",
  "noodle bar",
  "seafood",
];

/** A word without plural, possessive and doubled letters: "Kettle's" and "kettles" are one. */
export function stem(word: string): string {
  const bare = word.replace(/'s$|s'$|'/g, "").replace(/(.)\1+/g, "$1");
  return bare.length > 3 && bare.endsWith("s") ? bare.slice(0, -1) : bare;
}

const WORD = /[a-z0-9]+(?:'[a-z]+)?'?/g;

interface Word {
  readonly text: string;
  readonly stem: string;
  readonly start: number;
  readonly end: number;
}

function wordsOf(normalised: string): readonly Word[] {
  const words: Word[] = [];
  for (const match of normalised.matchAll(WORD)) {
    const text = match[0];
    words.push({ text, stem: stem(text), start: match.index, end: match.index + text.length });
  }
  return words;
}

function shorterForms(full: string, town: string): ReadonlySet<string> {
  const forms = new Set<string>([full]);
  const grow = (change: (form: string) => string): void => {
    for (const form of [...forms]) {
      const shorter = change(form).trim();
      const words = shorter.split(" ").filter((word) => !GENERIC.has(word));
      if (words.length > 0 && shorter.length >= 4) forms.add(shorter);
    }
  };
  grow((form) => form.replace(/^the /, ""));
  grow((form) => form.replace(/^restaurant /, ""));
  for (const end of OMITTED_ENDS) grow((form) => (form.endsWith(` ${end}`) ? form.slice(0, -end.length - 1) : form));
  grow((form) => (form.startsWith(`${town} `) ? form.slice(town.length + 1) : form));
  grow((form) => (form.endsWith(` ${town}`) ? form.slice(0, -town.length - 1) : form));
  grow((form) => form.replace(/^saint /, ""));
  return forms;
}

function usable(form: string, full: string): boolean {
  if (form === full) return true;
  const words = form.split(" ");
  if (words.length > 1) return true;
  return form.length >= 5 && !ORDINARY.has(form) && !GENERIC.has(form);
}

function addAlias(index: Map<string, Alias[]>, form: string, kind: MentionKind, name: string, guess = false): void {
  const stems = wordsOf(form).map((word) => word.stem);
  const first = stems[0];
  if (first === undefined) return;
  const bucket = index.get(first) ?? [];
  index.set(first, bucket);
  const same = bucket.find((alias) => alias.stems.length === stems.length && alias.stems.every((part, at) => part === stems[at]));
  if (!same) bucket.push({ stems, kind, name, guess, ambiguous: false });
  else if (same.name !== name && form !== name) same.ambiguous = true;
}

/** Beginnings that several rows of one table share name a chain: any of its houses, marked ambiguous. */
function addChains(index: Map<string, Alias[]>, venues: readonly Venue[]): void {
  const starts = new Map<string, Venue[]>();
  for (const venue of venues) {
    const words = normaliseText(venue.name).split(" ");
    if (words.length < 3) continue;
    const start = words.slice(0, 2).join(" ");
    if (!words.slice(0, 2).some((word) => GENERIC.has(word))) starts.set(start, [...(starts.get(start) ?? []), venue]);
  }
  for (const [start, group] of starts) {
    const [first, second] = group;
    if (!first || !second) continue;
    addAlias(index, start, first.domain, first.name);
    addAlias(index, start, second.domain, second.name);
  }
}

const FIRST_WORD_LENGTH_MIN = 6;

/** A long first word that only one name begins with stands for that name ("Wandlebury"). */
function addFirstWords(index: Map<string, Alias[]>, venues: readonly Venue[]): void {
  const names = new Map<string, Venue[]>();
  for (const venue of venues) {
    const first = normaliseText(venue.name).replace(/^the /, "").split(" ")[0] ?? "";
    names.set(first, [...(names.get(first) ?? []), venue]);
  }
  for (const [first, group] of names) {
    const venue = group[0];
    if (venue && group.length === 1 && first.length >= FIRST_WORD_LENGTH_MIN && !GENERIC.has(first))
      addAlias(index, first, venue.domain, venue.name, true);
  }
}

/** Builds the names of a set of tables. */
export function buildOntology(tables: Tables): Ontology {
  const index = new Map<string, Alias[]>();
  const venues = new Map<string, Venue>();
  const all = [...tables.hotel, ...tables.restaurant, ...tables.attraction];
  // Full names first: a shortened form never takes the place of another row's full name.
  for (const venue of all) {
    venues.set(venue.name, venue);
    addAlias(index, normaliseText(venue.name), venue.domain, venue.name);
  }
  for (const station of tables.stations) addAlias(index, normaliseText(station), "station", station);
  for (const venue of all) {
    const full = normaliseText(venue.name);
    for (const form of shorterForms(full, tables.town))
      if (form !== full && usable(form, full)) addAlias(index, form, venue.domain, venue.name);
  }
  for (const station of tables.stations) {
    const words = station.split(" ");
    if (words.length > 1) addAlias(index, words.slice(1).join(" "), "station", station);
    if (words.length > 1 && (words[0] ?? "").length > 5) addAlias(index, words[0] ?? "", "station", station);
  }
  addChains(index, all);
  addFirstWords(index, all);
  for (const bucket of index.values()) bucket.sort((a, b) => b.stems.length - a.stems.length);
  return {
    town: tables.town,
    foods: [...new Set(tables.restaurant.map((venue) => venue.fields["food"] ?? "").filter((food) => food !== ""))],
    departments: [...new Set(tables.hospital.map((ward) => ward.department))],
    venues,
    aliasesByFirst: index,
  };
}

const built = new WeakMap<Tables, Ontology>();

/** The ontology of a set of tables, built once. */
export function ontologyOf(tables: Tables): Ontology {
  let ontology = built.get(tables);
  if (!ontology) {
    ontology = buildOntology(tables);
    built.set(tables, ontology);
  }
  return ontology;
}

function fits(alias: Alias, words: readonly Word[], at: number): boolean {
  if (at + alias.stems.length > words.length) return false;
  let slips = 0;
  for (let part = 0; part < alias.stems.length; part++) {
    const wanted = alias.stems[part] ?? "";
    const found = words[at + part]?.stem ?? "";
    if (wanted === found) continue;
    if (!nearlyEqual(wanted, found) || ++slips > 1) return false;
  }
  // One slip in a name of a single word is trusted only when the word is long.
  return slips === 0 || alias.stems.length > 1 || (alias.stems[0] ?? "").length >= 7;
}

/** The aliases that may begin with this word: exact, else those one slip away. */
function candidates(ontology: Ontology, wordStem: string): readonly Alias[] {
  const exact = ontology.aliasesByFirst.get(wordStem);
  if (exact) return exact;
  if (wordStem.length < 5) return [];
  const near: Alias[] = [];
  for (const [first, aliases] of ontology.aliasesByFirst) {
    if (first[0] === wordStem[0] && Math.abs(first.length - wordStem.length) <= 1 && nearlyEqual(first, wordStem)) near.push(...aliases);
  }
  return near.sort((a, b) => b.stems.length - a.stems.length);
}

/** Whether an ordinary word stands as a name: with a capital, and not at the beginning of a sentence. */
function capitalised(original: string, words: string): boolean {
  const pattern = words
    .split(" ")
    .map((word) => (word[0] ?? "").toUpperCase() + word.slice(1))
    .join(" ");
  const at = original.indexOf(pattern);
  return at > 0 && !/[.?!]\s*$/.test(original.slice(0, at).trimEnd().slice(-1));
}

/** Finds the names in a normalised text, longest first at each place (O1). `original` tells names from plain words. */
export function findMentions(ontology: Ontology, normalised: string, original: string): readonly Mention[] {
  const words = wordsOf(normalised);
  const mentions: Mention[] = [];
  for (let at = 0; at < words.length; ) {
    const alias = candidates(ontology, words[at]?.stem ?? "").find((candidate) => fits(candidate, words, at));
    const first = words[at];
    const last = alias ? words[at + alias.stems.length - 1] : undefined;
    if (!alias || !first || !last || !trusted(alias, normalised.slice(first.start, last.end), original)) {
      at++;
      continue;
    }
    mentions.push({ kind: alias.kind, name: alias.name, ambiguous: alias.ambiguous, start: first.start, end: last.end });
    at += alias.stems.length;
  }
  return mentions;
}

function trusted(alias: Alias, written: string, original: string): boolean {
  if (alias.kind === "station") return true;
  const telling = alias.stems.filter((part) => !GENERIC.has(part) && !ORDINARY.has(part));
  const naming = alias.stems.some((part) => !GENERIC.has(part));
  if (alias.guess) return capitalised(original, written);
  return telling.length > 0 || (naming && alias.stems.length > 1) || alias.stems.length > 2 || capitalised(original, written);
}

/** The words of a text that say which place is meant, without those that say what kind. */
export function tellingWords(normalised: string): readonly string[] {
  return wordsOf(normalised).flatMap((word) => (GENERIC.has(word.text) ? [] : [word.stem]));
}

/** The domain whose table a mention lies in. */
export function domainOfMention(mention: Mention): Domain {
  return mention.kind === "station" ? "train" : mention.kind;
}
