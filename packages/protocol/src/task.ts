/** Tasks, steps and routing decisions: the nouns that commands, messages and HTTP share. */
import type { Json } from "./json.ts";

export type TaskStatus = "running" | "waiting" | "completed" | "failed" | "cancelled" | "expired";
export type EndStatus = Exclude<TaskStatus, "running" | "waiting">;

/** Skill → weight ≥ 0; the router normalises. */
export type Requirements = Readonly<Record<string, number>>;

export type Aggregate = "first" | "majority" | "weighted" | "merge" | "judge";
export type Strategy =
  | { readonly kind: "single" }
  | { readonly kind: "ensemble"; readonly agents: number; readonly aggregate: Aggregate; readonly quorum?: number };

/** A fact with its provenance: who set it, where. `version` counts the values that this name has had in the conversation. */
export interface Fact {
  readonly value: Json;
  readonly version: number;
  readonly task: string;
  /** 0: the request set it. */
  readonly step: number;
  /** Empty: the request set it. */
  readonly agent: string;
}
export type Facts = Readonly<Record<string, Fact>>;

/** What was said in the conversation outside Triad (by a person, another system) since its last task. */
export interface Observation {
  readonly by: string;
  readonly text: string;
}

export type RouteReason = "best" | "nearTie" | "incumbent" | "only" | "named" | "explore" | "ensemble" | "retry" | "lost";

/** Parts of a candidate's utility, natural-log units (theory.md 4): they add up to `score`. */
export interface ScoreParts {
  readonly time: number;
  readonly cost: number;
  readonly affinity: number;
  readonly quality: number;
  readonly incumbent: number;
}

export interface CandidateScore {
  readonly agent: string;
  readonly score: number;
  readonly parts: ScoreParts;
}

export interface RoutingDecision {
  readonly score: number;
  readonly runnerUp: string | null;
  /** Best first, at most eight. */
  readonly candidates: readonly CandidateScore[];
  readonly reason: RouteReason;
}

/** The leader's choice of who takes a step, as data in the entry: apply needs no load figures. */
export interface Pick {
  readonly task: string;
  readonly step: number;
  /** 0 for a single step, 0…n−1 in an ensemble. */
  readonly member: number;
  readonly agent: string;
  readonly worker: string;
  readonly workerToken: number;
  readonly requires: Requirements;
  readonly routing: RoutingDecision;
  /** Clipped log-odds × 1024 (apply has no logarithm); ensembles only. */
  readonly voteWeight?: number;
  /** Runs on a thread of its own: its last thread died with it and others. */
  readonly alone?: boolean;
}

export type FailureCause = "threw" | "timeout" | "invalid" | "killed";

/** The error a task ends with, as it stands in the log and in answers. */
export interface TaskError {
  readonly code: string;
  readonly message: string;
  readonly details?: Json;
}

export interface Usage {
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
}

/** What the view that an agent was given held and left out, in tokens and counts. */
export interface ViewReport {
  readonly factTokens: number;
  readonly textTokens: number;
  readonly factsShown: number;
  readonly factsLeftOut: number;
  readonly eventsShown: number;
  readonly eventsLeftOut: number;
}

/** What becomes of an effect whose intent was recorded and whose result was not: the worker was lost in between, and nobody knows if it happened. */
export type OnDoubt =
  /** Called again with the same key: whoever is called can tell that it is the same call. */
  | "sameKey"
  /** Called again with a new key. */
  | "repeat"
  /** The step waits until a person says what happened. */
  | "ask";

/** How a call ended, as the journal keeps it. */
export type EffectOutcome =
  /** `value` is JSON text; empty where nothing was returned. */
  { readonly kind: "returned"; readonly value: string } | { readonly kind: "threw"; readonly error: TaskError };

/** An effect of a step whose outcome is known: what a later start of the step is told, so that it does not call again. */
export interface JournalEntry {
  /** Place within the step, from 1, in the order of the calls. */
  readonly n: number;
  readonly name: string;
  readonly inputDigest: string;
  /** The attempt that it was called in. */
  readonly attempt: number;
  readonly outcome: EffectOutcome;
}

/** What a person says of an effect in doubt: it happened and gave this (JSON text), or it is to be called again. */
export type EffectVerdict = { readonly kind: "done"; readonly value: string } | { readonly kind: "repeat" };

export type NextMove = { readonly kind: "finish" } | { readonly kind: "handoff"; readonly to?: string; readonly requires?: Requirements };
