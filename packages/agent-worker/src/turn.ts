/**
 * What an agent's step is given, and what it may return: the public words of the authoring API (interface.md 4).
 * Types only, so that a team file costs nothing to type-check; the turn itself is made by services/turn.ts.
 */
import type { FactsDelta, Json, OnDoubt, Requirements, TranscriptEvent } from "@triad/protocol";
import type { Logger } from "pino";

/** A step's way to end. Made by `turn.handoff` and `turn.finish` only. */
export type StepResult = HandoffResult | FinishResult;

export interface HandoffResult {
  readonly kind: "handoff";
  readonly to?: string;
  readonly requires?: Requirements;
  readonly output: string;
  readonly facts: FactsDelta;
  readonly quality?: number;
}

export interface FinishResult {
  readonly kind: "finish";
  readonly output: string;
  readonly facts: FactsDelta;
  readonly quality?: number;
}

export interface ResultOptions {
  /** What the step says. Anything but a string is written as JSON. */
  readonly output?: unknown;
  /** Facts set by the step; `null` removes one. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** How good the result is, in [0, 1], as the agent judges itself: teaches the capability matrix. */
  readonly quality?: number;
}

export interface HandoffOptions extends ResultOptions {
  /** The agent that is to go on; or … */
  readonly to?: string;
  /** … what the one that goes on must be good at: skill → weight. */
  readonly requires?: Readonly<Record<string, number>>;
}

export interface PromptOptions {
  /** Budget of the text of earlier events; default: the agent's, else 128. */
  readonly textTokens?: number;
  /** Budget of the facts; default: the agent's, else 512. */
  readonly factTokens?: number;
  /** Budget of the prompt as a whole. */
  readonly promptTokens?: number;
}

/** Something that the model may ask for: in the shape of the AI SDK's tools. */
export interface Tool {
  readonly description?: string;
  /** What it takes: a zod schema, or `jsonSchema(…)` of the AI SDK. */
  readonly inputSchema: unknown;
  /** Default: that of the generate. */
  readonly onDoubt?: OnDoubt;
  /** Runs as an effect of its own: what it returned is never done again. What it throws fails the step. */
  execute(input: never, context: { readonly key: string; readonly toolCallId: string; readonly abortSignal: AbortSignal }): unknown;
}

export interface GenerateOptions extends PromptOptions {
  /** Default: `turn.prompt()`. */
  readonly prompt?: string;
  readonly system?: string;
  /** Values for the template's own slots, where `prompt` is not given. */
  readonly values?: Readonly<Record<string, Json | undefined>>;
  /** True: the answer's pieces are emitted as they come. */
  readonly stream?: boolean;
  readonly temperature?: number;
  readonly outputTokensMax?: number;
  /** What becomes of a call whose answer was lost with its worker; default: `sameKey`. */
  readonly onDoubt?: OnDoubt;
  /** What the model may ask for, by name; each call is an effect. */
  readonly tools?: Readonly<Record<string, Tool>>;
  /** How often the model is asked at most, where it asks for tools. Default: 8. */
  readonly roundsMax?: number;
  /** Under which a replay model finds its recorded answer; default: the prompt's SHA-256. */
  readonly key?: string;
}

export interface Generated {
  readonly text: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
}

export interface EffectOptions {
  /**
   * What becomes of a call that was begun and whose outcome was lost with its worker: `sameKey` calls again with the same key, `repeat` with a
   * new one, `ask` makes the task wait until a person has said what happened. Default: `sameKey`.
   */
  readonly onDoubt?: OnDoubt;
}

/** An earlier event that answers a query, with how well. */
export interface Recalled {
  readonly event: TranscriptEvent;
  readonly score: number;
}

export interface Turn {
  readonly task: string;
  /** Number of the step within its task, from 1. */
  readonly step: number;
  readonly agent: string;
  readonly conversation: string;
  /** Attempts of this step that the agent may fail, from 1. */
  readonly attempt: number;
  /** The task's input. */
  readonly input: string;
  /** Every fact of the conversation, name → value, latest values, frozen. */
  readonly facts: Readonly<Record<string, Json>>;
  /** The latest events of the conversation, oldest first; `recall` finds what is older. Of an output above 128 KiB, `text` is the beginning. */
  readonly transcript: readonly TranscriptEvent[];
  /** What the router asked for, skill → weight. */
  readonly requires: Requirements;
  /** C of the agent in this conversation; all zeros before its first step there. */
  readonly context: Float32Array;
  /** Fires when the task is cancelled, the step times out, or the worker stops. */
  readonly signal: AbortSignal;
  /** The same for every attempt and start of this step: give it to what must not be done twice. */
  readonly idempotencyKey: string;
  readonly log: Logger;

  /**
   * The prompt of the agent's template: slots `input`, `agent`, `facts` and `transcript` (the view, within its budgets) and the step's own values.
   * Synchronous: it works on the events at hand and on those that `recall` has read in this turn.
   */
  prompt(values?: Readonly<Record<string, Json | undefined>>, options?: PromptOptions): string;
  /** The k events of the whole conversation that answer a query best; older pages are read on demand and checked against the chain. */
  recall(query: string, k?: number): Promise<readonly Recalled[]>;
  /** The whole text of an event of `transcript`, also where the transcript holds its beginning. */
  read(event: TranscriptEvent): Promise<string>;
  /**
   * Asks the agent's model, as an effect: an answer that was recorded is given back in every later attempt and start, and never paid again. To
   * ask again about a bad answer, call it again within the step.
   */
  generate(options?: GenerateOptions): Promise<Generated>;
  /** Sends text to whoever watches the task; live only. */
  emit(delta: string): void;

  handoff(options: HandoffOptions): HandoffResult;
  finish(options?: ResultOptions): FinishResult;
  /** Not available in this version: throws TRIAD_NOT_AVAILABLE. */
  fanOut(branches: readonly unknown[]): never;
  /**
   * Asks a person: the task waits (status `waiting`) and holds no worker until somebody answers, then the step starts again and is given the answer.
   */
  ask(question: string): Promise<Json>;
  /**
   * Calls something outside, journaled: `run` is called once its intent is on disk on a majority, and what it returned (as JSON has it) is given
   * back instead of being called again in every later attempt, start and worker. What it threw is known to have failed: a later attempt calls it
   * again. Effects are told apart by their order within the step, which must be the same in every start; name and input are compared.
   * @param run gets a key that is the same for every call that is meant to be one.
   */
  effect<T>(name: string, input: unknown, run: (key: string) => T | Promise<T>, options?: EffectOptions): Promise<T>;
}
