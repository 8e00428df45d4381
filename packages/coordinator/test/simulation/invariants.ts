/**
 * What must hold at every moment of a simulated cluster, watched from outside: nothing here trusts the code under test. A breach is
 * noted and ends the run after the current step.
 */
import type { Entry } from "../../src/core/raft/types.ts";

export type Property =
  | "electionSafety"
  | "logMatching"
  | "leaderCompleteness"
  | "stateMachineSafety"
  | "persistBeforeSend"
  | "durability"
  | "linearizableReads"
  | "appliedOnceInOrder"
  | "recovery"
  | "noInternalFailure"
  | "liveness"
  | "nothingLeftBehind"
  | "directedScenario";

export class Violation extends Error {
  readonly property: Property;
  constructor(property: Property, detail: string) {
    super(`${property}: ${detail}`);
    this.name = "Violation";
    this.property = property;
  }
}

export function contentOf(entry: Entry): string {
  return Buffer.from(entry.data).toString("latin1");
}

interface Known {
  readonly term: number;
  readonly content: string;
}

/** What is needed of a log to judge it. */
export interface JudgedLog {
  lastIndex(): number;
  term(index: number): number;
}

export class Invariants {
  readonly #leaderOfTerm = new Map<number, number>();
  /** Of every entry that was ever in a log: its content and the term before it. Equal (index, term) must have equal ones. */
  readonly #entries = new Map<string, { readonly content: string; readonly previousTerm: number }>();
  readonly #committed: Known[] = [];
  #violation: Violation | undefined;
  elections = 0;

  /** Highest index that anyone has seen committed. */
  get committedIndex(): number {
    return this.#committed.length;
  }

  breach(property: Property, detail: string): void {
    this.#violation ??= new Violation(property, detail);
  }

  assertNone(): void {
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** Election safety (§5.2): at most one leader a term. */
  leaderElected(node: number, term: number): void {
    const other = this.#leaderOfTerm.get(term);
    if (other === undefined) this.elections++;
    else if (other !== node) this.breach("electionSafety", `nodes ${other} and ${node} both lead in term ${term}`);
    this.#leaderOfTerm.set(term, node);
  }

  /** Leader completeness (§5.4): whoever is elected holds every entry committed so far. Committed later in an older term is impossible. */
  leaderHolds(node: number, term: number, log: JudgedLog): void {
    for (const [at, { term: committedTerm }] of this.#committed.entries()) {
      const index = at + 1;
      if (committedTerm >= term) return;
      const found = index <= log.lastIndex() ? log.term(index) : undefined;
      if (found !== committedTerm) {
        this.breach(
          "leaderCompleteness",
          `leader ${node} of term ${term} has ${found ?? "nothing"} at ${index}, committed in term ${committedTerm}`,
        );
        return;
      }
    }
  }

  /** Log matching (§5.3), by induction over each entry and the one before it. */
  appended(node: number, entry: Entry, previousTerm: number): void {
    const key = `${entry.index}/${entry.term}`;
    const content = contentOf(entry);
    const known = this.#entries.get(key);
    if (known === undefined) this.#entries.set(key, { content, previousTerm });
    else if (known.content !== content || known.previousTerm !== previousTerm) {
      this.breach("logMatching", `node ${node} has another entry ${key} than some node had, or another before it`);
    }
  }

  /** State machine safety (§5.4.3): nobody applies another entry at an index. */
  committedAt(node: number, entry: Entry): void {
    const known = this.#committed[entry.index - 1];
    const content = contentOf(entry);
    if (known === undefined) {
      if (entry.index !== this.#committed.length + 1)
        this.breach("appliedOnceInOrder", `node ${node} applies ${entry.index} before anyone had ${entry.index - 1}`);
      this.#committed.push({ term: entry.term, content });
    } else if (known.term !== entry.term || known.content !== content) {
      this.breach(
        "stateMachineSafety",
        `node ${node} applies another entry at ${entry.index} (term ${entry.term}) than was applied (term ${known.term})`,
      );
    }
  }

  /** What a client was told is committed must be what is committed. */
  acknowledged(index: number, content: string): void {
    if (this.#committed[index - 1]?.content !== content)
      this.breach("durability", `a proposal was acknowledged at ${index}, where another is committed`);
  }
}
