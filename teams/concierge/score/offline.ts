/**
 * Prints what the domain half reaches on the recorded conversations, without a cluster:
 *   node teams/concierge/score/offline.ts [--nlu rules|oracle] [--dialogues N] [--json]
 */
import { parseArgs } from "node:util";
import { findDataSource, loadDialogues, loadTables } from "../data/source.ts";
import { ontologyOf } from "../nlu/ontology.ts";
import { runClosedLoop } from "./closed-loop.ts";
import { factsView } from "./facts-view.ts";
import { RoutingScorer } from "./routing.ts";
import { SlotScorer } from "./slots.ts";
import { baselineViews, ViewScorer } from "./views.ts";

const { values } = parseArgs({
  options: { nlu: { type: "string", default: "rules" }, dialogues: { type: "string" }, json: { type: "boolean", default: false } },
});
const nlu = values.nlu === "oracle" ? "oracle" : "rules";
const source = findDataSource();
const tables = loadTables(source);
const ontology = ontologyOf(tables);
const dialogues = loadDialogues(source).slice(0, values.dialogues === undefined ? undefined : Number(values.dialogues));

/** A rough count for tables made here: words and marks. The runner counts as the product does. */
const countTokens = (text: string): number => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0;

const slots = new SlotScorer(ontology);
const routing = new RoutingScorer();
const views = new ViewScorer(ontology, countTokens, { ...baselineViews(countTokens), "facts, no text": factsView });
const startedMs = performance.now();
let turns = 0;
for (const dialogue of dialogues) {
  const { facts, picks } = runClosedLoop(dialogue, tables, nlu);
  slots.add(dialogue, facts);
  routing.add(dialogue, picks);
  views.add(dialogue, facts);
  turns += dialogue.turns.length;
}
const summary = {
  data: source.kind,
  nlu,
  dialogues: dialogues.length,
  turns,
  slots: slots.result(),
  routing: routing.result(),
  views: views.result(),
  msPerTurn: (performance.now() - startedMs) / turns,
};

if (values.json) console.log(JSON.stringify(summary, null, 2));
else {
  const percent = (value: number): string => value.toFixed(3);
  const { slots: score, routing: route } = summary;
  console.log(
    `${summary.data}, ${nlu}: ${summary.dialogues} dialogues, ${turns} turns, ${summary.msPerTurn.toFixed(2)} ms a turn with scoring`,
  );
  console.log(`slots: precision ${percent(score.precision)}, recall ${percent(score.recall)}`);
  console.log(
    `carried: ${score.carriedRight} of ${score.carriedGold} (slotRecall ${percent(score.slotRecall)}); made ${score.carriedMade}, wrongCarry ${percent(score.wrongCarry)}, never right ${percent(score.wrongCarryEver)}`,
  );
  console.log(
    `domain by words: ${percent(route.routingAccuracy)} of ${route.turns} one-domain turns, at ${route.switches} switches ${percent(route.switchAccuracy)}, incumbent ${percent(route.incumbentAccuracy)}`,
  );
  for (const [row, { turns: count, fits }] of Object.entries(route.others))
    console.log(`  turns with ${row} gold domain(s): ${count}, fits ${percent(fits)}`);
  for (const [name, { slotRecall, tokensPerHop }] of Object.entries(summary.views))
    console.log(`  view ${name.padEnd(34)} ${percent(slotRecall)}  ${tokensPerHop.toFixed(0)} tokens a hop`);
}
