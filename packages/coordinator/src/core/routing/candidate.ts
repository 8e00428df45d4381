/** An agent as the router sees it: its rows of M, its live load and its affinity to what was said. Gathered by the caller. */
import type { SkillStatistics } from "@triad/protocol";

export interface RoutingCandidate {
  readonly agent: string;
  /** Its rows of M, one for each skill that it declares. */
  readonly skills: Readonly<Record<string, SkillStatistics>>;
  /** Steps assigned to it, those appended and not applied yet included. */
  readonly inFlight: number;
  /** Places for its steps, free and used, over all live workers. */
  readonly capacity: number;
  /** Cosine of the text with its best prototype; 0 where it has none. */
  readonly affinity: number;
  /** The same of the turn before. */
  readonly lastTurnAffinity: number;
  readonly hasExamples: boolean;
}
