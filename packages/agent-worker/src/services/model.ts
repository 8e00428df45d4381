/** The port behind which every model stands: three members, so that a provider is an afternoon's work and a fake is ten lines. */

export interface ModelRequest {
  readonly prompt: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly outputTokensMax?: number;
  /** Under which a recorded answer is found. */
  readonly key: string;
  /** The same for every call that is meant to be one: an endpoint that knows it answers a repetition without working twice. */
  readonly idempotencyKey?: string;
}

export interface ModelAnswer {
  readonly text: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
}

export interface Model {
  /** For figures and messages: the provider and the model's name. */
  readonly label: string;
  /** @throws TriadError TRIAD_MODEL_FAILED, TRIAD_REPLAY_MISS */
  generate(request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer>;
  /** As generate, with the pieces of the answer as they come. */
  stream(request: ModelRequest, signal: AbortSignal, piece: (text: string) => void): Promise<ModelAnswer>;
}
