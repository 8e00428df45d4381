/**
 * One user turn, read once for all grammar: normalised words, the names in them, the same words with each name masked
 * ("from @hotel0 to @restaurant1"), and what the last system utterance asked and offered. Grammar works on the masked
 * words, so that no rule depends on what a place is called.
 */
import type { Tables } from "../data/tables.ts";
import { askedSlots } from "./asked.ts";
import { findMentions, type Mention, type Ontology, ontologyOf } from "./ontology.ts";
import { normaliseText } from "./text.ts";

export interface Reading {
  readonly ontology: Ontology;
  readonly words: string;
  readonly masked: string;
  readonly mentions: readonly Mention[];
  readonly asked: ReadonlySet<string>;
  readonly system: { readonly words: string; readonly masked: string; readonly mentions: readonly Mention[] };
}

/** Replaces each mention by "@kindN", N being its place in `mentions`. */
export function maskMentions(normalised: string, mentions: readonly Mention[]): string {
  let masked = "";
  let from = 0;
  mentions.forEach((mention, at) => {
    masked += `${normalised.slice(from, mention.start)}@${mention.kind}${at}`;
    from = mention.end;
  });
  return masked + normalised.slice(from);
}

function readSystem(ontology: Ontology, text: string | undefined): Reading["system"] {
  if (text === undefined) return { words: "", masked: "", mentions: [] };
  const words = normaliseText(text);
  const mentions = findMentions(ontology, words, text);
  return { words, masked: maskMentions(words, mentions), mentions };
}

export function readTurn(tables: Tables, userText: string, lastSystemText?: string): Reading {
  const ontology = ontologyOf(tables);
  const words = normaliseText(userText);
  const mentions = findMentions(ontology, words, userText);
  return {
    ontology,
    words,
    masked: maskMentions(words, mentions),
    mentions,
    asked: askedSlots(lastSystemText),
    system: readSystem(ontology, lastSystemText),
  };
}

/** The mention behind a masked word such as "@hotel0". */
export function mentionAt(reading: Reading, mask: string): Mention | undefined {
  const at = /\d+$/.exec(mask);
  return at ? reading.mentions[Number(at[0])] : undefined;
}
