/**
 * What the agents' examples are worth as routing prototypes, without a cluster: each turn goes to the nearest agent,
 * the incumbent and the turn before have their weights, and a turn that was handed on teaches the agent that took it.
 *   node teams/concierge/score/prototypes.ts [--bonus 0.06] [--last-turn 0.1] [--no-teaching] [--dialogues N]
 * It repeats the router's arithmetic in floats; the cluster's own figure is the runner's `routingAccuracy`.
 */
import { parseArgs } from "node:util";
import { embedText, inverseDocumentFrequency } from "@triad/protocol";
import { DOMAINS, type Domain } from "../data/dialogue.ts";
import { findDataSource, loadDialogues, loadTables } from "../data/source.ts";
import { domainOfTurn } from "../nlu/domain-of-turn.ts";
import { EXAMPLES } from "../routing/examples.ts";
import { RoutingScorer } from "./routing.ts";

const { values } = parseArgs({
  options: {
    bonus: { type: "string", default: "0.06" },
    "last-turn": { type: "string", default: "0.1" },
    "no-teaching": { type: "boolean", default: false },
    dialogues: { type: "string" },
  },
});
const bonus = Number(values.bonus);
const lastTurnWeight = Number(values["last-turn"]);

const DIMENSIONS = 1024;
const PROTOTYPES_MAX = 16;
/** A taught prototype moves by one part in this many. */
const TEACHING_PARTS = 8;
const NEAREST_PARTS = 4;

const idf = inverseDocumentFrequency(Object.values(EXAMPLES).flat(), DIMENSIONS);
const embed = (text: string): Float32Array => embedText(text, DIMENSIONS, idf);
const prototypes = new Map<Domain, Float32Array[]>(DOMAINS.map((domain) => [domain, EXAMPLES[domain].map(embed)]));

function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let square = 0;
  for (let at = 0; at < a.length; at++) {
    const y = b[at] ?? 0;
    dot += (a[at] ?? 0) * y;
    square += y * y;
  }
  return square === 0 ? 0 : dot / Math.sqrt(square);
}

/** The prototypes of a domain by their closeness to a unit vector, nearest first. */
function ranked(domain: Domain, vector: Float32Array): readonly { readonly at: number; readonly closeness: number }[] {
  return (prototypes.get(domain) ?? [])
    .map((prototype, at) => ({ at, closeness: cosine(vector, prototype) }))
    .sort((a, b) => b.closeness - a.closeness);
}

/** The mean closeness of the nearest quarter speaks for an agent: a single one is too easily met by chance. */
function affinity(domain: Domain, vector: Float32Array): number {
  const all = ranked(domain, vector);
  const few = all.slice(0, Math.max(1, Math.ceil(all.length / NEAREST_PARTS)));
  return few.reduce((sum, { closeness }) => sum + closeness, 0) / few.length;
}

function teach(domain: Domain, vector: Float32Array): void {
  const known = prototypes.get(domain) ?? [];
  if (known.length < PROTOTYPES_MAX) known.push(vector);
  else {
    const at = ranked(domain, vector)[0]?.at ?? 0;
    known[at] = (known[at] ?? vector).map((value, index) => (value * (TEACHING_PARTS - 1) + (vector[index] ?? 0)) / TEACHING_PARTS);
  }
}

type Closeness = ReadonlyMap<Domain, number>;

function choose(now: Closeness, before: Closeness | undefined, incumbent: Domain | undefined): Domain {
  const score = (domain: Domain): number =>
    (now.get(domain) ?? 0) + lastTurnWeight * (before?.get(domain) ?? 0) + (domain === incumbent ? bonus : 0);
  return DOMAINS.reduce((best, domain) => (score(domain) > score(best) ? domain : best));
}

const source = findDataSource();
const tables = loadTables(source);
const routed = new RoutingScorer();
const settled = new RoutingScorer();
for (const dialogue of loadDialogues(source).slice(0, values.dialogues === undefined ? undefined : Number(values.dialogues))) {
  const first: Domain[] = [];
  const last: Domain[] = [];
  let incumbent: Domain | undefined;
  let before: Closeness | undefined;
  let lastSystemText: string | undefined;
  for (const turn of dialogue.turns) {
    const vector = embed(turn.user);
    const now: Closeness = new Map(DOMAINS.map((domain) => [domain, affinity(domain, vector)]));
    const choice = choose(now, before, incumbent);
    const { domains } = domainOfTurn(tables, turn.user, incumbent, lastSystemText);
    const taker = domains.includes(choice) ? choice : (domains[0] ?? choice);
    if (taker !== choice && !values["no-teaching"]) teach(taker, vector);
    first.push(choice);
    last.push(taker);
    if (taker !== "general") incumbent = taker;
    before = now;
    lastSystemText = turn.system;
  }
  routed.add(dialogue, first);
  settled.add(dialogue, last);
}
for (const [name, scorer] of [
  ["routed by prototypes", routed],
  ["settled after hand-off", settled],
] as const) {
  const { routingAccuracy, switchAccuracy, incumbentAccuracy, turns, switches } = scorer.result();
  console.log(
    `${name}: ${routingAccuracy.toFixed(3)} of ${turns}, at ${switches} switches ${switchAccuracy.toFixed(3)}, incumbent ${incumbentAccuracy.toFixed(3)}`,
  );
}
