/**
 * Finds the conversations and tables: `TRIAD_DATA_DIR`, else the shared data folder beside the project, else the
 * built-in ones. Loading is lazy and once a thread, because dialogues are needed by the runner only and tables by
 * whichever thread serves an agent.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { builtinDialogues, builtinTables } from "../builtin/index.ts";
import type { Dialogue } from "./dialogue.ts";
import { DataFormatError, parseDialogues } from "./multiwoz.ts";
import { buildTables, type RawTables, type Tables } from "./tables.ts";

/** Which data a run used, for its summary; `note` says why it is not what was asked for. */
export type DataSource = { readonly kind: "multiwoz21"; readonly folder: string } | { readonly kind: "built-in"; readonly note?: string };

const projectRoot: string = join(import.meta.dirname, "..", "..", "..");

function folderIn(dataDir: string): string | undefined {
  return [join(dataDir, "multiwoz21"), dataDir].find((folder) => existsSync(join(folder, "db", "hotel_db.json")));
}

/** `TRIAD_DATA_DIR` decides when it is set: falling back to other recordings behind its back would mislead. */
export function findDataSource(env: Readonly<Record<string, string | undefined>> = process.env): DataSource {
  const explicit = env["TRIAD_DATA_DIR"];
  if (explicit !== undefined && explicit !== "") {
    const folder = folderIn(explicit);
    return folder ? { kind: "multiwoz21", folder } : { kind: "built-in", note: "TRIAD_DATA_DIR has no multiwoz21 in it" };
  }
  const folder = folderIn(join(projectRoot, "..", "shared", "data"));
  return folder ? { kind: "multiwoz21", folder } : { kind: "built-in" };
}

function readTables(folder: string): RawTables {
  const table = (name: string): unknown => JSON.parse(readFileSync(join(folder, "db", `${name}_db.json`), "utf8"));
  return {
    hotel: table("hotel"),
    restaurant: table("restaurant"),
    attraction: table("attraction"),
    train: table("train"),
    hospital: table("hospital"),
    police: table("police"),
    taxi: table("taxi"),
  };
}

/** Where a half of the recordings may lie: the first of these folders with `*.jsonl` files in it is used. */
const DIALOGUE_FOLDERS: readonly string[] = ["dev", "test", "."];

export function loadDialogues(source: DataSource = findDataSource()): readonly Dialogue[] {
  if (source.kind === "built-in") return builtinDialogues();
  for (const name of DIALOGUE_FOLDERS) {
    const folder = join(source.folder, name);
    if (!existsSync(folder)) continue;
    const files = readdirSync(folder)
      .filter((file) => file.endsWith(".jsonl"))
      .sort();
    if (files.length > 0) return files.flatMap((file) => parseDialogues(readFileSync(join(folder, file), "utf8"), `${name}/${file}`));
  }
  throw new DataFormatError(`no *.jsonl in ${DIALOGUE_FOLDERS.join(", ")} of ${source.folder}`);
}

const loaded = new Map<string, Tables>();

/** The tables of a source; parsed once a thread. */
export function loadTables(source: DataSource = findDataSource()): Tables {
  const key = source.kind === "built-in" ? "" : source.folder;
  let tables = loaded.get(key);
  if (!tables) {
    tables = buildTables(source.kind === "built-in" ? builtinTables() : readTables(source.folder));
    loaded.set(key, tables);
  }
  return tables;
}
