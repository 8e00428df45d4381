/**
 * The domain half on real conversations, where they lie on this machine, and on the built-in ones everywhere. Floors
 * are below what is reached (README) by a margin, so that noise passes and a broken rule does not.
 */
import { describe, expect, it } from "vitest";
import type { DataSource } from "../data/source.ts";
import { findDataSource, loadDialogues, loadTables } from "../data/source.ts";
import { ontologyOf } from "../nlu/ontology.ts";
import { runClosedLoop } from "../score/closed-loop.ts";
import { factsView } from "../score/facts-view.ts";
import { RoutingScorer } from "../score/routing.ts";
import { SlotScorer } from "../score/slots.ts";
import { baselineViews, ViewScorer } from "../score/views.ts";

const DIALOGUES = 250;
const countTokens = (text: string): number => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0;

function score(source: DataSource, nlu: "rules" | "oracle") {
  const tables = loadTables(source);
  const ontology = ontologyOf(tables);
  const slots = new SlotScorer(ontology);
  const routing = new RoutingScorer();
  const views = new ViewScorer(ontology, countTokens, { ...baselineViews(countTokens), facts: factsView });
  for (const dialogue of loadDialogues(source).slice(0, DIALOGUES)) {
    const { facts, picks } = runClosedLoop(dialogue, tables, nlu);
    slots.add(dialogue, facts);
    routing.add(dialogue, picks);
    views.add(dialogue, facts);
  }
  return { slots: slots.result(), routing: routing.result(), views: views.result() };
}

const recorded = findDataSource();

describe("the built-in conversations", () => {
  it("are understood and carried", () => {
    const { slots, routing } = score({ kind: "built-in" }, "rules");
    expect(slots.slotRecall).toBeGreaterThan(0.85);
    expect(slots.wrongCarry).toBeLessThan(0.1);
    expect(routing.routingAccuracy).toBeGreaterThan(0.93);
  });
});

describe.skipIf(recorded.kind === "built-in")("the first recorded conversations (skipped where no data lie)", () => {
  it("by rules: domains, slots, carried slots and views above their floors", () => {
    const { slots, routing, views } = score(recorded, "rules");
    expect(routing.routingAccuracy).toBeGreaterThan(0.95);
    expect(routing.switchAccuracy).toBeGreaterThan(0.9);
    expect(routing.routingAccuracy).toBeGreaterThan(routing.incumbentAccuracy);
    expect(slots.precision).toBeGreaterThan(0.85);
    expect(slots.recall).toBeGreaterThan(0.86);
    expect(slots.slotRecall).toBeGreaterThan(0.72);
    expect(slots.wrongCarry).toBeLessThan(0.28);
    const facts = views["facts"]?.slotRecall ?? 0;
    for (const name of ["no context", "last 2 utterances", "last 4 utterances", "user turn as query, 128 tokens"])
      expect(facts).toBeGreaterThan(views[name]?.slotRecall ?? 1);
  });

  it("by gold acts: no fewer slots than by rules", () => {
    expect(score(recorded, "oracle").slots.recall).toBeGreaterThanOrEqual(score(recorded, "rules").slots.recall);
  });
});
