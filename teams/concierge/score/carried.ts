/**
 * Carried slots: what a turn's gold state newly holds although neither the user nor the last utterance said it, while
 * another domain knew it (data README, D3). The scorer sees recordings and what came out, nothing of the cluster.
 *
 * C1: "said" and "known" compare the labels' own letters, as the pre-study did, so that its 392 slots in 245 of 999
 *     dialogues are the same ones; only whether our value equals gold is judged in the normalised form.
 */
import type { Dialogue, Turn } from "../data/dialogue.ts";
import { ANY } from "../nlu/frame.ts";

export interface CarriedSlot {
  readonly dialogue: string;
  readonly turn: number;
  /** "restaurant.area" */
  readonly slot: string;
  readonly value: string;
}

export function domainOfSlot(slot: string): string {
  return slot.slice(0, slot.indexOf("."));
}

function says(text: string | undefined, value: string): boolean {
  return text?.toLowerCase().includes(value.toLowerCase()) ?? false;
}

/** Which domains know a value so far. */
export class KnownValues {
  readonly #domains = new Map<string, Set<string>>();

  add(domain: string, value: string): void {
    if (value === "?" || value === "none") return;
    const key = value.toLowerCase();
    const domains = this.#domains.get(key);
    if (domains) domains.add(domain);
    else this.#domains.set(key, new Set([domain]));
  }

  knownElsewhere(domain: string, value: string): boolean {
    for (const other of this.#domains.get(value.toLowerCase()) ?? []) if (other !== domain) return true;
    return false;
  }
}

function learnActs(known: KnownValues, acts: Turn["gold"]["userActs"]): void {
  for (const act of acts) known.add(act.domain, act.value);
}

/** The carried slots of a dialogue, in order. */
export function carriedSlots(dialogue: Dialogue): readonly CarriedSlot[] {
  const carried: CarriedSlot[] = [];
  const known = new KnownValues();
  let before: Turn["gold"]["state"] = {};
  let lastSystem: string | undefined;
  dialogue.turns.forEach((turn, index) => {
    const { state, userActs, systemActs } = turn.gold;
    learnActs(known, userActs);
    for (const [slot, value] of Object.entries(state)) {
      const isNew = before[slot] !== value && value !== ANY;
      if (!isNew || says(turn.user, value) || says(lastSystem, value)) continue;
      if (known.knownElsewhere(domainOfSlot(slot), value)) carried.push({ dialogue: dialogue.id, turn: index, slot, value });
    }
    for (const [slot, value] of Object.entries(state)) known.add(domainOfSlot(slot), value);
    learnActs(known, systemActs);
    before = state;
    lastSystem = turn.system;
  });
  return carried;
}
