/**
 * Routing accuracies against the gold user acts. Turns with exactly one gold domain decide the headline; turns with
 * none, two or three have rows of their own, because there "the right agent" is a matter of taste.
 */
import { type Dialogue, type Domain, goldDomains } from "../data/dialogue.ts";

export interface RoutingScore {
  readonly turns: number;
  readonly routingAccuracy: number;
  /** Among the one-domain turns whose domain is another than that of the turn before. */
  readonly switches: number;
  readonly switchAccuracy: number;
  /** What always staying with the domain of the turn before would reach; at the first turn it is given the right one. */
  readonly incumbentAccuracy: number;
  /** Other turns: how many, and how often the pick was `general` or the incumbent (none), or one of the gold domains. */
  readonly others: Readonly<Record<"none" | "two" | "three", { readonly turns: number; readonly fits: number }>>;
}

interface Tally {
  turns: number;
  right: number;
}

const ROW_OF_COUNT: Readonly<Record<number, "none" | "two" | "three">> = { 0: "none", 2: "two", 3: "three" };

const share = ({ right, turns }: Tally): number => (turns === 0 ? 0 : right / turns);

export class RoutingScorer {
  readonly #one: Tally = { turns: 0, right: 0 };
  readonly #switch: Tally = { turns: 0, right: 0 };
  readonly #stay: Tally = { turns: 0, right: 0 };
  readonly #others: Readonly<Record<"none" | "two" | "three", Tally>> = {
    none: { turns: 0, right: 0 },
    two: { turns: 0, right: 0 },
    three: { turns: 0, right: 0 },
  };

  /** `picks[i]` is the agent of turn i: the router's first choice, or the one that settled it, as the caller asks. */
  add(dialogue: Dialogue, picks: readonly (string | undefined)[]): void {
    let before: Domain | undefined;
    dialogue.turns.forEach((turn, index) => {
      const gold = goldDomains(turn);
      const pick = picks[index];
      const [only] = gold;
      if (gold.length === 1 && only !== undefined) this.#addOne(only, pick, before);
      else {
        const row = this.#others[ROW_OF_COUNT[gold.length] ?? "three"];
        row.turns++;
        if (gold.length === 0 ? pick === "general" || pick === before : gold.some((domain) => domain === pick)) row.right++;
      }
      before = gold.at(-1) ?? before;
    });
  }

  #addOne(gold: Domain, pick: string | undefined, before: Domain | undefined): void {
    const right = pick === gold ? 1 : 0;
    this.#one.turns++;
    this.#one.right += right;
    this.#stay.turns++;
    if (before === undefined || before === gold) {
      this.#stay.right++;
      return;
    }
    this.#switch.turns++;
    this.#switch.right += right;
  }

  result(): RoutingScore {
    const row = (name: "none" | "two" | "three"): { turns: number; fits: number } => ({
      turns: this.#others[name].turns,
      fits: share(this.#others[name]),
    });
    return {
      turns: this.#one.turns,
      routingAccuracy: share(this.#one),
      switches: this.#switch.turns,
      switchAccuracy: share(this.#switch),
      incumbentAccuracy: share(this.#stay),
      others: { none: row("none"), two: row("two"), three: row("three") },
    };
  }
}
