/** The built-in tables for tests: the same on every machine, with or without recorded data. */
import { builtinTables } from "../builtin/index.ts";
import { buildTables, type Tables } from "../data/tables.ts";
import { type Ontology, ontologyOf } from "../nlu/ontology.ts";

export const tables: Tables = buildTables(builtinTables());
export const ontology: Ontology = ontologyOf(tables);
