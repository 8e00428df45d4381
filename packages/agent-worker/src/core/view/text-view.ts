/**
 * The text of a view (theory.md 6.1): first the events that cover the most facts a token, greedily, then those that answer the query best, until
 * the budget; shown in the order in which they happened.
 */
import { type FactsDelta, type Json, normaliseText } from "@triad/protocol";
import { countTokens } from "../tokens.ts";
import { bm25Scores } from "./bm25.ts";

export interface ViewEvent {
  readonly seq: number;
  readonly by: string;
  readonly text: string;
  readonly facts: FactsDelta;
}

export interface TextView {
  readonly text: string;
  readonly tokens: number;
  /** In the order of the conversation. */
  readonly shown: readonly ViewEvent[];
}

/** Among equal gains the newer event wins, and a gain never loses to age within a conversation of ordinary length. */
const AGE_PENALTY = 1e-5;

interface Candidate {
  readonly event: ViewEvent;
  readonly line: string;
  readonly tokens: number;
  readonly age: number;
  readonly covers: ReadonlySet<string>;
}

/** @param facts the facts to be covered, latest values. @param events oldest first. */
export function viewText(events: readonly ViewEvent[], facts: Readonly<Record<string, Json>>, query: string, tokensMax: number): TextView {
  const needles = Object.entries(facts).map(([name, value]) => ({ name, value, needle: needleOf(value) }));
  const candidates = events.map((event, index): Candidate => {
    const line = lineOf(event);
    return { event, line, tokens: countTokens(`${line}\n`), age: events.length - 1 - index, covers: coverOf(event, needles) };
  });
  const chosen = new Set<Candidate>();
  let room = tokensMax;
  const take = (candidate: Candidate): void => {
    chosen.add(candidate);
    room -= candidate.tokens;
  };

  const covered = new Set<string>();
  for (;;) {
    const best = bestCover(candidates, chosen, covered, room);
    if (best === undefined) break;
    take(best);
    for (const name of best.covers) covered.add(name);
  }

  const scores = bm25Scores(
    query,
    candidates.map((candidate) => candidate.event.text),
  );
  const byQuery = candidates
    .map((candidate, index) => ({ candidate, score: scores[index] ?? 0 }))
    .filter(({ candidate }) => !chosen.has(candidate))
    .sort((a, b) => b.score - a.score || a.candidate.age - b.candidate.age);
  for (const { candidate } of byQuery) if (candidate.tokens <= room) take(candidate);

  const shown = candidates.filter((candidate) => chosen.has(candidate));
  const text = shown.map((candidate) => candidate.line).join("\n");
  return { text, tokens: countTokens(text), shown: shown.map((candidate) => candidate.event) };
}

function bestCover(
  candidates: readonly Candidate[],
  chosen: ReadonlySet<Candidate>,
  covered: ReadonlySet<string>,
  room: number,
): Candidate | undefined {
  let best: Candidate | undefined;
  let bestGain = 0;
  for (const candidate of candidates) {
    if (chosen.has(candidate) || candidate.tokens > room) continue;
    let fresh = 0;
    for (const name of candidate.covers) if (!covered.has(name)) fresh++;
    if (fresh === 0) continue;
    const gain = fresh / candidate.tokens - AGE_PENALTY * candidate.age;
    if (best === undefined || gain > bestGain) {
      best = candidate;
      bestGain = gain;
    }
  }
  return best;
}

export function lineOf(event: ViewEvent): string {
  return `${event.by}: ${event.text}`;
}

/** The words of a fact's value as they would stand in a sentence; empty where it has none (yes or no, nested data). */
function needleOf(value: Json): string {
  if (typeof value === "number") return ` ${value} `;
  if (typeof value !== "string") return "";
  const clean = normaliseText(value);
  return clean === "" ? "" : ` ${clean} `;
}

interface Needle {
  readonly name: string;
  readonly value: Json;
  readonly needle: string;
}

/** Facts whose value the event says or set itself. */
function coverOf(event: ViewEvent, needles: readonly Needle[]): ReadonlySet<string> {
  const haystack = ` ${normaliseText(event.text)} `;
  const covers = new Set<string>();
  for (const { name, value, needle } of needles) {
    const says = needle !== "" && haystack.includes(needle);
    if (says || (Object.hasOwn(event.facts, name) && JSON.stringify(event.facts[name]) === JSON.stringify(value))) covers.add(name);
  }
  return covers;
}
