/**
 * What the last system utterance put on the table: the places it named. They become facts ("hotel.offered"), because a
 * later domain may be asked for "a taxi from the hotel" long after that utterance left the view. Pure.
 */
import { type Facts, knownFact } from "./frame.ts";
import { findMentions, type Ontology } from "./ontology.ts";
import { normaliseText } from "./text.ts";

const PLACES = ["hotel", "restaurant", "attraction"] as const;

/** The place of each domain that an utterance names. Of several it is the first, unless one was being spoken of already. */
export function observeUtterance(ontology: Ontology, text: string | undefined, known: Facts): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  const mentions = findMentions(ontology, normaliseText(text), text);
  const facts: Record<string, string> = {};
  for (const domain of PLACES) {
    const named = new Set(mentions.filter((mention) => mention.kind === domain).map((mention) => mention.name));
    const [first] = named;
    if (first === undefined) continue;
    const settled = knownFact(known, `${domain}.offered`) ?? knownFact(known, `${domain}.name`);
    if (named.size === 1 || settled === undefined) facts[`${domain}.offered`] = first;
  }
  return facts;
}
