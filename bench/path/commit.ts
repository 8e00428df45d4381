/**
 * A durable commit with one in flight, as the leader's own metric has it (`triad_commit_seconds`: from the proposal's append to its commit on a
 * majority, in the process, as fine as the histogram's buckets), and beside it what a client at the leader waits for: HTTP, checks and reply
 * included.
 */
import type { Load } from "./load.ts";
import { type HistogramGain, histogramGain } from "./metrics.ts";
import { quantile } from "./statistics.ts";
import { scrapeOf } from "./throughput.ts";

export interface Commit {
  readonly submits: number;
  readonly inProcess: HistogramGain;
  /** An entry's flush on the leader, while the two others flush theirs on the same disk. */
  readonly flush: HistogramGain;
  readonly submitP50Ms: number;
  readonly submitP99Ms: number;
}

export async function measureCommit(load: Load, leader: string, submits: number): Promise<Commit> {
  const one = async (): Promise<number> => {
    const chain = await load.submit(1, { url: leader });
    await load.starts(chain.task, { url: leader }); // its step is committed too: nothing else is in flight
    return chain.submitMs;
  };
  for (let n = 0; n < submits / 5; n++) await one(); // warm
  const before = await scrapeOf(load, leader);
  const samples: number[] = [];
  for (let n = 0; n < submits; n++) samples.push(await one());
  const after = await scrapeOf(load, leader);
  return {
    submits,
    inProcess: histogramGain(before, after, "triad_commit_seconds"),
    flush: histogramGain(before, after, "triad_fsync_seconds"),
    submitP50Ms: quantile(samples, 0.5),
    submitP99Ms: quantile(samples, 0.99),
  };
}
