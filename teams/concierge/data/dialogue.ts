/**
 * The shapes of a recorded conversation. A dialogue carries gold labels; a plain dialogue carries words only.
 * Kept apart from where dialogues come from (`load.ts`) and from what an agent knows (`nlu/`, `domain/`).
 *
 * D1: only `PlainDialogue` may reach a worker under `--nlu rules`; `stripLabels` builds it field by field, so that a
 *     label added to `Dialogue` later stays out by default.
 */

/** The domains of the concierge, one agent each. `general` answers greetings, thanks and what nobody else serves. */
export const DOMAINS = ["hotel", "restaurant", "attraction", "train", "taxi", "hospital", "police", "general"] as const;

export type Domain = (typeof DOMAINS)[number];

export function isDomain(value: string): value is Domain {
  return (DOMAINS as readonly string[]).includes(value);
}

/** One gold dialogue act. `slot` has the name of the belief state ("pricerange", "leaveAt"), `value` "?" is a request. */
export interface GoldAct {
  readonly domain: Domain | "booking";
  readonly intent: string;
  readonly slot: string;
  readonly value: string;
}

export interface GoldTurn {
  readonly userActs: readonly GoldAct[];
  readonly systemActs: readonly GoldAct[];
  /** Belief state after the system's answer: "hotel.area" → "centre". */
  readonly state: Readonly<Record<string, string>>;
}

export interface Turn {
  readonly user: string;
  /** What the recorded system answered; a conversation may end with the user's words. */
  readonly system?: string;
  readonly gold: GoldTurn;
}

export interface Dialogue {
  readonly id: string;
  readonly turns: readonly Turn[];
}

export interface PlainTurn {
  readonly user: string;
  readonly system?: string;
}

export interface PlainDialogue {
  readonly id: string;
  readonly turns: readonly PlainTurn[];
}

/** What may leave the runner under `--nlu rules` (D1). */
export function stripLabels(dialogue: Dialogue): PlainDialogue {
  return {
    id: dialogue.id,
    turns: dialogue.turns.map(({ user, system }) => (system === undefined ? { user } : { user, system })),
  };
}

/** The domains that the gold user acts of a turn name, in order of appearance; `general` and booking talk name none. */
export function goldDomains(turn: Turn): readonly Domain[] {
  const seen = new Set<Domain>();
  for (const act of turn.gold.userActs) if (act.domain !== "booking" && act.domain !== "general") seen.add(act.domain);
  return [...seen];
}
