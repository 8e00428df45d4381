/**
 * The table of views: what share of the carried values stands in what the next agent would be shown, and how many
 * tokens that takes. Baselines are written here; the product's own view is a port, and so is counting tokens.
 *
 * V1: a view shows what was said before this turn. The turn itself is every agent's input and is in no view.
 */
import type { Dialogue } from "../data/dialogue.ts";
import type { Ontology } from "../nlu/ontology.ts";
import { normaliseText } from "../nlu/text.ts";
import { carriedSlots } from "./carried.ts";
import { type FactsByTurn, textSays } from "./slots.ts";

export interface Utterance {
  readonly by: string;
  readonly text: string;
}

export interface ViewPoint {
  /** What was said before the turn, oldest first. */
  readonly earlier: readonly Utterance[];
  readonly userText: string;
  /** The facts that stood when the turn began. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export type ViewBuilder = (point: ViewPoint) => string;
export type CountTokens = (text: string) => number;

export interface ViewRow {
  readonly slotRecall: number;
  readonly tokensPerHop: number;
}

/** The budget of the views that choose. */
export const VIEW_TOKENS = 128;

const line = ({ by, text }: Utterance): string => `${by}: ${text}`;
const joined = (utterances: readonly Utterance[]): string => utterances.map(line).join("\n");

/** The words of the query that an utterance has, rare ones counting more, over the root of its length. */
function likeness(query: ReadonlySet<string>, words: readonly string[], rarity: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const word of new Set(words)) if (query.has(word)) sum += rarity.get(word) ?? 0;
  return sum / Math.sqrt(words.length + 1);
}

const wordsOf = (text: string): readonly string[] => normaliseText(text).match(/[a-z0-9]+/g) ?? [];

/** Utterances most like the user's turn, until the budget is full, in the order in which they were said. */
export function userTurnView(countTokens: CountTokens, tokensMax: number = VIEW_TOKENS): ViewBuilder {
  return ({ earlier, userText }) => {
    const texts = earlier.map(({ text }) => wordsOf(text));
    const holders = new Map<string, number>();
    for (const words of texts) for (const word of new Set(words)) holders.set(word, (holders.get(word) ?? 0) + 1);
    const rarity = new Map([...holders].map(([word, count]) => [word, Math.log((earlier.length + 1) / (count + 0.5))] as const));
    const query = new Set(wordsOf(userText));
    const ranked = earlier
      .map((utterance, at) => ({ utterance, at, score: likeness(query, texts[at] ?? [], rarity) }))
      .sort((a, b) => b.score - a.score || b.at - a.at);
    const chosen: { readonly utterance: Utterance; readonly at: number }[] = [];
    let room = tokensMax;
    for (const candidate of ranked) {
      const tokens = countTokens(`${line(candidate.utterance)}\n`);
      if (tokens > room) continue;
      room -= tokens;
      chosen.push(candidate);
    }
    return joined(chosen.sort((a, b) => a.at - b.at).map(({ utterance }) => utterance));
  };
}

/** The views that a team without Triad would have. */
export function baselineViews(countTokens: CountTokens): Readonly<Record<string, ViewBuilder>> {
  return {
    "no context": () => "",
    "last 2 utterances": ({ earlier }) => joined(earlier.slice(-2)),
    "last 4 utterances": ({ earlier }) => joined(earlier.slice(-4)),
    "user turn as query, 128 tokens": userTurnView(countTokens),
    "whole transcript": ({ earlier }) => joined(earlier),
  };
}

interface Row {
  wanted: number;
  found: number;
  hops: number;
  tokens: number;
}

export class ViewScorer {
  readonly #ontology: Ontology;
  readonly #countTokens: CountTokens;
  readonly #views: Readonly<Record<string, ViewBuilder>>;
  readonly #rows = new Map<string, Row>();

  constructor(ontology: Ontology, countTokens: CountTokens, views: Readonly<Record<string, ViewBuilder>>) {
    this.#ontology = ontology;
    this.#countTokens = countTokens;
    this.#views = views;
    for (const name of Object.keys(views)) this.#rows.set(name, { wanted: 0, found: 0, hops: 0, tokens: 0 });
  }

  /** Scores every turn of a conversation that has carried slots; `facts[i]` are the facts after turn i. */
  add(dialogue: Dialogue, facts: FactsByTurn): void {
    const wantedByTurn = Map.groupBy(carriedSlots(dialogue), ({ turn }) => turn);
    const earlier: Utterance[] = [];
    dialogue.turns.forEach((turn, index) => {
      const wanted = wantedByTurn.get(index);
      if (wanted) {
        const point: ViewPoint = { earlier: [...earlier], userText: turn.user, facts: facts[index - 1] ?? {} };
        for (const [name, build] of Object.entries(this.#views)) this.#score(name, build(point), wanted);
      }
      earlier.push({ by: "user", text: turn.user });
      if (turn.system !== undefined) earlier.push({ by: "system", text: turn.system });
    });
  }

  #score(name: string, text: string, wanted: readonly { readonly slot: string; readonly value: string }[]): void {
    const row = this.#rows.get(name);
    if (!row) return;
    row.hops++;
    row.tokens += this.#countTokens(text);
    for (const { slot, value } of wanted) {
      row.wanted++;
      if (textSays(this.#ontology, slot, value, text)) row.found++;
    }
  }

  result(): Readonly<Record<string, ViewRow>> {
    const rows: Record<string, ViewRow> = {};
    for (const [name, { wanted, found, hops, tokens }] of this.#rows) {
      rows[name] = { slotRecall: wanted === 0 ? 0 : found / wanted, tokensPerHop: hops === 0 ? 0 : tokens / hops };
    }
    return rows;
  }
}
