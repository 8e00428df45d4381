/**
 * Reads a log that nobody writes: for offline checks such as the double-commit reader of all three logs. Changes nothing in the folder;
 * a torn tail is passed over, damage throws TRIAD_STORE_CORRUPT.
 */
import type { Entry, HardState } from "../../core/raft/types.ts";
import type { Disk } from "./wal-disk.ts";
import { NodeDisk } from "./wal-disk-node.ts";
import { EntrySource } from "./wal-entry-source.ts";
import { recoverLog } from "./wal-recovery.ts";
import { LogReplay } from "./wal-replay.ts";
import { EntryWindow } from "./wal-window.ts";

const PAGE_BYTES: number = 1024 * 1024;

export interface OfflineLog {
  /** Its commit index is a lower bound: later commits may not have been written down before the process ended. */
  readonly hardState: HardState;
  /** Above 1 where the log was cut. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The entries that the log ends up with, committed or not, in order. */
  entries(): Generator<Entry, void, undefined>;
}

export function readLog(folder: string, disk: Disk = new NodeDisk()): OfflineLog {
  const replay = new LogReplay(new EntryWindow(0));
  recoverLog(disk, folder, replay.visit);
  replay.assertSound(folder);
  const { firstIndex, lastIndex } = replay.terms;
  return {
    hardState: replay.hardState,
    firstIndex,
    lastIndex,
    *entries() {
      const source = new EntrySource(disk, folder, replay.layout.places);
      try {
        for (let next = firstIndex; next <= lastIndex; ) {
          for (const entry of source.read(next, lastIndex + 1, PAGE_BYTES)) {
            yield entry;
            next = entry.index + 1;
          }
        }
      } finally {
        source.close();
      }
    },
  };
}
