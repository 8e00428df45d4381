/** Reads what the demo needs of Prometheus text: histograms summed over processes, and their quantiles by linear interpolation. */

export interface Buckets {
  /** Upper bound in seconds → observations at or below it, ascending; the last is +Inf. */
  readonly bounds: readonly (readonly [number, number])[];
}

/** The histogram `name` summed over all scrapes and labels; undefined where none has it. */
export function histogramOf(scrapes: readonly string[], name: string): Buckets | undefined {
  const sums = new Map<number, number>();
  for (const text of scrapes) {
    for (const line of text.split("\n")) {
      if (!line.startsWith(`${name}_bucket{`)) continue;
      const bound = /le="([^"]+)"/.exec(line)?.[1];
      const count = Number(line.slice(line.lastIndexOf(" ") + 1));
      if (bound === undefined || !Number.isFinite(count)) continue;
      const key = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
      sums.set(key, (sums.get(key) ?? 0) + count);
    }
  }
  if (sums.size === 0) return undefined;
  return { bounds: [...sums].sort(([a], [b]) => a - b) };
}

/** The quantile q in seconds, interpolated in its bucket as Prometheus does; NaN without observations. */
export function quantileOf({ bounds }: Buckets, q: number): number {
  const total = bounds.at(-1)?.[1] ?? 0;
  if (total === 0) return Number.NaN;
  const rank = q * total;
  let below = 0;
  let lower = 0;
  for (const [bound, count] of bounds) {
    if (count >= rank) {
      if (!Number.isFinite(bound)) return lower;
      return count === below ? bound : lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    below = count;
    lower = bound;
  }
  return lower;
}

/** Quantile of plain numbers, by rank; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
