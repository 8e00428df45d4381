/**
 * slotRecall and wrong-carry of a run: the facts that came out of each turn against the gold state. Whether a fact was
 * carried is found here, from recordings and facts, by the same definition for us as for gold; an agent's own word for
 * it is not asked.
 */
import type { Dialogue } from "../data/dialogue.ts";
import { ANY } from "../nlu/frame.ts";
import { domainOfMention, findMentions, type Ontology } from "../nlu/ontology.ts";
import { normaliseText, numberOf } from "../nlu/text.ts";
import { findTimes } from "../nlu/times.ts";
import { dayOf, normaliseValue, priceRangeOf } from "../nlu/values.ts";
import { carriedSlots, domainOfSlot, KnownValues } from "./carried.ts";

/** The facts of a conversation after each of its turns, from the scorer's own ledger. */
export type FactsByTurn = readonly Readonly<Record<string, unknown>>[];

export interface SlotScore {
  /** Carried gold slots, and how many of them our facts had right after that turn. */
  readonly carriedGold: number;
  readonly carriedRight: number;
  readonly slotRecall: number;
  /** Values that we carried over, how many of them gold does not hold after that turn, and never holds afterwards. */
  readonly carriedMade: number;
  readonly wrongCarry: number;
  readonly wrongCarryEver: number;
  /** All slots that are new in gold or in our facts. */
  readonly precision: number;
  readonly recall: number;
  readonly perDomain: Readonly<Record<string, { readonly precision: number; readonly recall: number }>>;
}

/** The slots that belief states have; other facts ("hotel.ref") are no wishes and are not scored. */
const BELIEF_SLOTS: ReadonlySet<string> = new Set(
  "area pricerange stars type name day people stay time leaveAt arriveBy departure destination food internet parking department".split(" "),
);

function beliefSlots(facts: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  return Object.entries(facts).flatMap(([slot, value]) =>
    typeof value === "string" && BELIEF_SLOTS.has(slot.slice(slot.indexOf(".") + 1)) ? [[slot, value] as const] : [],
  );
}

/** Whether a text says a value, in whatever form: letters, a name's short form, a number word, a misspelt day. */
export function textSays(ontology: Ontology, slot: string, value: string, text: string | undefined): boolean {
  if (text === undefined) return false;
  const normalised = normaliseText(text);
  if (normalised.includes(normaliseText(value))) return true;
  const name = slot.slice(slot.indexOf(".") + 1);
  if (name === "day") return dayOf(normalised) === value;
  if (name === "pricerange") return priceRangeOf(normalised) === value;
  if (name === "people" || name === "stay" || name === "stars")
    return (
      normalised.split(/[^a-z0-9]+/).some((word) => numberOf(word) === value) ||
      (value === "1" && /\b(?:me|myself|alone|a night)\b/.test(normalised))
    );
  if (name === "time" || name === "leaveAt" || name === "arriveBy") return findTimes(normalised).some((time) => time.value === value);
  const key = normaliseValue(ontology, slot, value);
  return findMentions(ontology, normalised, text).some(
    (mention) => normaliseValue(ontology, `${domainOfMention(mention)}.name`, mention.name) === key,
  );
}

interface Count {
  right: number;
  missed: number;
  wrong: number;
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** What happened in one turn, and what the rest of the dialogue says about it. */
interface TurnView {
  readonly dialogue: Dialogue;
  readonly index: number;
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
  /** What each domain knew when the turn began, by gold and by our facts, in the normalised form. */
  readonly known: KnownValues;
}

export class SlotScorer {
  readonly #ontology: Ontology;
  readonly #domains = new Map<string, Count>();
  #carriedGold = 0;
  #carriedRight = 0;
  #made = 0;
  #wrong = 0;
  #wrongEver = 0;

  constructor(ontology: Ontology) {
    this.#ontology = ontology;
  }

