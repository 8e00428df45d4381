/** Rebuilds the log's memory from its records: terms, places, hard state, the newest entries. Used by the log and by the offline reader. */
import type { ConfState, HardState } from "../../core/raft/types.ts";
import { TermRuns } from "./wal-index.ts";
import { LogLayout } from "./wal-layout.ts";
import { confFromPayload, voteFromPayload, type WalRecord } from "./wal-record.ts";
import type { RecordVisitor } from "./wal-recovery.ts";
import { corruptLog, SEGMENT_NUMBER_FIRST } from "./wal-segment.ts";
import type { EntryWindow } from "./wal-window.ts";

export class LogReplay {
  readonly terms: TermRuns = new TermRuns(0, 0);
  readonly window: EntryWindow;
  readonly layout: LogLayout = new LogLayout();
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  /** Undefined where the log says nothing else than the folder's first. */
  membership: ConfState | undefined;
  #begun = false;

  constructor(window: EntryWindow) {
    this.window = window;
  }

  readonly visit: RecordVisitor = (record, segment, offset, _previous, fileBytes) => {
    switch (record.type) {
      case "segment":
        return this.#segment(record, segment, fileBytes);
      case "entry":
        if (!this.terms.append(record.index, record.term)) return `entry ${record.index} of term ${record.term} does not follow the log`;
        this.layout.written(record.index, segment, offset);
        this.window.append({ term: record.term, index: record.index, type: record.entryType, data: record.payload.slice() });
        this.window.written(record.index);
        return undefined;
      case "truncate":
        if (!this.terms.truncateFrom(record.index))
          return `entries from ${record.index} on are truncated, but the log does not reach there`;
        this.layout.truncatedFrom(record.index);
        this.window.truncateFrom(record.index);
        return undefined;
      case "hardState": {
        const vote = voteFromPayload(record.payload);
        if (vote === undefined) return "a vote does not parse";
        if (record.term < this.hardState.term) return "the term falls";
        this.hardState = { term: record.term, vote, commit: record.index };
        this.layout.hardStateIn(segment);
        return undefined;
      }
      case "snapshot":
        this.terms.restart(record.index, record.term);
        this.window.clear();
        this.layout.restarted(segment, record.index);
        return this.#member(record);
      case "membership":
        return this.#member(record);
      case "cut":
      case "batch":
        return undefined;
    }
  };

  #segment(record: WalRecord, segment: number, fileBytes: number): string | undefined {
    if (!this.#begun && segment > SEGMENT_NUMBER_FIRST) this.terms.restart(record.index, record.term);
    this.#begun = true;
    if (record.index !== this.terms.lastIndex || record.term !== this.terms.lastTerm)
      return "the segment begins after another entry than the log has";
    this.layout.opened(segment, record.index, fileBytes);
    return undefined;
  }

  #member(record: WalRecord): string | undefined {
    this.membership = confFromPayload(record.payload);
    return this.membership === undefined ? "a membership does not parse" : undefined;
  }

  /** Files before this number are gone, or go now. */
  forgetFilesBefore(segment: number): void {
    const base = this.layout.baseOf(segment);
    this.layout.dropFilesBefore(segment);
    if (base === undefined || base < this.terms.firstIndex) return;
    this.terms.cutTo(base);
    this.window.dropBefore(base + 1);
  }

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
