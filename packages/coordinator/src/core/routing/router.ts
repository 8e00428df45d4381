/**
 * Who takes the next step: a pure decision over candidates, loads and affinities that are all arguments (theory.md 4, state.md 8).
 * Kept apart from the choice of a worker and from whoever gathers loads. The leader calls it; apply never does: the choice is data in
 * the entry. Exploration is by a number that the caller draws.
 *
 * The way of a decision: who can → score each → best → the least loaded of those within a near tie → the incumbent, unless the pick
 * leads it by more than its bonus → now and then a new agent instead.
 *
 * Invariants:
 * R1 Same arguments, same decision; ties go to the candidate that was given first.
 * R2 A candidate's parts add up to its score; the chosen one is always among the candidates shown.
 * R3 No candidate is left out for load: an agent without a free worker may be picked, and the step waits.
 */
import type { CandidateScore, Requirements, RouteReason, RoutingDecision } from "@triad/protocol";
import { voteWeight } from "../aggregation/vote-weight.ts";
import type { RoutingCandidate } from "./candidate.ts";
import { ROUTER_DEFAULTS, type RouterSettings } from "./router-settings.ts";
import { type SkillShare, skillShares } from "./statistics.ts";
import { geometricMean, poolOf, type Scored, scoreCandidate, sharesOf } from "./utility.ts";

export type { RoutingCandidate } from "./candidate.ts";
export { ROUTER_DEFAULTS, type RouterSettings } from "./router-settings.ts";

/** Candidates shown in a decision. */
const SHOWN_MAX = 8;

export interface RoutingRequest {
  readonly requires: Requirements | undefined;
  /** The request has a text with an embedding, so affinities mean something. */
  readonly hasText: boolean;
  /** Who took the last step of the conversation. */
  readonly incumbent: string | undefined;
  /** Instead of the settings' one; in units of cosine. */
  readonly incumbentBonus?: number;
  /** Agents that are out of the question, as the one that hands on. */
  readonly exclude?: readonly string[];
  /** A draw from [0, 1): below the settings' share a new agent is tried. Absent: never. */
  readonly explore?: number;
}

export interface RoutedAgent {
  readonly agent: string;
  readonly decision: RoutingDecision;
  /** r of the step: what was required, else the skills that the agent declares, each alike. */
  readonly requires: Requirements;
}

export interface EnsemblePick extends RoutedAgent {
  /** By judged quality alone: whether an agent tends to finish says nothing about whether it is right. */
  readonly voteWeight: number;
}

/** The agent for one step. */
export function route(
  request: RoutingRequest,
  candidates: readonly RoutingCandidate[],
  settings: RouterSettings = ROUTER_DEFAULTS,
): RoutedAgent | { readonly refused: "noCandidate" } {
  const required = skillShares(request.requires);
  const ranked = rank(request, required, candidates, settings);
  const choice = choose(request, ranked, required.length > 0, settings);
  if (choice === null) return { refused: "noCandidate" };
  return routed(choice.picked, ranked, choice.reason, required);
}

/** The agent that a hand-off names: no choice, but a decision like any other, with its score. */
export function routeNamed(
  agent: string,
  request: RoutingRequest,
  candidates: readonly RoutingCandidate[],
  settings: RouterSettings = ROUTER_DEFAULTS,
): RoutedAgent | { readonly refused: "noCandidate" } {
  // By its own skills: what the one that hands on might require besides does not unname it.
  const named = candidates.filter((candidate) => candidate.agent === agent);
  const ranked = rank({ ...request, requires: undefined, exclude: [] }, [], named, settings);
  const picked = ranked[0];
  return picked === undefined ? { refused: "noCandidate" } : routed(picked, ranked, "named", []);
}

/** The n best distinct agents for an ensemble, best first. The incumbent has no advantage: an ensemble asks several on purpose. */
export function routeEnsemble(
  request: RoutingRequest,
  candidates: readonly RoutingCandidate[],
  n: number,
  settings: RouterSettings = ROUTER_DEFAULTS,
): { readonly picks: readonly EnsemblePick[] } | { readonly refused: "tooSmall"; readonly available: number } {
  const required = skillShares(request.requires);
  const ranked = rank({ ...request, incumbent: undefined }, required, candidates, settings);
  if (ranked.length < n || n < 1) return { refused: "tooSmall", available: ranked.length };
  const picks = ranked.slice(0, n).map((scored) => ({
    ...routed(scored, ranked, "ensemble", required),
    voteWeight: voteWeight(geometricMean(scored.candidate, sharesOf(scored.candidate, required), (s) => s.quality)),
  }));
  return { picks };
}

