/** A coordinator's /metrics, read as numbers: sums over labels, and quantiles of what a histogram gained between two readings. */

export type Scrape = ReadonlyMap<string, number>;

/** Series name with its labels → value. */
export function parseMetrics(text: string): Scrape {
  const series = new Map<string, number>();
  for (const line of text.split("\n")) {
    const at = line.lastIndexOf(" ");
    if (at > 0 && !line.startsWith("#")) series.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return series;
}

/** Sum of a metric's series that carry a label's value. */
export function sumOf(scrape: Scrape, name: string, label: string): number {
  let sum = 0;
  for (const [series, value] of scrape) if (series.startsWith(`${name}{`) && series.includes(label)) sum += value;
  return sum;
}

export interface HistogramGain {
  readonly count: number;
  readonly meanMs: number;
  /** Linear within its bucket, as histogram_quantile() has it: as fine as the buckets are. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function histogramGain(before: Scrape, after: Scrape, name: string): HistogramGain {
  const gained = (series: string): number => (after.get(series) ?? 0) - (before.get(series) ?? 0);
  const count = gained(`${name}_count`);
  const buckets: { readonly le: number; readonly count: number }[] = [];
  for (const series of after.keys()) {
    const le = series.startsWith(`${name}_bucket{`) ? /le="([^"]+)"/.exec(series)?.[1] : undefined;
    if (le !== undefined) buckets.push({ le: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), count: gained(series) });
  }
  buckets.sort((a, b) => a.le - b.le);
  const quantileMs = (p: number): number => {
    const rank = p * count;
    let lower = { le: 0, count: 0 };
    for (const bucket of buckets) {
      // What lies above the last bound is known only to be above it.
      if (bucket.count >= rank && bucket.le === Number.POSITIVE_INFINITY) return lower.le * 1000;
      if (bucket.count >= rank) {
        const share = bucket.count === lower.count ? 1 : (rank - lower.count) / (bucket.count - lower.count);
        return (lower.le + share * (bucket.le - lower.le)) * 1000;
      }
      lower = bucket;
    }
    return Number.NaN;
  };
  return { count, meanMs: (gained(`${name}_sum`) / count) * 1000, p50Ms: quantileMs(0.5), p99Ms: quantileMs(0.99) };
}
