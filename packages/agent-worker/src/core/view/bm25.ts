/** Okapi BM25 over a handful of texts held in memory: ranks what was said by the words of a query. */
import { normaliseText } from "@triad/protocol";

const TERM_SATURATION = 1.2;
const LENGTH_NORMALISATION = 0.75;

export function wordsOf(text: string): readonly string[] {
  const clean = normaliseText(text);
  return clean === "" ? [] : clean.split(" ");
}

/** A score ≥ 0 for each text, in their order; 0 where no word of the query occurs. */
export function bm25Scores(query: string, texts: readonly string[]): readonly number[] {
  const wanted = [...new Set(wordsOf(query))];
  if (wanted.length === 0 || texts.length === 0) return texts.map(() => 0);
  const counts = texts.map((text) => {
    const count = new Map<string, number>();
    let length = 0;
    for (const word of wordsOf(text)) {
      length++;
      count.set(word, (count.get(word) ?? 0) + 1);
    }
    return { count, length };
  });
  const meanLength = Math.max(1, counts.reduce((sum, { length }) => sum + length, 0) / texts.length);
  const scores = new Array<number>(texts.length).fill(0);
  for (const word of wanted) {
    const holders = counts.reduce((sum, { count }) => sum + (count.has(word) ? 1 : 0), 0);
    if (holders === 0) continue;
    const rarity = Math.log(1 + (texts.length - holders + 0.5) / (holders + 0.5));
    counts.forEach(({ count, length }, index) => {
      const frequency = count.get(word) ?? 0;
      if (frequency === 0) return;
      const norm = TERM_SATURATION * (1 - LENGTH_NORMALISATION + (LENGTH_NORMALISATION * length) / meanLength);
      scores[index] = (scores[index] ?? 0) + (rarity * frequency * (TERM_SATURATION + 1)) / (frequency + norm);
    });
  }
  return scores;
}