  /** Scores one conversation; `facts[i]` are the facts after turn i. A turn without facts counts as nothing known. */
  add(dialogue: Dialogue, facts: FactsByTurn): void {
    for (const { turn, slot, value } of carriedSlots(dialogue)) {
      this.#carriedGold++;
      const ours = facts[turn]?.[slot];
      if (typeof ours === "string" && this.#equal(slot, ours, value)) this.#carriedRight++;
    }
    const known = new KnownValues();
    dialogue.turns.forEach((turn, index) => {
      for (const act of turn.gold.userActs) this.#learn(known, act.domain, act.slot, act.value);
      const view: TurnView = { dialogue, index, before: facts[index - 1] ?? {}, after: facts[index] ?? {}, known };
      this.#scoreCarried(view);
      this.#scoreNew(view);
      for (const act of turn.gold.systemActs) this.#learn(known, act.domain, act.slot, act.value);
      for (const [slot, value] of [...Object.entries(turn.gold.state), ...Object.entries(view.after)]) {
        if (typeof value === "string") this.#learn(known, domainOfSlot(slot), slot.slice(slot.indexOf(".") + 1), value);
      }
    });
  }

  /** A place teaches its area and price range too: "near the hotel" takes over what only the table says. */
  #learn(known: KnownValues, domain: string, name: string, value: string): void {
    const slot = `${domain}.${name === "offered" ? "name" : name}`;
    known.add(domain, normaliseValue(this.#ontology, slot, value));
    const fields = this.#ontology.venues.get(value)?.fields;
    if (!fields) return;
    for (const field of ["area", "pricerange"]) known.add(domain, fields[field] ?? "none");
  }

  result(): SlotScore {
    const all: Count = { right: 0, missed: 0, wrong: 0 };
    const perDomain: Record<string, { precision: number; recall: number }> = {};
    for (const [domain, count] of this.#domains) {
      all.right += count.right;
      all.missed += count.missed;
      all.wrong += count.wrong;
      perDomain[domain] = {
        precision: share(count.right, count.right + count.wrong),
        recall: share(count.right, count.right + count.missed),
      };
    }
    return {
      carriedGold: this.#carriedGold,
      carriedRight: this.#carriedRight,
      slotRecall: share(this.#carriedRight, this.#carriedGold),
      carriedMade: this.#made,
      wrongCarry: share(this.#wrong, this.#made),
      wrongCarryEver: share(this.#wrongEver, this.#made),
      precision: share(all.right, all.right + all.wrong),
      recall: share(all.right, all.right + all.missed),
      perDomain,
    };
  }

  #equal(slot: string, ours: string, gold: string): boolean {
    return normaliseValue(this.#ontology, slot, ours) === normaliseValue(this.#ontology, slot, gold);
  }

  #scoreCarried({ dialogue, index, before, after, known }: TurnView): void {
    const turn = dialogue.turns[index];
    const lastSystem = dialogue.turns[index - 1]?.system;
    for (const [slot, value] of beliefSlots(after)) {
      if (before[slot] === value || value === ANY) continue;
      if (textSays(this.#ontology, slot, value, turn?.user) || textSays(this.#ontology, slot, value, lastSystem)) continue;
      if (!known.knownElsewhere(domainOfSlot(slot), normaliseValue(this.#ontology, slot, value))) continue;
      this.#made++;
      const holds = (state: Readonly<Record<string, string>> | undefined): boolean =>
        state?.[slot] !== undefined && this.#equal(slot, value, state[slot]);
      if (holds(turn?.gold.state)) continue;
      this.#wrong++;
      if (!dialogue.turns.slice(index).some((later) => holds(later.gold.state))) this.#wrongEver++;
    }
  }

  #count(slot: string): Count {
    const domain = domainOfSlot(slot);
    const count = this.#domains.get(domain) ?? { right: 0, missed: 0, wrong: 0 };
    this.#domains.set(domain, count);
    return count;
  }

  #scoreNew({ dialogue, index, before, after }: TurnView): void {
    const gold = dialogue.turns[index]?.gold.state ?? {};
    const goldBefore = dialogue.turns[index - 1]?.gold.state ?? {};
    for (const [slot, value] of Object.entries(gold)) {
      if (goldBefore[slot] === value) continue;
      const ours = after[slot];
      if (typeof ours === "string" && this.#equal(slot, ours, value)) this.#count(slot).right++;
      else this.#count(slot).missed++;
    }
    for (const [slot, value] of beliefSlots(after)) {
      if (before[slot] === value) continue;
      if (gold[slot] === undefined || !this.#equal(slot, value, gold[slot])) this.#count(slot).wrong++;
    }
  }
}
