/** What the concierge's agents and its runner use of this folder. Everything here is pure but the loaders in `data/source.ts`. */
export type { Dialogue, Domain, GoldAct } from "./data/dialogue.ts";
export { DOMAINS, isDomain, stripLabels } from "./data/dialogue.ts";
export { findDataSource, loadDialogues, loadTables } from "./data/source.ts";
export { respond } from "./domain/respond.ts";
export type { Facts } from "./nlu/frame.ts";
export { decide, planTurn } from "./nlu/plan.ts";
export { trailOf } from "./nlu/references.ts";
