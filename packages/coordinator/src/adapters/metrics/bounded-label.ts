/**
 * Keeps a metric's label to a known set of values. A label that follows whatever arrives (an agent's name from a stale message, a reason of
 * a newer version) would make a new time series each time and grow for ever, here and in Prometheus.
 */

/** What a value outside the set is counted under. */
const OTHER_LABEL = "other";

export class BoundedLabel {
  #allowed: ReadonlySet<string>;

  constructor(allowed: Iterable<string> = []) {
    this.#allowed = new Set(allowed);
  }

  /** Replaces the set, and returns the values that are gone: their series are to be removed. */
  replace(allowed: Iterable<string>): readonly string[] {
    const before = this.#allowed;
    this.#allowed = new Set(allowed);
    return [...before].filter((value) => !this.#allowed.has(value));
  }

  of(value: string): string {
    return this.#allowed.has(value) ? value : OTHER_LABEL;
  }
}
