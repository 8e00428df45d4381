/** Order statistics of samples. */

/** The p-quantile, p in [0, 1], by nearest rank; NaN of nothing. */
export function quantile(samples: readonly number[], p: number): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}

/** With an even number of samples the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  return (quantile(samples, 0.5) + quantile(samples, 0.5 + 0.5 / Math.max(1, samples.length))) / 2;
}
