/**
 * The authoring API of agents, and the parts of a worker that scorers and experiments use from outside. Written out name by name.
 *
 * ```ts
 * import { defineAgent, defineTeam } from "@triad/agent-worker";
 *
 * export default defineTeam({
 *   name: "greeters",
 *   agents: [
 *     defineAgent({
 *       name: "hello",
 *       prompt: { template: "Greet. {{input:text:required}}", version: 1 },
 *       capabilities: { greeting: 0.9 },
 *       step: (turn) => turn.finish({ output: `Hello, ${turn.input}!` }),
 *     }),
 *   ],
 * });
 * ```
 */
export {
  bm25Scores,
  buildView,
  countTokens,
  eventIdOf,
  PROMPT_TOKENS_DEFAULT,
  type Prompt,
  parseTemplate,
  renderPrompt,
  renderTemplate,
  type SlotValues,
  type Template,
  type View,
  type ViewEvent,
  type ViewFact,
  type ViewInput,
  verifyEvents,
} from "./core/index.ts";
export { type AgentConfig, type AgentDefinition, defineAgent, defineTeam, type TeamConfig, type TeamDefinition } from "./define.ts";
export { digestOf, manifestOf } from "./manifest.ts";
export type {
  EffectOptions,
  FinishResult,
  Generated,
  GenerateOptions,
  HandoffOptions,
  HandoffResult,
  PromptOptions,
  Recalled,
  ResultOptions,
  StepResult,
  Tool,
  Turn,
} from "./turn.ts";
