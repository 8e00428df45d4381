/**
 * Who acts in a turn and in which order: the domains that the words ask something of, the one that was served before
 * first, since its part of the turn is an answer to what was said. Each agent asks the same question and hands on to
 * the next in line, so no list has to be carried along. Pure.
 */
import type { Domain, GoldAct } from "../data/dialogue.ts";
import type { Tables } from "../data/tables.ts";
import { domainOfTurn } from "./domain-of-turn.ts";
import type { Facts } from "./frame.ts";
import { domainsOfActs } from "./oracle.ts";
import { trailOf } from "./references.ts";

export interface PlanInput {
  readonly userText: string;
  readonly lastSystemText?: string | undefined;
  /** Facts as they were before this turn. */
  readonly facts: Facts;
  readonly acts?: readonly GoldAct[] | undefined;
}

/** The domains of a turn in the order in which they should act; never empty. */
export function planTurn(input: PlanInput, tables: Tables): readonly Domain[] {
  const incumbent = trailOf(input.facts)[0];
  const byWords = domainOfTurn(tables, input.userText, incumbent, input.lastSystemText).domains;
  const byActs = input.acts ? domainsOfActs(input.acts) : [];
  const domains = byActs.length > 0 ? byActs : byWords;
  return incumbent && domains.includes(incumbent) ? [incumbent, ...domains.filter((domain) => domain !== incumbent)] : domains;
}

/** What the agent `self` should do: answer if the turn is (also) its own, and hand on to whoever has not acted yet. */
export interface Decision {
  readonly answer: boolean;
  readonly handTo: Domain | undefined;
}

/** `acted` are the agents that already took part in this task, in any order. */
export function decide(self: Domain, plan: readonly Domain[], acted: readonly Domain[]): Decision {
  const answer = plan.includes(self) || acted.length > 0;
  const handTo = plan.find((domain) => domain !== self && !acted.includes(domain));
  return { answer, handTo };
}
