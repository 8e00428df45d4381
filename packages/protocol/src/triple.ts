/**
 * The agent triple (P, C, M) of arXiv 2510.00326 as types, and the manifest by which a team declares it.
 * P: prompt template; C: reasoning context vector; M: capability matrix. Shapes and units: theory.md 2.0, state.md 8 and 9.
 */

/** Dimension of C and of the evidence that moves it (dimensionless, ‖E‖ ≤ 1). */
export const CONTEXT_DIM = 256;
/** Dimension of a routing embedding: hashed n-grams with the team's idf. */
export const ROUTING_DIM = 1024;

export interface PromptManifest {
  readonly template: string;
  readonly version: number;
}

export interface RetryManifest {
  readonly attempts: number;
  readonly backoffMs: number;
}

export interface AgentManifest {
  readonly name: string;
  readonly prompt: PromptManifest;
  /** Skill → prior quality in [0, 1]. */
  readonly capabilities: Readonly<Record<string, number>>;
  /** What the agent is asked: sentences that become its routing prototypes. */
  readonly examples: readonly string[];
  readonly model?: string;
  readonly timeoutMs: number;
  readonly retry: RetryManifest;
  /** Conversations that one worker serves at once with this agent. */
  readonly concurrency: number;
}

export interface NegotiationManifest {
  /** Step size, or `auto` = 0.45 / L̄ (theory.md 2.2). */
  readonly alpha: "auto" | number;
  readonly lambda: number;
  readonly beta: number;
  readonly weights: "uniform" | "trust";
  readonly stepPolicy: "reject" | "clamp";
}

/** All that `defineTeam` declares, plus what is derived from it once: idf and prototypes (they need a logarithm, which apply has not). */
export interface TeamManifest {
  readonly name: string;
  readonly skills: readonly string[];
  readonly negotiation: NegotiationManifest;
  readonly agents: readonly AgentManifest[];
  /** Inverse document frequencies of the hashed features over all examples: float32[ROUTING_DIM], big-endian bytes; empty without examples. */
  readonly idf: Uint8Array;
  /** Agent → at most 16 prototypes, int8[ROUTING_DIM] each. */
  readonly prototypes: Readonly<Record<string, readonly Uint8Array[]>>;
}

/** One row of M: sufficient statistics of an agent at a skill (state.md 8). All numbers are plain means with their weights. */
export interface SkillStatistics {
  /** Mean judged quality in [0, 1] and the weight behind it (prior weight 8 included). */
  readonly quality: number;
  readonly qualityWeight: number;
  /** Share of attempts that were committed, in [0, 1], and its weight. */
  readonly done: number;
  readonly doneWeight: number;
  /** Mean service time of a committed step, milliseconds. */
  readonly latencyMs: number;
  /** Mean cost of a committed step, US dollars. */
  readonly costUsd: number;
  /** Committed steps. */
  readonly samples: number;
}
