/**
 * Counts tokens without a tokenizer: a deterministic estimate, the same on every machine, for budgets of prompts.
 * Kept apart from models: each has a vocabulary of its own, and a budget that moved with the model would make a step's prompt depend on it.
 *
 * The rules follow what byte-pair vocabularies of about 100,000 entries do with European text, and lean to the high side:
 * a common word is one token with the space before it; a long word is cut about every five letters; capitals cut about every three; digits go in
 * groups of three; a mark of punctuation is one; a run of line breaks is one; letters of other alphabets cut about every two; an ideograph is one.
 */

const WHOLE_WORD_LETTERS_MAX = 10;
const LONG_WORD_LETTERS_PER_TOKEN = 5;
const CAPITALS_PER_TOKEN = 3;
const DIGITS_PER_TOKEN = 3;
const OTHER_LETTERS_PER_TOKEN = 2;

const PIECES = /[A-Za-z]+|[0-9]+|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{L}+|\n+|[^\S\n]{2,}|[^\s\p{L}0-9]/gu;
const CAPITALS = /^[A-Z]{4,}$/;

/** Estimated tokens of a text; 0 for the empty one. */
export function countTokens(text: string): number {
  let tokens = 0;
  for (const [piece] of text.matchAll(PIECES)) tokens += tokensOfPiece(piece);
  return tokens;
}

function tokensOfPiece(piece: string): number {
  const first = piece.charCodeAt(0);
  const isDigit = first >= 48 && first <= 57;
  if (isDigit) return Math.ceil(piece.length / DIGITS_PER_TOKEN);
  const isLatin = (first >= 65 && first <= 90) || (first >= 97 && first <= 122);
  if (isLatin) {
    if (CAPITALS.test(piece)) return Math.ceil(piece.length / CAPITALS_PER_TOKEN);
    return piece.length <= WHOLE_WORD_LETTERS_MAX ? 1 : Math.ceil(piece.length / LONG_WORD_LETTERS_PER_TOKEN);
  }
  const isOtherLetter = first > 127 && piece.length > 1;
  return isOtherLetter ? Math.ceil(piece.length / OTHER_LETTERS_PER_TOKEN) : 1;
}
