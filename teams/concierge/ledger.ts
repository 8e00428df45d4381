/**
 * The outside ledger: what each attempt of each step was given and returned, one JSON line each, in files that the cluster knows nothing of.
 * Scorers read it afterwards and trust nothing of the cluster. Off unless TRIAD_CONCIERGE_LEDGER names a folder.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { Turn } from "@triad/agent-worker";

export interface LedgerLine {
  readonly conversation: string;
  readonly task: string;
  readonly step: number;
  readonly agent: string;
  readonly attempt: number;
  readonly key: string;
  /** The bytes that the agent was given. */
  readonly prompt: string;
  readonly output: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

const folder: string | undefined = process.env["TRIAD_CONCIERGE_LEDGER"] || undefined;

export function ledger(
  turn: Turn,
  prompt: string,
  returned: { readonly output: string; readonly facts: Readonly<Record<string, unknown>> },
): void {
  if (folder === undefined) return;
  const { conversation, task, step, agent, attempt, idempotencyKey: key } = turn;
  const line: LedgerLine = { conversation, task, step, agent, attempt, key, prompt, output: returned.output, facts: returned.facts };
  // One file a thread: an append of one line by one writer is never torn by another.
  appendFileSync(join(folder, `${process.pid}-${threadId}.jsonl`), `${JSON.stringify(line)}\n`);
}
