/** The built-in data of the concierge: the project's own tables and the conversations of its own user simulator. */
export { builtinDialogues } from "./simulator.ts";
export { builtinTables } from "./tables.ts";
