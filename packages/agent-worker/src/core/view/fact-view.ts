/**
 * The facts of a view: all of them while they fit their budget; beyond it the newest are kept, and a note behind them counts and names the rest,
 * so that an agent knows what it does not see.
 */
import type { Json } from "@triad/protocol";
import { countTokens } from "../tokens.ts";

export interface ViewFact {
  readonly name: string;
  readonly value: Json;
  /** Number of the event that set it, as far as known, else 0: greater = newer. */
  readonly setBy: number;
}

export interface FactView {
  /** A JSON object, with the note on a line of its own where something was left out. */
  readonly text: string;
  readonly tokens: number;
  readonly shown: readonly string[];
  readonly leftOut: readonly string[];
}

/** Room for the names of what was left out. */
const NOTE_TOKENS = 64;

export function viewFacts(facts: readonly ViewFact[], tokensMax: number): FactView {
  const names = facts.map((fact) => fact.name);
  const whole = objectText(facts);
  const wholeTokens = countTokens(whole);
  if (wholeTokens <= tokensMax) return { text: whole, tokens: wholeTokens, shown: names, leftOut: [] };

  const newestFirst = facts
    .map((fact, position) => ({ fact, position }))
    .sort((a, b) => b.fact.setBy - a.fact.setBy || b.position - a.position);
  const room = tokensMax - Math.min(NOTE_TOKENS, Math.floor(tokensMax / 2));
  const kept = new Set<ViewFact>();
  let used = countTokens("{}");
  for (const { fact } of newestFirst) {
    const cost = countTokens(`${JSON.stringify(fact.name)}:${JSON.stringify(fact.value)},`);
    if (used + cost > room) continue;
    used += cost;
    kept.add(fact);
  }
  const shown = facts.filter((fact) => kept.has(fact));
  const leftOut = newestFirst.filter(({ fact }) => !kept.has(fact)).map(({ fact }) => fact.name);
  const body = objectText(shown);
  const text = `${body}\n${noteOf(leftOut, tokensMax - countTokens(`${body}\n`))}`;
  return { text, tokens: countTokens(text), shown: shown.map((fact) => fact.name), leftOut };
}

function objectText(facts: readonly ViewFact[]): string {
  return `{${facts.map((fact) => `${JSON.stringify(fact.name)}:${JSON.stringify(fact.value)}`).join(",")}}`;
}

/** Newest names first, as many as fit; the count is always there, even where a tiny budget has no room for it. */
function noteOf(names: readonly string[], tokensMax: number): string {
  const head = `(${names.length} more facts not shown`;
  let listed = "";
  for (const [index, name] of names.entries()) {
    const longer = `${listed}${index === 0 ? ": " : ", "}${name}`;
    if (countTokens(`${head}${longer}, …)`) > tokensMax) return listed === "" ? `${head})` : `${head}${listed}, …)`;
    listed = longer;
  }
  return `${head}${listed})`;
}
