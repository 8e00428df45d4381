/** Hand-offs of one sequential conversation: how long a hop takes, and whether the two-hundredth takes longer than the second. */
import { hopTimesMs, LONG_HOPS, type Load } from "./load.ts";
import { median, quantile } from "./statistics.ts";

export interface HandOff {
  readonly chains: number;
  readonly hops: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly hop200OverHop2: number;
}

/** Hops on from the one that a window is named after: a single one is one sample a chain. */
const WINDOW = 10;
const LATE = 200;
const EARLY = 2;

export async function measureHandOff(load: Load, chains: number, say: (text: string) => void): Promise<HandOff> {
  const all: (readonly number[])[] = [];
  await chain(load); // warm
  for (let n = 1; n <= chains; n++) {
    say(`chain ${n} of ${chains}`);
    all.push(await chain(load));
  }
  const hops = all.flat();
  return { chains, hops: LONG_HOPS, p50Ms: quantile(hops, 0.5), p99Ms: quantile(hops, 0.99), hop200OverHop2: windowRatio(all) };
}

async function chain(load: Load): Promise<readonly number[]> {
  const { task } = await load.submit(LONG_HOPS);
  return hopTimesMs(await load.starts(task));
}

/** Median of hops 200 to 209 over all chains ÷ median of hops 2 to 11. Hop n is the way from step n to step n + 1. */
export function windowRatio(chains: readonly (readonly number[])[]): number {
  const window = (from: number): number => median(chains.flatMap((hops) => hops.slice(from - 1, from - 1 + WINDOW)));
  return window(LATE) / window(EARLY);
}
