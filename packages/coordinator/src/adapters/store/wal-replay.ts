/** Rebuilds the log's memory from its records: terms, places, hard state, the newest entries. Used by the log and by the offline reader. */
import type { HardState } from "../../core/raft/types.ts";
import { type PlaceIndex, TermRuns } from "./wal-index.ts";
import { voteFromPayload } from "./wal-record.ts";
import type { RecordVisitor } from "./wal-recovery.ts";
import { corruptLog } from "./wal-segment.ts";
import type { EntryWindow } from "./wal-window.ts";

export class LogReplay {
  readonly terms: TermRuns = new TermRuns(0, 0);
  readonly window: EntryWindow;
  readonly places: PlaceIndex;
  hardState: HardState = { term: 0, vote: 0, commit: 0 };

  constructor(window: EntryWindow, places: PlaceIndex) {
    this.window = window;
    this.places = places;
  }

  readonly visit: RecordVisitor = (record, segment, offset) => {
    switch (record.type) {
      case "segment":
        if (record.index !== this.terms.lastIndex || record.term !== this.terms.lastTerm)
          return "the segment begins after another entry than the log has";
        return undefined;
      case "entry":
        if (!this.terms.append(record.index, record.term)) return `entry ${record.index} of term ${record.term} does not follow the log`;
        this.places.written(record.index, segment, offset);
        this.window.append({ term: record.term, index: record.index, type: record.entryType, data: record.payload.slice() });
        this.window.written(record.index);
        return undefined;
      case "truncate":
        if (!this.terms.truncateFrom(record.index))
          return `entries from ${record.index} on are truncated, but the log does not reach there`;
        this.places.truncatedFrom(record.index);
        this.window.truncateFrom(record.index);
        return undefined;
      case "hardState": {
        const vote = voteFromPayload(record.payload);
        if (vote === undefined) return "a vote does not parse";
        if (record.term < this.hardState.term) return "the term falls";
        this.hardState = { term: record.term, vote, commit: record.index };
        return undefined;
      }
      case "batch":
        return undefined;
    }
  };

  /** What no single record shows. */
  assertSound(folder: string): void {
    if (this.hardState.commit > this.terms.lastIndex) {
      throw corruptLog(folder, 0, `entry ${this.hardState.commit} was committed, but the log ends at ${this.terms.lastIndex}`);
    }
    if (this.terms.lastTerm > this.hardState.term) {
      throw corruptLog(folder, 0, `the last entry is of term ${this.terms.lastTerm}, above the current term ${this.hardState.term}`);
    }
  }
}
