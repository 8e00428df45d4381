/**
 * The view builder (theory.md 6 and 6.1): what an agent's prompt shows of a conversation, within two budgets, with a report of what it leaves out.
 * Pure: the same conversation gives the same bytes on every machine.
 *
 * V1 facts come before text, with a budget of their own, so that no length of talk pushes a fact out.
 * V2 what is left out is counted here and travels in the step's ViewReport: never silently dropped.
 */
import type { ViewReport } from "@triad/protocol";
import { type ViewFact, viewFacts } from "./fact-view.ts";
import { type ViewEvent, viewText } from "./text-view.ts";

/** Candidates for text, newest first beyond this: covering is fact count × text, and must stay a millisecond. */
export const VIEW_EVENTS_MAX = 512;

export interface ViewInput {
  readonly facts: readonly ViewFact[];
  /** What was said, oldest first, without the input itself (it has a slot of its own). */
  readonly events: readonly ViewEvent[];
  /** Events that are not at hand but belong to the conversation: counted as left out. */
  readonly eventsElsewhere: number;
  /** The user's turn. */
  readonly query: string;
  readonly factTokens: number;
  readonly textTokens: number;
}

export interface View {
  /** A JSON object of the facts, and a note of those left out. */
  readonly facts: string;
  /** One line an event, `who: what`, in order. */
  readonly transcript: string;
  readonly factsLeftOut: readonly string[];
  readonly report: ViewReport;
}

export function buildView(input: ViewInput): View {
  const facts = viewFacts(input.facts, input.factTokens);
  const events = input.events.slice(-VIEW_EVENTS_MAX);
  const values = Object.fromEntries(input.facts.map((fact) => [fact.name, fact.value]));
  const text = viewText(events, values, input.query, input.textTokens);
  return {
    facts: facts.text,
    transcript: text.text,
    factsLeftOut: facts.leftOut,
    report: {
      factTokens: facts.tokens,
      textTokens: text.tokens,
      factsShown: facts.shown.length,
      factsLeftOut: facts.leftOut.length,
      eventsShown: text.shown.length,
      eventsLeftOut: input.events.length - text.shown.length + input.eventsElsewhere,
    },
  };
}
