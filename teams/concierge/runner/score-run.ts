/**
 * The figures of a run, by scorers that trust nothing of the cluster: what agents were given and returned comes from the outside ledger, what was
 * right from the recordings. The cluster is asked only which attempts it committed.
 */
import { buildView, countTokens } from "@triad/agent-worker";
import type { Json } from "@triad/protocol";
import { type Dialogue, loadTables } from "../index.ts";
import type { LedgerLine } from "../ledger.ts";
import { ontologyOf } from "../nlu/ontology.ts";
import { type HopRecord, scoreContext } from "../score/context-kept.ts";
import { factsView } from "../score/facts-view.ts";
import { RoutingScorer } from "../score/routing.ts";
import { SlotScorer } from "../score/slots.ts";
import { baselineViews, type ViewBuilder, type ViewPoint, type ViewRow, ViewScorer } from "../score/views.ts";
import type { TurnRun } from "./drive.ts";

export interface RunScores {
  readonly contextKept: number;
  readonly handoffs: number;
  readonly slotRecall: number;
  readonly wrongCarry: number;
  readonly carriedSlots: number;
  /** The router's first choice, on turns with exactly one gold domain. */
  readonly routingAccuracy: number;
  readonly switchAccuracy: number;
  readonly incumbentAccuracy: number;
  /** The agent that settled the turn, after hand-offs. */
  readonly settledAccuracy: number;
  readonly settledSwitchAccuracy: number;
  /** Turns with no gold domain, or with several: in rows of their own. */
  readonly routingRows: readonly { readonly name: string; readonly turns: number; readonly accuracy: number | null }[];
  readonly views: Readonly<Record<string, ViewRow>>;
  /** Facts that did not stand where they had to, at most a few, for people. */
  readonly lostFacts: readonly string[];
}

const LOST_SHOWN = 10;
const FACT_TOKENS = 512;
const TEXT_TOKENS = 128;
const HALF_TEXT_TOKENS = 64;

/** Committed steps of a conversation, in order, each with the ledger's line of the attempt that was committed. */
interface CommittedStep {
  readonly turn: number;
  readonly agent: string;
  readonly line: LedgerLine | undefined;
}

function stepsOf(runs: readonly TurnRun[], ledger: ReadonlyMap<string, readonly LedgerLine[]>): readonly CommittedStep[] {
  return runs.flatMap(({ task, turn, result }) =>
    (result?.steps ?? []).map((step): CommittedStep => {
      const lines = ledger.get(`${task}/${step.n}`) ?? [];
      const line = lines.find((each) => each.output === step.output && sameFacts(each.facts, step.facts));
      return { turn, agent: step.agent, line };
    }),
  );
}

function sameFacts(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const text = (facts: Readonly<Record<string, unknown>>): string =>
    JSON.stringify(Object.entries(facts).sort(([x], [y]) => (x < y ? -1 : 1)));
  return text(a) === text(b);
}

/** A committed step without a ledger line was given nothing that anybody can vouch for: an empty prompt, in which every fact is missing. */
function hopsOf(conversation: string, steps: readonly CommittedStep[]): readonly HopRecord[] {
  return steps.map(({ agent, line }, hop) => ({
    dialogue: conversation,
    hop,
    agentFrom: steps[hop - 1]?.agent,
    agentTo: agent,
    prompt: line?.prompt ?? "",
    factsReturned: line?.facts ?? {},
  }));
}

/** Facts after each turn, folded from what committed attempts returned by the ledger. */
function factsByTurn(turns: number, steps: readonly CommittedStep[]): readonly Readonly<Record<string, unknown>>[] {
  const facts: Record<string, unknown> = {};
  return Array.from({ length: turns }, (_, turn) => {
    for (const step of steps) {
      if (step.turn !== turn) continue;
      for (const [name, value] of Object.entries(step.line?.facts ?? {})) {
        if (value === null) delete facts[name];
        else facts[name] = value;
      }
    }
    return { ...facts };
  });
}

