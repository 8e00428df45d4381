/**
 * Where entries stand: terms of all entries as runs, and a sparse map from index to place on disk. No I/O.
 *
 * Kept in two parts because they move at different times: `TermRuns` follows the logical log (what was appended, durable or not),
 * `PlaceIndex` what has been written to the files.
 */

/** The log's terms. (T1) Runs are ascending in index and strictly ascending in term, so their number is that of terms, not of entries. */
export class TermRuns {
  #baseIndex: number;
  #baseTerm: number;
  #runs: { readonly first: number; readonly term: number }[] = [];
  #lastIndex: number;

  /** The base is the last entry before the log's first: (0, 0) for a log that was never cut. */
  constructor(baseIndex: number, baseTerm: number) {
    this.#baseIndex = baseIndex;
    this.#baseTerm = baseTerm;
    this.#lastIndex = baseIndex;
  }

  get firstIndex(): number {
    return this.#baseIndex + 1;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get lastTerm(): number {
    return this.#runs.at(-1)?.term ?? this.#baseTerm;
  }

  /** False if the entry does not continue the log. */
  append(index: number, term: number): boolean {
    const lastTerm = this.lastTerm;
    if (index !== this.#lastIndex + 1 || term < lastTerm || term === 0) return false;
    if (term > lastTerm) this.#runs.push({ first: index, term });
    this.#lastIndex = index;
    return true;
  }

  /** Forgets entries from `index` on. False if they were never there. */
  truncateFrom(index: number): boolean {
    if (index <= this.#baseIndex || index > this.#lastIndex) return false;
    while ((this.#runs.at(-1)?.first ?? 0) >= index) this.#runs.pop();
    this.#lastIndex = index - 1;
    return true;
  }

  /** Forgets entries up to and with `index`, which becomes the base. False if it is not in the log. */
  cutTo(index: number): boolean {
    const term = this.term(index);
    if (term === undefined) return false;
    let gone = 0;
    while ((this.#runs[gone + 1]?.first ?? Number.MAX_SAFE_INTEGER) <= index + 1) gone++;
    this.#runs = this.#runs.slice(gone);
    this.#baseIndex = index;
    this.#baseTerm = term;
    return true;
  }

  /** Begins anew after an entry that is not in the log. */
  restart(baseIndex: number, baseTerm: number): void {
    this.#baseIndex = baseIndex;
    this.#baseTerm = baseTerm;
    this.#runs = [];
    this.#lastIndex = baseIndex;
  }

  /** The term of an index in [base, lastIndex]; undefined outside. */
  term(index: number): number | undefined {
    if (index < this.#baseIndex || index > this.#lastIndex) return undefined;
    if (index === this.#baseIndex) return this.#baseTerm;
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#runs[middle]!.first <= index) low = middle;
      else high = middle - 1;
    }
    const run = this.#runs[low];
    // Entries that go on in the base's term begin no run.
    return run === undefined || run.first > index ? this.#baseTerm : run.term;
  }
}

export interface Place {
  /** Index of the entry whose record begins here. */
  readonly index: number;
  readonly segment: number;
  readonly offset: number;
}

/** A point of the sparse index is set at most this far from the last one, so a read scans at most this much before it. */
const POINT_DISTANCE_BYTES = 64 * 1024;

/**
 * (P1) Between a point and the next, the entries that count follow each other in one segment, with nothing between them but records
 * that are no entries: a truncation and a new segment each force a point. So an entry is found by one forward scan from its point.
 */
export class PlaceIndex {
  #points: Place[] = [];
  #forcePoint = true;

  written(index: number, segment: number, offset: number): void {
    const last = this.#points.at(-1);
    if (!this.#forcePoint && last !== undefined && last.segment === segment && offset - last.offset < POINT_DISTANCE_BYTES) return;
    this.#points.push({ index, segment, offset });
    this.#forcePoint = false;
  }

  truncatedFrom(index: number): void {
    while ((this.#points.at(-1)?.index ?? -1) >= index) this.#points.pop();
    this.#forcePoint = true;
  }

  /** Files before this number are gone, and with them every entry that lay there. */
  dropFilesBefore(segment: number): void {
    const kept = this.#points.findIndex((point) => point.segment >= segment);
    this.#points = kept < 0 ? [] : this.#points.slice(kept);
    this.#forcePoint ||= this.#points.length === 0;
  }

  clear(): void {
    this.#points = [];
    this.#forcePoint = true;
  }

  /** The point at or before `index`, and the first index that must not be read from there. */
  locate(index: number): { readonly place: Place; readonly before: number } | undefined {
    let low = 0;
    let high = this.#points.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#points[middle]!.index <= index) low = middle;
      else high = middle - 1;
    }
    const place = this.#points[low];
    if (place === undefined || place.index > index) return undefined;
    return { place, before: this.#points[low + 1]?.index ?? Number.MAX_SAFE_INTEGER };
  }
}
