/**
 * A conversation run through the domain half alone, in one thread and without a cluster: who acts by the words, what
 * each of them settles, facts handed on in a plain object. It tells what the grammar is worth before anything can be
 * lost on the way; the runner's figures come from the cluster.
 */
import type { Dialogue, Domain } from "../data/dialogue.ts";
import type { Tables } from "../data/tables.ts";
import { respond } from "../domain/respond.ts";
import { planTurn } from "../nlu/plan.ts";

export interface LoopResult {
  /** Facts after each turn. */
  readonly facts: readonly Readonly<Record<string, string>>[];
  /** The domain that each turn's words are about first. */
  readonly picks: readonly Domain[];
  readonly outputs: readonly string[];
}

export function runClosedLoop(dialogue: Dialogue, tables: Tables, nlu: "rules" | "oracle"): LoopResult {
  const facts: Readonly<Record<string, string>>[] = [];
  const picks: Domain[] = [];
  const outputs: string[] = [];
  let known: Readonly<Record<string, string>> = {};
  let lastSystemText: string | undefined;
  for (const turn of dialogue.turns) {
    const acts = nlu === "oracle" ? turn.gold.userActs : undefined;
    const plan = planTurn({ userText: turn.user, lastSystemText, facts: known, acts }, tables);
    const said: string[] = [];
    for (const domain of plan) {
      const response = respond(domain, { userText: turn.user, lastSystemText, facts: known, acts }, tables);
      known = { ...known, ...response.facts };
      said.push(response.output);
    }
    facts.push(known);
    // With several domains the last one is what the turn moved on to.
    picks.push(plan.at(-1) ?? "general");
    outputs.push(said.join(" "));
    lastSystemText = turn.system;
  }
  return { facts, picks, outputs };
}
