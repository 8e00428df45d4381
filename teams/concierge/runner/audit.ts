/**
 * Looks for steps that were committed twice, after the cluster has stopped, from what it left on disk and what the outside ledger says.
 * Three witnesses, none of which asks a running cluster: the coordinators' logs must hold the same entries; each log, replayed from nothing,
 * must commit each step once and the same; and each committed step must be one that some attempt really returned, by the ledger.
 */
import { hash } from "node:crypto";
import { type ReplayedStep, readLog, replayLog } from "@triad/coordinator/offline";
import type { LedgerLine } from "../ledger.ts";

export interface Audit {
  /** Steps committed more than once, by a result that no attempt returned, or differently at two coordinators. */
  readonly doubleCommits: number;
  readonly steps: number;
  /** Entries that were compared between at least two logs. */
  readonly entriesCompared: number;
  readonly problems: readonly string[];
}

const PROBLEMS_SHOWN = 20;

/**
 * @param folders the coordinators' log folders.
 * @param committed index up to which the cluster had said that its log is committed.
 * @param reported the steps that the cluster's answers listed, as `task/n`: what the log commits and the answers lack is lost to its user.
 */
export function auditLogs(
  folders: readonly string[],
  committed: number,
  ledger: readonly LedgerLine[],
  reported: ReadonlySet<string>,
): Audit {
  const problems: string[] = [];
  const entriesCompared = compareLogs(folders, committed, problems);
  const returned = new Set(ledger.map((line) => signature(line.task, line.step, line)));
  const bad = new Set<string>();
  const first = new Map<string, string>();
  let steps = 0;
  for (const folder of folders) {
    const replayed = replayLog(folder, Math.min(committed, readLog(folder).lastIndex));
    steps = Math.max(steps, replayed.length);
    for (const step of replayed) {
      const key = `${step.task}/${step.n}`;
      const problem = problemOf(step, returned, first.get(key));
      first.set(key, signature(step.task, step.n, step));
      if (problem === undefined) continue;
      bad.add(key);
      problems.push(problem);
    }
  }
  for (const key of first.keys()) if (!reported.has(key)) problems.push(`step ${key} is in the log and in no answer`);
  for (const key of reported) if (!first.has(key)) problems.push(`step ${key} was answered and is in no log`);
  return { doubleCommits: bad.size, steps, entriesCompared, problems: problems.slice(0, PROBLEMS_SHOWN) };
}

function problemOf(step: ReplayedStep, returned: ReadonlySet<string>, elsewhere: string | undefined): string | undefined {
  const name = `step ${step.n} of ${step.task}`;
  const own = signature(step.task, step.n, step);
  if (step.commits !== 1) return `${name} was committed ${step.commits} times`;
  if (!returned.has(own)) return `${name} holds what no attempt returned`;
  return elsewhere !== undefined && elsewhere !== own ? `${name} differs between coordinators` : undefined;
}

function compareLogs(folders: readonly string[], committed: number, problems: string[]): number {
  const readers = folders.map((folder) => readLog(folder).entries());
  const heads = readers.map((reader) => reader.next());
  let compared = 0;
  for (let index = 1; index <= committed; index++) {
    const entries = heads.flatMap((head) => (head.done !== true && head.value.index === index ? [head.value] : []));
    const [one, ...others] = entries;
    if (one !== undefined && others.length > 0) {
      compared++;
      const same = others.every((other) => other.term === one.term && Buffer.compare(other.data, one.data) === 0);
      if (!same) problems.push(`entry ${index} differs between coordinators`);
    }
    for (const [i, head] of heads.entries()) {
      const reader = readers[i];
      if (reader !== undefined && head.done !== true && head.value.index === index) heads[i] = reader.next();
    }
  }
  return compared;
}

function signature(
  task: string,
  step: number,
  result: { readonly agent: string; readonly output: string | { readonly ref: string }; readonly facts: Readonly<Record<string, unknown>> },
): string {
  const facts = Object.entries(result.facts).sort(([a], [b]) => (a < b ? -1 : 1));
  // By hash: the log holds a large output's SHA-256 alone.
  const output = typeof result.output === "string" ? hash("sha256", result.output, "hex") : result.output.ref;
  return JSON.stringify([task, step, result.agent, output, facts]);
}
