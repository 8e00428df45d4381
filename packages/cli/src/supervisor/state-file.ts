/**
 * `<data-dir>/run/state.json`: which processes run now, for `down`, `scale` and whoever looks. Written by the supervisor alone, whole, at
 * every change; read by anyone. A power cut may lose it: then no process of it is left either.
 */
import { readJson, writeWhole } from "../durable-file.ts";
import type { ProcessIdentity } from "../processes/process-identity.ts";
import type { ChildKind } from "./child-spec.ts";

export interface ChildState {
  readonly name: string;
  readonly kind: ChildKind;
  /** Absent while it waits for its next start. */
  readonly process?: ProcessIdentity;
  /** Being ended on purpose: it is not started again. */
  readonly stopping: boolean;
  readonly starts: number;
  /** Deaths in a row, each before it had lived long enough. */
  readonly deaths: number;
  readonly lastExit?: string;
  readonly logFile: string;
}

export interface SupervisorState {
  readonly version: 1;
  readonly supervisor: ProcessIdentity;
  readonly stopping: boolean;
  readonly children: readonly ChildState[];
}

export function writeState(file: string, state: SupervisorState): void {
  writeWhole(file, `${JSON.stringify(state, undefined, 1)}\n`, { sync: false });
}

export function readState(file: string): SupervisorState | undefined {
  const state = readJson(file);
  return isState(state) ? state : undefined;
}

function isState(value: unknown): value is SupervisorState {
  return (
    typeof value === "object" &&
    value !== null &&
    "version" in value &&
    value.version === 1 &&
    "children" in value &&
    Array.isArray(value.children) &&
    "supervisor" in value
  );
}
