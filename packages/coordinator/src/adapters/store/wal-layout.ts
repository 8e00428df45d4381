/**
 * What lies in which file: places of entries, and where the log may be cut. Follows what was written (or read back), record by record.
 * No I/O; the log decides when to cut and removes the files.
 *
 * (C1) A cut goes through the head of a segment. It may not if a later segment takes entries back from before that head: replaying from
 * there would find nothing to take back. (C2) Nor may it take the newest hard state with it.
 */
import type { ConfState } from "../../core/raft/types.ts";
import { PlaceIndex } from "./wal-index.ts";

/** Where a log begins anew: after an entry whose state came from elsewhere. */
export interface LogRestart {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

export interface CutRequest {
  /** Entries up to and with this index are not needed: their state is durable, and no live follower lacks them. */
  readonly upTo: number;
  /** What stays in any case, for followers that are a little behind. */
  readonly tailEntries: number;
  readonly tailBytes: number;
}

interface Segment {
  readonly number: number;
  readonly bytes: number;
  /** Last index before its head; undefined once (C1) forbids a cut there. */
  baseIndex: number | undefined;
}

export interface CutPoint {
  readonly segment: number;
  readonly baseIndex: number;
}

export class LogLayout {
  readonly places: PlaceIndex = new PlaceIndex();
  #segments: Segment[] = [];
  #hardStateSegment = 0;
  #restartSegment = 0;

  written(index: number, segment: number, offset: number): void {
    this.places.written(index, segment, offset);
  }

  truncatedFrom(index: number): void {
    this.places.truncatedFrom(index);
    for (const segment of this.#segments) {
      if (segment.baseIndex !== undefined && segment.baseIndex >= index) segment.baseIndex = undefined;
    }
  }

  opened(number: number, baseIndex: number, bytes: number): void {
    this.#segments.push({ number, bytes, baseIndex });
  }

  hardStateIn(segment: number): void {
    this.#hardStateSegment = segment;
  }

  restarted(segment: number, baseIndex: number): void {
    this.places.clear();
    this.#restartSegment = segment;
    for (const one of this.#segments) one.baseIndex = one.number === segment ? baseIndex : undefined;
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The furthest cut that leaves what was asked to be left; undefined where not even one file would go. */
  cutPoint(request: CutRequest, lastIndex: number): CutPoint | undefined {
    let best: CutPoint | undefined;
    let left = this.bytes;
    for (const [position, { number, bytes, baseIndex }] of this.#segments.entries()) {
      const fits = position > 0 && baseIndex !== undefined && baseIndex <= request.upTo && number <= this.#hardStateSegment;
      if (fits && lastIndex - baseIndex >= request.tailEntries && left >= request.tailBytes) best = { segment: number, baseIndex };
      left -= bytes;
    }
    return best;
  }

  /** Index of the last entry before a segment's head. */
  baseOf(segment: number): number | undefined {
    return this.#segments.find(({ number }) => number === segment)?.baseIndex;
  }

  dropFilesBeforeRestart(): readonly number[] {
    return this.dropFilesBefore(this.#restartSegment);
  }

  /** Forgets files before this number; returns their numbers, oldest first. */
  dropFilesBefore(number: number): readonly number[] {
    const gone = this.#segments.filter((segment) => segment.number < number).map((segment) => segment.number);
    this.#segments = this.#segments.slice(gone.length);
    this.places.dropFilesBefore(number);
    return gone;
  }
}
