/** What the concierge's agents and its runner use of this folder. Everything here is pure but the loaders in `data/source.ts`. */
export type { Dialogue, Domain, GoldAct, GoldTurn, PlainDialogue, PlainTurn, Turn } from "./data/dialogue.ts";
export { DOMAINS, goldDomains, isDomain, stripLabels } from "./data/dialogue.ts";
export { DataFormatError } from "./data/multiwoz.ts";
export { type DataSource, findDataSource, loadDialogues, loadTables } from "./data/source.ts";
export type { Tables } from "./data/tables.ts";
export { type Response, respond, type TurnInput } from "./domain/respond.ts";
export { type Facts, type Frame, factText } from "./nlu/frame.ts";
export { type Ontology, ontologyOf } from "./nlu/ontology.ts";
export { type Decision, decide, type PlanInput, planTurn } from "./nlu/plan.ts";
export { trailOf } from "./nlu/references.ts";
export { EXAMPLES } from "./routing/examples.ts";
export { type CarriedSlot, carriedSlots } from "./score/carried.ts";
export { type ContextScore, type HopRecord, type LostFact, promptHolds, scoreContext } from "./score/context-kept.ts";
export { type RoutingScore, RoutingScorer } from "./score/routing.ts";
export { type FactsByTurn, type SlotScore, SlotScorer } from "./score/slots.ts";
export {
  baselineViews,
  type CountTokens,
  type Utterance,
  userTurnView,
  VIEW_TOKENS,
  type ViewBuilder,
  type ViewPoint,
  type ViewRow,
  ViewScorer,
} from "./score/views.ts";
