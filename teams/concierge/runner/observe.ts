/** What the running cluster shows from outside, sampled while the dialogues run: leader, commits, memory of every process. */
import { readFileSync } from "node:fs";
import type { ClusterView, TriadClient } from "@triad/client";
import type { ClusterInfo } from "./cluster.ts";
import { histogramOf, quantileOf } from "./prometheus-text.ts";

export interface Figures {
  readonly commitMs: { readonly p50: number; readonly p99: number };
  readonly commitIndex: number;
}

/** Resident memory of a process in MB (10^6 bytes), or undefined where it has ended. */
export function rssMb(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? undefined : Math.round((Number(kib) * 1024) / 1e5) / 10;
  } catch {
    // It has ended, or this is not Linux: absent rather than made up.
    return undefined;
  }
}

/** Memory by process, of those that run now. */
export function rssByProcess(info: ClusterInfo, view: ClusterView): Record<string, number> {
  const pids: [string, number | null][] = [
    ["supervisor", info.pids.supervisor],
    ["nats", info.pids.nats],
    ...view.coordinators.map(({ id, pid }): [string, number | null] => [id, pid]),
    ...view.workers.map(({ id, pid }): [string, number] => [id, pid]),
  ];
  const found: Record<string, number> = {};
  for (const [name, pid] of pids) {
    const mb = pid === null || pid === 0 ? undefined : rssMb(pid);
    if (mb !== undefined) found[name] = mb;
  }
  return found;
}

const SCRAPE_TIMEOUT_MS = 5_000;

/** Commit latency as the coordinators' own histograms have it; processes that were killed took theirs with them. */
export async function commitFigures(urls: readonly string[], client: TriadClient): Promise<Figures> {
  const scrapes: string[] = [];
  for (const url of urls) {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(SCRAPE_TIMEOUT_MS) }).catch(() => undefined);
    if (response?.ok) scrapes.push(await response.text());
  }
  const commit = histogramOf(scrapes, "triad_commit_seconds");
  const milliseconds = (q: number): number => (commit === undefined ? Number.NaN : quantileOf(commit, q) * 1000);
  const view = await client.cluster();
  const commitIndex = Math.max(...view.coordinators.map((coordinator) => coordinator.commitIndex));
  return { commitMs: { p50: milliseconds(0.5), p99: milliseconds(0.99) }, commitIndex };
}