/** The product's own view of a moment, as `turn.prompt()` builds it. */
function productView(point: ViewPoint, factTokens: number, textTokens: number): ReturnType<typeof buildView> {
  return buildView({
    facts: Object.entries(point.facts).map(([name, value]) => ({ name, value: value as Json, setBy: 0 })),
    events: point.earlier.map(({ by, text }, index) => ({ seq: index + 1, by, text, facts: {} })),
    eventsElsewhere: 0,
    query: point.userText,
    factTokens,
    textTokens,
  });
}

const ourViews: Readonly<Record<string, ViewBuilder>> = {
  "greedy fact cover, 64 tokens": (point) => productView(point, FACT_TOKENS, HALF_TEXT_TOKENS).transcript,
  "greedy fact cover, 128 tokens": (point) => productView(point, FACT_TOKENS, TEXT_TOKENS).transcript,
  "Triad: facts alone": factsView,
  "Triad: facts + 128 tokens": (point) => {
    const view = productView(point, FACT_TOKENS, TEXT_TOKENS);
    return `${view.facts}\n${view.transcript}`;
  },
};

/**
 * @param runs every turn that was run; the first round of each dialogue is scored against gold, all rounds for context.
 * @param verified conversations whose hash chain was recomputed and holds: no other has kept its context.
 */
export function scoreRun(
  dialogues: readonly Dialogue[],
  runs: readonly TurnRun[],
  lines: readonly LedgerLine[],
  verified: ReadonlySet<string>,
): RunScores {
  const ontology = ontologyOf(loadTables());
  const ledger = Map.groupBy(lines, (line) => `${line.task}/${line.step}`);
  const byConversation = Map.groupBy(runs, (run) => run.conversation);
  const slots = new SlotScorer(ontology);
  const first = new RoutingScorer();
  const settled = new RoutingScorer();
  const views = new ViewScorer(ontology, countTokens, { ...baselineViews(countTokens), ...ourViews });
  const hops: HopRecord[] = [];
  const gold = new Map(dialogues.map((dialogue) => [dialogue.id, dialogue]));
  for (const [conversation, unordered] of byConversation) {
    const ordered = unordered.toSorted((a, b) => a.turn - b.turn);
    const steps = stepsOf(ordered, ledger);
    hops.push(...hopsOf(conversation, steps));
    const dialogue = gold.get(ordered[0]?.dialogue ?? "");
    if (dialogue === undefined || !conversation.endsWith("-0")) continue;
    const facts = factsByTurn(dialogue.turns.length, steps);
    slots.add(dialogue, facts);
    views.add(dialogue, facts);
    first.add(
      dialogue,
      dialogue.turns.map((_, turn) => ordered[turn]?.result?.steps[0]?.agent),
    );
    settled.add(
      dialogue,
      dialogue.turns.map((_, turn) => ordered[turn]?.result?.steps.at(-1)?.agent),
    );
  }
  const context = scoreContext(hops, (conversation) => verified.has(conversation));
  const slotScore = slots.result();
  const routing = first.result();
  const afterHandoffs = settled.result();
  return {
    contextKept: context.contextKept,
    handoffs: context.handoffs,
    // A share of nothing is absent, not 0.
    slotRecall: slotScore.carriedGold === 0 ? Number.NaN : slotScore.slotRecall,
    wrongCarry: slotScore.carriedMade === 0 ? Number.NaN : slotScore.wrongCarry,
    carriedSlots: slotScore.carriedGold,
    routingAccuracy: routing.routingAccuracy,
    switchAccuracy: routing.switchAccuracy,
    incumbentAccuracy: routing.incumbentAccuracy,
    settledAccuracy: afterHandoffs.routingAccuracy,
    settledSwitchAccuracy: afterHandoffs.switchAccuracy,
    routingRows: (["none", "two", "three"] as const).map((name) => ({
      name: `${name} gold domain${name === "none" ? "" : "s"}`,
      turns: routing.others[name].turns,
      // Without a turn there is no share: absent, not 0.
      accuracy: routing.others[name].turns === 0 ? null : routing.others[name].fits,
    })),
    views: views.result(),
    lostFacts: context.lost
      .slice(0, LOST_SHOWN)
      .map((lost) => `${lost.dialogue} hop ${lost.hop}: ${lost.agentTo} was not given ${lost.fact}`),
  };
}
