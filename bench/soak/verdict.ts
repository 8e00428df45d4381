/**
 * Whether a curve grows without bound, judged by its last half: before, caches fill and lmdb's file, which never shrinks, reaches its size. Pure.
 */

export interface Curve {
  readonly name: string;
  readonly seconds: readonly number[];
  readonly values: readonly number[];
}

export interface Verdict {
  readonly name: string;
  /** Means. */
  readonly firstThird: number;
  readonly lastThird: number;
  /** Slope of the least-squares line through the last half × the time that half takes. */
  readonly growth: number;
  /** What growth may be at most; see RULE. */
  readonly allowed: number;
  readonly flat: boolean;
}

/** Growth of a half that is no growth, as a share of the half's mean … */
const SHARE_MAX = 0.1;
/** … as a multiple of how far the samples scatter about the line … */
const SCATTER_MAX = 2;
/** … and absolutely, by the unit that the name begins with: a segment of the log; what gathers between two full collections of a heap; connections. */
const FLOORS: readonly (readonly [prefix: string, floor: number])[] = [
  ["disk", 2],
  ["RSS nats", 8],
  ["RSS", 48],
  ["descriptors", 4],
  ["tasks", 16],
];

export const RULE: string =
  "flat: over the last half of the run the least-squares line rises by no more than the largest of 10 % of the half's mean, twice the " +
  `standard deviation about the line, and a floor (${FLOORS.map(([prefix, floor]) => `${prefix} ${floor}`).join(", ")})`;

export function judge({ name, seconds, values }: Curve): Verdict {
  const third = Math.max(1, Math.floor(values.length / 3));
  const from = Math.floor(values.length / 2);
  const half = { x: seconds.slice(from), y: values.slice(from) };
  const { slope, scatter } = line(half.x, half.y);
  const growth = slope * ((half.x.at(-1) ?? 0) - (half.x[0] ?? 0));
  const floor = FLOORS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 0;
  const allowed = Math.max(SHARE_MAX * mean(half.y), SCATTER_MAX * scatter, floor);
  // A reading that is missing (NaN) is no proof of anything: not flat.
  return {
    name,
    firstThird: mean(values.slice(0, third)),
    lastThird: mean(values.slice(-third)),
    growth,
    allowed,
    flat: growth <= allowed,
  };
}

function line(x: readonly number[], y: readonly number[]): { readonly slope: number; readonly scatter: number } {
  const [mx, my] = [mean(x), mean(y)];
  const spread = sum(x.map((one) => (one - mx) ** 2));
  const slope = spread === 0 ? 0 : sum(x.map((one, i) => (one - mx) * ((y[i] ?? 0) - my))) / spread;
  const residuals = y.map((one, i) => one - my - slope * ((x[i] ?? 0) - mx));
  return { slope, scatter: Math.sqrt(mean(residuals.map((one) => one ** 2))) };
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const mean = (values: readonly number[]): number => sum(values) / Math.max(1, values.length);
