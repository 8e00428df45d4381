/** The demo's summary: the JSON of the contract, and the table that people read. */
import { styleText } from "node:util";
import type { ChaosReport } from "./chaos.ts";
import type { RunScores } from "./score-run.ts";

export interface Summary extends RunScores {
  readonly data: string;
  readonly nlu: string;
  readonly dialogues: number;
  readonly turns: number;
  readonly tasks: number;
  readonly completed: number;
  readonly failed: number;
  /** Accepted, and no end was seen. */
  readonly lost: number;
  /** Commit to commit of a step, log time (resolution 1 ms). */
  readonly hopMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly commitMs: { readonly p50: number; readonly p99: number };
  readonly commitsPerSecond: number;
  readonly rssMb: Readonly<Record<string, number>>;
  readonly chainsVerified: number;
  /** null with --keep: the logs are read after the cluster has stopped. */
  readonly doubleCommits: number | null;
  readonly audit: { readonly steps: number; readonly entriesCompared: number; readonly problems: readonly string[] } | null;
  readonly chaos?: ChaosReport;
  readonly wallSeconds: number;
}

const LABEL_CELLS = 34;
const percent = (share: number | null): string => (share === null || Number.isNaN(share) ? "—" : `${(share * 100).toFixed(1)} %`);
const ms = (value: number): string => (Number.isNaN(value) ? "—" : `${value.toFixed(value < 10 ? 2 : 0)} ms`);

function row(label: string, value: string): string {
  return `  ${styleText("dim", label.padEnd(LABEL_CELLS))}${value}`;
}

export function printSummary(s: Summary): void {
  const lines = [
    "",
    styleText("bold", "Summary"),
    row("data", s.data),
    row("turns read by", s.nlu),
    row("dialogues, turns", `${s.dialogues}, ${s.turns} in ${s.wallSeconds.toFixed(1)} s`),
    row("tasks", `${s.completed} completed, ${s.failed} failed, ${s.lost} lost`),
    row("chains verified", `${s.chainsVerified} of ${s.dialogues}`),
    row(
      "double commits",
      s.doubleCommits === null
        ? "not read (cluster kept)"
        : `${s.doubleCommits} of ${s.audit?.steps ?? 0} steps, ${s.audit?.entriesCompared ?? 0} entries compared`,
    ),
    ...(s.audit?.problems ?? []).map((problem) => row("", styleText("red", problem))),
    row("context kept", `${percent(s.contextKept)} of dialogues, over ${s.handoffs} hand-offs`),
    ...s.lostFacts.map((lost) => row("", styleText("red", lost))),
    row("slot recall, wrong carry", `${percent(s.slotRecall)}, ${percent(s.wrongCarry)} (${s.carriedSlots} carried slots)`),
    row(
      "routing accuracy",
      `${percent(s.routingAccuracy)}; at switches ${percent(s.switchAccuracy)}; always the incumbent ${percent(s.incumbentAccuracy)}`,
    ),
    row("  after hand-offs", `${percent(s.settledAccuracy)}; at switches ${percent(s.settledSwitchAccuracy)}`),
    ...s.routingRows.map((r) => row(`  turns: ${r.name}`, `${r.turns} turns, ${percent(r.accuracy)}`)),
    row("hop p50 / p95 / p99", `${ms(s.hopMs.p50)} / ${ms(s.hopMs.p95)} / ${ms(s.hopMs.p99)} (log time)`),
    row("commit p50 / p99", `${ms(s.commitMs.p50)} / ${ms(s.commitMs.p99)}; ${s.commitsPerSecond.toFixed(0)} entries/s`),
    row(
      "memory, MB",
      Object.entries(s.rssMb)
        .map(([name, mb]) => `${name} ${mb}`)
        .join(", "),
    ),
    ...chaosRows(s.chaos),
    "",
    styleText("bold", "Views on the same dialogues: recall of the carried slots, tokens a hop"),
    ...Object.entries(s.views).map(([name, view]) => row(name, `${percent(view.slotRecall)}  ${view.tokensPerHop.toFixed(0)} tokens`)),
    "",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function chaosRows(chaos: ChaosReport | undefined): readonly string[] {
  if (chaos === undefined) return [];
  const { leaderKills, workerKills, pauses, inFlightAtFaults } = chaos;
  return [
    row(
      "chaos",
      `${leaderKills} leaders and ${workerKills} workers killed -9, ${pauses} paused 4 s; tasks in flight at the faults: ${inFlightAtFaults.join(", ")}`,
    ),
  ];
}
