/** What the concierge's agents and its runner use of this folder. Everything here is pure but the loaders in `data/source.ts`. */
export type { Dialogue, Domain, GoldAct, GoldTurn, PlainDialogue, PlainTurn, Turn } from "./data/dialogue.ts";
export { DOMAINS, goldDomains, isDomain, stripLabels } from "./data/dialogue.ts";
export { DataFormatError } from "./data/multiwoz.ts";
export { type DataSource, findDataSource, loadDialogues, loadTables } from "./data/source.ts";
export type { Tables } from "./data/tables.ts";
export { type Response, respond, type TurnInput } from "./domain/respond.ts";
export { type Facts, type Frame, factText } from "./nlu/frame.ts";
export { type Decision, decide, type PlanInput, planTurn } from "./nlu/plan.ts";
export { trailOf } from "./nlu/references.ts";
