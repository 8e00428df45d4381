/**
 * Reads a turn from its gold acts instead of its words, into the same `Frame`: what is then still missing is the
 * orchestrator's fault and not grammar's. Only the acts of the current turn are used, never the gold state. Annotators
 * left acts out of many turns, and acts don't name what arrives by reference ("the same day"): there the words are read.
 */
import type { Domain, GoldAct } from "../data/dialogue.ts";
import type { Tables } from "../data/tables.ts";
import type { Facts, Frame } from "./frame.ts";
import { ontologyOf } from "./ontology.ts";
import { readRules, type Words } from "./rules.ts";
import { normaliseValue } from "./values.ts";

/** Frame of a turn by gold user acts, and by words for the slots that they leave open. */
export function readOracle(domain: Domain, words: Words, acts: readonly GoldAct[], facts: Facts, tables: Tables): Frame {
  const ontology = ontologyOf(tables);
  const inform: Record<string, string> = {};
  const requests: string[] = [];
  for (const act of acts) {
    if (act.domain !== domain || act.slot === "none") continue;
    if (act.value === "?") requests.push(act.slot);
    else if (act.intent === "inform" && act.value !== "none")
      inform[act.slot] = normaliseValue(ontology, `${domain}.${act.slot}`, act.value);
  }
  const byWords = readRules(domain, words, facts, tables);
  const carried = byWords.carried.filter((slot) => inform[slot] === undefined);
  for (const [slot, value] of Object.entries(byWords.inform)) if (inform[slot] === undefined) inform[slot] = value;
  return { domain, inform, carried, requests, book: byWords.book || requests.includes("ref"), answer: byWords.answer };
}

/** The domains that the gold acts of a turn name; none for a turn of thanks. */
export function domainsOfActs(acts: readonly GoldAct[]): readonly Domain[] {
  return [...new Set(acts.flatMap(({ domain }) => (domain === "booking" || domain === "general" ? [] : [domain])))];
}
