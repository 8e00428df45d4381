/**
 * One written form for what people write in many: lower case, joined contractions, British spelling, one word for each
 * spelling of "guest house", "bed and breakfast" and "wifi". Names of the tables and sentences of users pass through
 * the same function, or a name would not be found in a sentence. Pure, linear in the length of the text.
 */

/** Longer texts are cut: grammar looks at sentences, and a pasted book must not stop an agent's thread. */
export const TEXT_LENGTH_MAX = 4_000;

const REWRITES: readonly (readonly [RegExp, string])[] = [
  [/[\u2018\u2019`]/g, "'"],
  [/[\u2013\u2014]/g, "-"],
  [/\s+/g, " "],
  // Tokenised corpora write "do n't" and "I 'd".
  [/ n't\b/g, "n't"],
  [/ '(s|d|m|ll|re|ve)\b/g, "'$1"],
  [/(\d) ?: ?(\d\d)\b/g, "$1:$2"],
  [/\bguest[ -]?house(s?)\b/g, "guesthouse$1"],
  [/\b(?:b ?(?:&|and) ?b|bed (?:&|and) breakfast|bnb)(s?)\b/g, "bnb$1"],
  [/\bwi[ -]?fi\b/g, "wifi"],
  [/\bcent(?:er|ral|eral|r)\b/g, "centre"],
  [/\btheater/g, "theatre"],
  [/\bmuesum|\bmusem\b|\bmusuem/g, "museum"],
  [/\bst\.? (?=[a-z])/g, "saint "],
  [/\bnight ?club/g, "nightclub"],
  [/\bswimming ?pool/g, "swimmingpool"],
  [/\bconcert ?hall/g, "concerthall"],
  [/\bcheck ?-?in\b/g, "checkin"],
  [/&/g, " and "],
  [/-/g, " "],
  [/\s+/g, " "],
];

/** Long nouns and adjectives that the grammar turns on, in the spelling that it expects. */
const SPELLINGS: readonly string[] =
  "restaurant attraction guesthouse museum college theatre cinema entertainment architecture expensive moderate moderately internet parking reservation reference postcode departing destination".split(
    " ",
  );

/** Mends one slip in a word that the grammar turns on ("restuarant"). */
function mendSpelling(word: string): string {
  for (const noun of SPELLINGS)
    if (noun[0] === word[0] && word !== noun && word !== `${noun}s` && nearlyEqual(noun, word.endsWith("s") ? word.slice(0, -1) : word))
      return noun;
  return word;
}

/** Brings a text into the form that grammar and name search work on. */
export function normaliseText(text: string): string {
  let result = ` ${text.slice(0, TEXT_LENGTH_MAX).toLowerCase()} `;
  for (const [pattern, replacement] of REWRITES) result = result.replace(pattern, replacement);
  return result.trim().replace(/[a-z]{7,}/g, mendSpelling);
}

const NUMBER_WORDS: readonly string[] = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];

/** Source of a regular expression that matches a small number in digits or words. */
export const NUMBER = `(?:\\d{1,2}|${NUMBER_WORDS.join("|")}|a couple|couple)`;

/** "three" or "3" → "3"; undefined for anything else. */
export function numberOf(word: string): string | undefined {
  if (/^\d{1,2}$/.test(word)) return String(Number(word));
  if (word.endsWith("couple")) return "2";
  const at = NUMBER_WORDS.indexOf(word);
  return at < 0 ? undefined : String(at);
}

/**
 * Whether two words are one slip apart (a letter added, lost, changed, or two neighbours swapped). Words under five
 * letters must be equal: too many real words lie one slip apart there.
 */
export function nearlyEqual(a: string, b: string): boolean {
  if (a === b) return true;
  if (Math.min(a.length, b.length) < 5 || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  const restA = endA - start;
  const restB = endB - start;
  if (restA <= 1 && restB <= 1) return true;
  return restA === 2 && restB === 2 && a[start] === b[start + 1] && a[start + 1] === b[start];
}
