/**
 * From a reading of a turn to the facts that it settles. Facts have the names of the belief state ("hotel.area"); what
 * an utterance merely named is "hotel.offered"; "trail" is the order in which domains were served, the latest first.
 * Pure: a caller commits the result, and whatever another domain may need later goes through that commit.
 */
import type { Domain } from "../data/dialogue.ts";
import type { Tables } from "../data/tables.ts";
import type { Facts, Frame } from "../nlu/frame.ts";
import { factText } from "../nlu/frame.ts";
import { observeUtterance } from "../nlu/observe.ts";
import { ontologyOf } from "../nlu/ontology.ts";
import { trailOf } from "../nlu/references.ts";

/** Facts that changed: only these are returned, so that what a hop writes stays small. */
export function changedFacts(facts: Facts, next: Readonly<Record<string, string>>): Record<string, string> {
  const changed: Record<string, string> = {};
  for (const [name, value] of Object.entries(next)) if (factText(facts, name) !== value) changed[name] = value;
  return changed;
}

/** The facts before a frame is read: those known, with what the last utterance named laid over them. */
export function withObserved(
  facts: Facts,
  lastSystemText: string | undefined,
  tables: Tables,
): { readonly facts: Facts; readonly observed: Readonly<Record<string, string>> } {
  const observed = observeUtterance(ontologyOf(tables), lastSystemText, facts);
  return { facts: { ...facts, ...observed }, observed };
}

/** The trail with a domain put first; `general` leaves no trace, for thanks are no change of subject. */
export function trailWith(facts: Facts, domain: Domain): string {
  const trail = trailOf(facts);
  return domain === "general" ? trail.join(",") : [domain, ...trail.filter((name) => name !== domain)].join(",");
}

/** What a frame settles. A name that the user says is also what the domain is now about. */
export function settledFacts(frame: Frame): Record<string, string> {
  const settled: Record<string, string> = {};
  for (const [slot, value] of Object.entries(frame.inform)) settled[`${frame.domain}.${slot}`] = value;
  const name = frame.inform["name"];
  if (name !== undefined) settled[`${frame.domain}.offered`] = name;
  return settled;
}
