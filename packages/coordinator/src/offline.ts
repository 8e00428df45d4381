/**
 * Reading what a coordinator left on disk, without a cluster: its log, and what the log comes to when it is applied from nothing. A door of its
 * own, for audits and for people; a running coordinator uses none of it.
 */
import { hash } from "node:crypto";
import { type Body, decodeCommands, type FactsDelta, limits, TriadError } from "@triad/protocol";
import { readLog } from "./adapters/store/wal-reader.ts";
import { applyEntry } from "./core/state/apply.ts";
import { compareKeys, keys } from "./core/state/keys.ts";
import type { StateRecord, StepRecord } from "./core/state/records.ts";
import type { StateReader } from "./core/state/transaction.ts";

export { type OfflineLog, readLog } from "./adapters/store/wal-reader.ts";

/** Φ in memory, from the first entry on. */
class ReplayState implements StateReader {
  readonly records = new Map<string, StateRecord>();

  get(key: string): StateRecord | undefined {
    return this.records.get(key);
  }
  list(prefix: string): ReadonlyMap<string, StateRecord> {
    return new Map([...this.records].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => compareKeys(a, b)));
  }
  first(prefix: string, limit: number): ReadonlyMap<string, StateRecord> {
    return new Map([...this.list(prefix)].slice(0, limit));
  }
}

export interface ReplayedStep {
  readonly task: string;
  readonly n: number;
  readonly agent: string;
  /** A reference where it is not in the log. */
  readonly output: Body;
  readonly facts: FactsDelta;
  /** How often the log committed this step: one, or something is badly wrong. */
  readonly commits: number;
}

/** The steps that a log commits, replayed up to and with the entry `committed`. The log must not have been cut. */
export function replayLog(folder: string, committed: number): readonly ReplayedStep[] {
  const state = new ReplayState();
  const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");
  const steps = new Map<string, ReplayedStep>();
  const prefix = keys.steps("").slice(0, -1);
  const log = readLog(folder);
  if (log.firstIndex > 1) {
    const reason = `${folder} begins at entry ${log.firstIndex}: it was cut, so what it comes to cannot be replayed from nothing`;
    throw new TriadError("TRIAD_NOT_AVAILABLE", reason, { folder, firstIndex: log.firstIndex });
  }
  for (const entry of log.entries()) {
    if (entry.index > committed) break;
    if (entry.data.length === 0 || entry.type !== "EntryNormal") continue;
    const { at, commands } = decodeCommands(entry.data, 2 * limits.FRAME_BYTES_MAX);
    for (const command of commands) {
      // One command at a time: a step that two commands of one entry commit must be seen twice.
      const { writes } = applyEntry(state, [command], at, sha256);
      for (const [key, record] of writes) {
        if (record === undefined) state.records.delete(key);
        else state.records.set(key, record);
        if (record !== undefined && key.startsWith(prefix)) note(steps, key, record as StepRecord);
      }
    }
  }
  return [...steps.values()];
}

function note(steps: Map<string, ReplayedStep>, key: string, record: StepRecord): void {
  const task = key.split("/")[1] ?? "";
  const { n, agent, output, facts } = record;
  steps.set(key, { task, n, agent, output, facts, commits: (steps.get(key)?.commits ?? 0) + 1 });
}