/**
 * Who can take it. With requirements: whoever declares every one of them. With a text and none: whoever has examples, if anybody has,
 * since the others' affinity of 0 says nothing. Else everyone.
 */
function eligible(
  request: RoutingRequest,
  required: readonly SkillShare[],
  candidates: readonly RoutingCandidate[],
): readonly RoutingCandidate[] {
  const excluded = new Set(request.exclude);
  const left = candidates.filter((candidate) => !excluded.has(candidate.agent));
  if (required.length > 0) {
    return left.filter((candidate) => required.every(({ skill }) => Object.hasOwn(candidate.skills, skill)));
  }
  const withExamples = request.hasText ? left.filter((candidate) => candidate.hasExamples) : [];
  return withExamples.length > 0 ? withExamples : left;
}

/** Eligible candidates, best first. */
function rank(
  request: RoutingRequest,
  required: readonly SkillShare[],
  candidates: readonly RoutingCandidate[],
  settings: RouterSettings,
): readonly Scored[] {
  const able = eligible(request, required, candidates);
  const pool = poolOf(able, required, settings);
  const incumbent = { agent: request.incumbent, bonus: request.incumbentBonus ?? settings.incumbentBonus };
  return able
    .map((candidate, order) => scoreCandidate(candidate, order, required, incumbent, pool, settings))
    .sort((a, b) => b.score - a.score || a.utilisation - b.utilisation || a.order - b.order);
}

function choose(
  request: RoutingRequest,
  ranked: readonly Scored[],
  comparable: boolean,
  settings: RouterSettings,
): { readonly picked: Scored; readonly reason: RouteReason } | null {
  const best = ranked[0];
  if (best === undefined) return null;
  if (ranked.length === 1) return { picked: best, reason: "only" };
  const incumbent = ranked.find((scored) => scored.candidate.agent === request.incumbent);
  const newcomer = incumbent === undefined && comparable ? newcomerToTry(request, ranked, settings) : undefined;
  if (newcomer !== undefined) return { picked: newcomer, reason: newcomer === best ? "best" : "explore" };

  const least = leastLoaded(
    best,
    ranked.filter((scored) => best.score - scored.score <= settings.nearTie),
  );
  // The bonus stands in the incumbent's score: it stays unless the pick leads it by more than that.
  if (incumbent !== undefined && incumbent.score >= least.score) {
    const bare = incumbent.score - incumbent.parts.incumbent;
    const bestAnyway = ranked.every((scored) => scored === incumbent || scored.score <= bare);
    return { picked: incumbent, reason: bestAnyway ? "best" : "incumbent" };
  }
  return { picked: least, reason: least === best ? "best" : "nearTie" };
}

/** Among near ties the smallest share of capacity in use; `near` is best first, so the better of two equally loaded ones. */
function leastLoaded(best: Scored, near: readonly Scored[]): Scored {
  return near.reduce((least, scored) => (scored.utilisation < least.utilisation ? scored : least), best);
}

/**
 * The agent with the fewest steps, if it is new beside others that are not, and the draw falls to it. Only where the request names skills:
 * a text given to the agent of another subject teaches nothing and costs a wrong answer.
 */
function newcomerToTry(request: RoutingRequest, ranked: readonly Scored[], settings: RouterSettings): Scored | undefined {
  if (request.explore === undefined || request.explore >= settings.exploreShare) return undefined;
  if (ranked.every((scored) => scored.samples < settings.newBelowSamples)) return undefined;
  const newest = ranked.reduce((least, scored) => (scored.samples < least.samples ? scored : least));
  return newest.samples < settings.newBelowSamples ? newest : undefined;
}

function routed(picked: Scored, ranked: readonly Scored[], reason: RouteReason, required: readonly SkillShare[]): RoutedAgent {
  const shown = ranked.slice(0, SHOWN_MAX);
  if (!shown.includes(picked)) shown[shown.length - 1] = picked;
  return {
    agent: picked.candidate.agent,
    decision: {
      score: picked.score,
      runnerUp: ranked.find((scored) => scored !== picked)?.candidate.agent ?? null,
      candidates: shown.map(({ candidate, score, parts }): CandidateScore => ({ agent: candidate.agent, score, parts })),
      reason,
    },
    requires: Object.fromEntries(sharesOf(picked.candidate, required).map(({ skill, share }) => [skill, share])),
  };
}
