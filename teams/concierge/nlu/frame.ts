/**
 * What a turn says to one domain: the one shape that both the rules (words alone) and the oracle (gold acts) give, so
 * that an agent can't tell which of them it was handed.
 */
import type { Domain } from "../data/dialogue.ts";

/** Facts of the conversation, "hotel.area" → "centre". Facts of other kinds may stand among them and are ignored. */
export type Facts = Readonly<Record<string, unknown>>;

/** The value "anything will do". */
export const ANY = "dontcare";

export interface Frame {
  readonly domain: Domain;
  /** Slots of this domain that the turn settles, without the domain's name, values in the labels' form. */
  readonly inform: Readonly<Record<string, string>>;
  /** Which of them came from another domain's facts by reference. */
  readonly carried: readonly string[];
  /** What the user wants to be told: "phone", "postcode", "price". */
  readonly requests: readonly string[];
  readonly book: boolean;
  /** The turn says yes to what was offered, or no. */
  readonly answer: "yes" | "no" | undefined;
}

/** A fact as text, if it is one. */
export function factText(facts: Facts, name: string): string | undefined {
  const value = facts[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A fact as a concrete value: not "anything will do". */
export function knownFact(facts: Facts, name: string): string | undefined {
  const value = factText(facts, name);
  return value === ANY ? undefined : value;
}
