/**
 * From kill -9 of the leader to the next commit: what a client sees that keeps asking the coordinators that are left. The commit is the first
 * task, asked for after the kill, that was acknowledged, so it holds the detection, the election, the first entry of the new term and the way
 * of the request through a follower.
 */
import { randomUUID } from "node:crypto";
import type { TestCluster } from "@triad/testkit";
import type { Load } from "./load.ts";
import { median, quantile } from "./statistics.ts";

export interface Failover {
  readonly kills: number;
  readonly medianMs: number;
  readonly p90Ms: number;
  readonly maxMs: number;
  readonly samplesMs: readonly number[];
}

/** A new request this often: the grain of the figure. */
const PROBE_MS = 10;
/** No commit for this long is no failover. */
const COMMIT_MS_MAX = 60_000;

export async function measureFailover(cluster: TestCluster, load: Load, kills: number, say: (text: string) => void): Promise<Failover> {
  const samplesMs: number[] = [];
  for (let n = 1; n <= kills; n++) {
    const view = await cluster.steady();
    const survivors = view.coordinators.filter(({ id }) => id !== view.leader).map(({ http }) => http);
    await load.submit(1, { url: survivors[0] as string });
    await cluster.killLeader();
    samplesMs.push(await nextCommitMs(load, survivors));
    say(`kill ${n} of ${kills}: ${(samplesMs.at(-1) ?? 0).toFixed(0)} ms`);
  }
  return { kills, medianMs: median(samplesMs), p90Ms: quantile(samplesMs, 0.9), maxMs: quantile(samplesMs, 1), samplesMs };
}

async function nextCommitMs(load: Load, urls: readonly string[]): Promise<number> {
  const from = performance.now();
  const committed = Promise.withResolvers<number>();
  const ending = new AbortController();
  let refusal = "no answer";
  let probes = 0;
  const probe = (): void => {
    const body = { input: '{"hops":1,"facts":1}', requires: { passing: 1 }, idempotencyKey: randomUUID() };
    if (performance.now() - from > COMMIT_MS_MAX) committed.reject(new Error(`no commit ${COMMIT_MS_MAX} ms after a kill: ${refusal}`));
    load.ask("POST", `${urls[probes++ % urls.length]}/v1/tasks`, { body, signal: ending.signal }).then(
      ({ status, text }) => {
        if (status === 202) committed.resolve(performance.now() - from);
        else refusal = `${status} ${text.slice(0, 200)}`;
      },
      (error: unknown) => {
        refusal = String(error);
      },
    );
  };
  probe();
  const timer = setInterval(probe, PROBE_MS);
  try {
    return await committed.promise;
  } finally {
    clearInterval(timer);
    ending.abort();
  }
}
