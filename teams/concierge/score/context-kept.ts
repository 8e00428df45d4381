/**
 * contextKept: the share of dialogues in which, at every hand-off, each fact that earlier steps returned stands in the
 * prompt bytes that the next agent was given. The ledger is the scorer's own, built from what steps returned, latest
 * value per name; nothing that the cluster says about its facts is asked.
 *
 * K1: a fact stands in a prompt as JSON (`"hotel.area":"centre"`, as `{{facts:json}}` writes it); a value that merely
 *     occurs somewhere in the text does not count. K2: a fact set to null is gone and need not stand.
 */

export interface HopRecord {
  readonly dialogue: string;
  /** Order of the steps within the dialogue. */
  readonly hop: number;
  /** Who acted before; undefined at the first step. */
  readonly agentFrom: string | undefined;
  readonly agentTo: string;
  /** What `agentTo` was given. */
  readonly prompt: string | Uint8Array;
  /** What its step returned. */
  readonly factsReturned: Readonly<Record<string, unknown>>;
}

export interface LostFact {
  readonly dialogue: string;
  readonly hop: number;
  readonly agentTo: string;
  readonly fact: string;
  readonly value: unknown;
}

export interface ContextScore {
  readonly dialogues: number;
  /** Steps whose agent is another than the one before. */
  readonly handoffs: number;
  readonly kept: number;
  readonly contextKept: number;
  readonly lost: readonly LostFact[];
}

/** Whether a prompt holds a fact as JSON, with or without a space behind the colon. */
export function promptHolds(prompt: string, name: string, value: unknown): boolean {
  const key = JSON.stringify(name);
  const text = JSON.stringify(value);
  for (const form of [`${key}:${text}`, `${key}: ${text}`]) {
    for (let at = prompt.indexOf(form); at >= 0; at = prompt.indexOf(form, at + 1)) {
      // A number must end there: 3 is not 30.
      const next = prompt[at + form.length];
      if (next === undefined || /[,}\]\s]/.test(next)) return true;
    }
  }
  return false;
}

function promptText(prompt: string | Uint8Array): string {
  return typeof prompt === "string" ? prompt : new TextDecoder("utf-8", { fatal: true }).decode(prompt);
}

function byDialogue(records: readonly HopRecord[]): ReadonlyMap<string, readonly HopRecord[]> {
  const groups = new Map<string, HopRecord[]>();
  for (const record of records) {
    const group = groups.get(record.dialogue);
    if (group) group.push(record);
    else groups.set(record.dialogue, [record]);
  }
  for (const group of groups.values()) group.sort((a, b) => a.hop - b.hop);
  return groups;
}

/** Scores the hops of any number of dialogues; `chainVerified` says of each whether its transcript's chain verifies. */
export function scoreContext(records: readonly HopRecord[], chainVerified: (dialogue: string) => boolean = () => true): ContextScore {
  const lost: LostFact[] = [];
  let handoffs = 0;
  let kept = 0;
  const groups = byDialogue(records);
  for (const [dialogue, hops] of groups) {
    const ledger = new Map<string, unknown>();
    const lostBefore = lost.length;
    for (const { hop, agentFrom, agentTo, prompt, factsReturned } of hops) {
      if (agentFrom !== undefined && agentFrom !== agentTo) {
        handoffs++;
        const text = promptText(prompt);
        for (const [fact, value] of ledger) if (!promptHolds(text, fact, value)) lost.push({ dialogue, hop, agentTo, fact, value });
      }
      for (const [fact, value] of Object.entries(factsReturned)) {
        if (value === null) ledger.delete(fact);
        else ledger.set(fact, value);
      }
    }
    if (lost.length === lostBefore && chainVerified(dialogue)) kept++;
  }
  return { dialogues: groups.size, handoffs, kept, contextKept: groups.size === 0 ? 0 : kept / groups.size, lost };
}
