/**
 * Committed steps a second with so many conversations under way, and what each process pays for a step. Counted by the coordinators themselves
 * (`triad_steps_total`, which follows the log), so that what a client believes has no part in it.
 */
import { CHAIN_HOPS, type Load } from "./load.ts";
import { histogramGain, parseMetrics, type Scrape, sumOf } from "./metrics.ts";
import type { Amounts } from "./options.ts";
import { byName, cpuUs, type NamedProcess, rssMib } from "./processes.ts";
import { median, quantile } from "./statistics.ts";

export interface Throughput {
  readonly conversations: number;
  /** Median of the windows. */
  readonly stepsPerSecond: number;
  readonly windows: readonly number[];
  /** Of whole chains that ran meanwhile; NaN where none came to its end. */
  readonly hopP50Ms: number;
  readonly hopP99Ms: number;
  /** Elections meanwhile: a figure with one in it is no steady state. */
  readonly elections: number;
  readonly commandsPerEntry: number;
  /** From an entry's proposal to its commit. */
  readonly commitP50Ms: number;
  readonly cpuUsPerStep: Readonly<Record<string, number>>;
  readonly rssMib: Readonly<Record<string, number>>;
}

/** Widest load in tests' range: more is the same processors shared by more. */
export const WIDTHS: readonly number[] = [1, 16, 128];

/** A reading, and when it was taken. */
interface Reading {
  readonly atMs: number;
  readonly scrape: Scrape;
  readonly cpu: Readonly<Record<string, number>>;
}

export async function measureThroughput(
  load: Load,
  leader: string,
  processes: readonly NamedProcess[],
  conversations: number,
  amounts: Amounts,
): Promise<Throughput> {
  const read = async (): Promise<Reading> => {
    const scrape = await scrapeOf(load, leader);
    return { atMs: performance.now(), scrape, cpu: byName(processes, cpuUs) };
  };
  const busy = load.keepBusy(conversations, CHAIN_HOPS);
  await busy.orAfter(amounts.warmMs);
  const first = await read();
  const windows: number[] = [];
  let last = first;
  for (let n = 0; n < amounts.repetitions; n++) {
    await busy.orAfter(amounts.windowMs);
    const next = await read();
    windows.push(((stepsOf(next) - stepsOf(last)) / (next.atMs - last.atMs)) * 1000);
    last = next;
  }
  const memory = byName(processes, rssMib);
  const hops = await busy.stop();
  const steps = stepsOf(last) - stepsOf(first);
  const commit = histogramGain(first.scrape, last.scrape, "triad_commit_seconds");
  return {
    conversations,
    stepsPerSecond: median(windows),
    windows,
    hopP50Ms: quantile(hops, 0.5),
    hopP99Ms: quantile(hops, 0.99),
    elections: (last.scrape.get("triad_raft_term") ?? 0) - (first.scrape.get("triad_raft_term") ?? 0),
    commandsPerEntry: steps / commit.count,
    commitP50Ms: commit.p50Ms,
    cpuUsPerStep: Object.fromEntries(Object.entries(last.cpu).map(([name, us]) => [name, (us - (first.cpu[name] ?? 0)) / steps])),
    rssMib: memory,
  };
}

export async function scrapeOf(load: Load, url: string): Promise<Scrape> {
  return parseMetrics((await load.ask("GET", `${url}/metrics`)).text);
}

function stepsOf(reading: Reading): number {
  return sumOf(reading.scrape, "triad_steps_total", 'outcome="committed"');
}
