/** The pure rooms of the worker: templates, views, the actor's life, supervision, the triples of a thread, the check of a transcript. */
export { type ActorInput, type ActorOutput, type ActorState, IDLE_ACTOR, stepActor } from "./actor/actor.ts";
export { isBlocked, judgeDeath, restartBackoff, type Verdict } from "./actor/supervision.ts";
export { parseTemplate } from "./template/parse-template.ts";
export { renderTemplate, type SlotValues } from "./template/render-template.ts";
export type { Template } from "./template/template.ts";
export { countTokens } from "./tokens.ts";
export { eventIdOf, type Sha256Hex, verifyEvents } from "./transcript/verify-events.ts";
export { type AgentTriple, TripleCache } from "./triples/triple-cache.ts";
export { bm25Scores } from "./view/bm25.ts";
export { buildView, type View, type ViewInput } from "./view/build-view.ts";
export type { ViewFact } from "./view/fact-view.ts";
export { PROMPT_TOKENS_DEFAULT, type Prompt, renderPrompt } from "./view/render-prompt.ts";
export type { ViewEvent } from "./view/text-view.ts";
