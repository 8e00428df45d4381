/** The port behind which every model stands: three members, so that a provider is an afternoon's work and a fake is ten lines. */

import type { Json } from "@triad/protocol";

/** A tool that the model may ask for; whoever asks the model calls it. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** A zod schema or the SDK's `jsonSchema(…)`. */
  readonly inputSchema: unknown;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly input: Json;
  /** Why it cannot be made: no such tool, or an input that does not fit. */
  readonly problem?: string;
}

/** What the model said and asked for before, and what came of it, call by call. */
export interface ToolRound {
  readonly text: string;
  readonly calls: readonly ToolCall[];
  readonly results: readonly Json[];
}

export interface ModelRequest {
  readonly prompt: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly outputTokensMax?: number;
  /** Under which a recorded answer is found. */
  readonly key: string;
  /** The same for every call that is meant to be one: an endpoint that knows it answers a repetition without working twice. */
  readonly idempotencyKey?: string;
  readonly tools?: readonly ToolSpec[];
  /** Earlier rounds of this request, oldest first. */
  readonly rounds?: readonly ToolRound[];
}

export interface ModelAnswer {
  readonly text: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Tools that the model wants called before it goes on. */
  readonly calls?: readonly ToolCall[];
}

export interface Model {
  /** For figures and messages: the provider and the model's name. */
  readonly label: string;
  /** @throws TriadError TRIAD_MODEL_FAILED, TRIAD_REPLAY_MISS */
  generate(request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer>;
  /** As generate, with the pieces of the answer as they come. */
  stream(request: ModelRequest, signal: AbortSignal, piece: (text: string) => void): Promise<ModelAnswer>;
}
