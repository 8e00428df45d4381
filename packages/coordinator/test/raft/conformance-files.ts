/**
 * Where the outside cases lie: beside the project (`../shared/conformance/etcd-raft`), or in the folder TRIAD_ETCD_TESTDATA names, with
 * the same sub-folders. They are other people's work and not part of this repository.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface ScenarioFile {
  readonly name: string;
  readonly text: string;
}

const PROJECT_ROOT = new URL("../../../../", import.meta.url);

export function scenarioFolder(kind: "interaction" | "quorum" | "confchange"): string {
  const named = process.env["TRIAD_ETCD_TESTDATA"];
  if (named !== undefined && named !== "") return `${named}/${kind}`;
  return fileURLToPath(new URL(`../shared/conformance/etcd-raft/${kind}`, PROJECT_ROOT));
}

/** The scenario files of a folder; none, with a visible warning, when it is absent. */
export function scenarioFiles(folder: string): ScenarioFile[] {
  if (!existsSync(folder)) {
    console.warn(`etcd scenarios SKIPPED: ${folder} is absent`);
    return [];
  }
  const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  return names.sort().map((name) => ({ name, text: readFileSync(`${folder}/${name}`, "utf8") }));
}
