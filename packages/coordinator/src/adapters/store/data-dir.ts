/**
 * Opens a coordinator's data folder: lock, identity, log, in the order that makes every crash in between recognisable.
 *
 * (D1) At bootstrap the log is made first and the identity last: a folder with an identity once had a log, so an identity without a log
 *      is a loss, whatever flag was given. (D2) A log without an identity is an unfinished bootstrap only while it is pristine.
 */
import { TriadError } from "@triad/protocol";
import { type DataDirLock, lockDataDir } from "./data-dir-lock.ts";
import { assertSameIdentity, type Identity, readIdentity, writeIdentity } from "./identity.ts";
import { type WalOptions, WriteAheadLog } from "./wal.ts";
import { segmentNumbers } from "./wal-segment.ts";

const LOG_FOLDER = "log";

export interface DataDirOptions extends Omit<WalOptions, "folder" | "confState" | "bootstrap"> {
  readonly folder: string;
  readonly cluster: string;
  /** The node that the folder is expected to be, where the caller knows. */
  readonly node?: string;
  /** Who to become if the folder is empty; undefined: it must not be. */
  readonly bootstrap: Identity | undefined;
}

export interface DataDir {
  readonly identity: Identity;
  readonly log: WriteAheadLog;
  /** Closes the log, then gives the folder free. */
  close(): Promise<void>;
}

/**
 * Throws TRIAD_DATA_DIR_LOCKED, TRIAD_DATA_DIR_FOREIGN, TRIAD_STORE_EMPTY or TRIAD_STORE_CORRUPT; then the folder is free again.
 */
export function openDataDir(options: DataDirOptions): DataDir {
  options.disk.makeFolder(options.folder);
  const lock = lockDataDir(options.folder);
  try {
    const { identity, log } = openLocked(options);
    return { identity, log, close: () => closeBoth(log, lock) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function closeBoth(log: WriteAheadLog, lock: DataDirLock): Promise<void> {
  await log.close();
  lock.release();
}

/** The same without the lock: for a disk that is not this machine's. */
export function openLocked(options: DataDirOptions): { readonly identity: Identity; readonly log: WriteAheadLog } {
  const { disk, folder, bootstrap } = options;
  const logFolder = `${folder}/${LOG_FOLDER}`;
  const hasLog = segmentNumbers(disk.list(logFolder)).length > 0;
  const found = readIdentity(disk, folder);
  if (found !== undefined) {
    assertSameIdentity(folder, found, options);
    return { identity: found, log: WriteAheadLog.open({ ...options, folder: logFolder, confState: found.confState, bootstrap: false }) };
  }
  if (bootstrap === undefined) {
    if (hasLog)
      throw new TriadError("TRIAD_STORE_CORRUPT", `${folder} has a log, but its identity is gone. Replace this coordinator.`, { folder });
    throw new TriadError(
      "TRIAD_STORE_EMPTY",
      `${folder} is empty, and this coordinator was not started with --bootstrap. If it held data before, it is lost: a coordinator must not ` +
        "come back without its vote. Replace this coordinator.",
      { folder },
    );
  }
  disk.makeFolder(logFolder);
  disk.syncFolder(folder);
  const log = WriteAheadLog.open({ ...options, folder: logFolder, confState: bootstrap.confState, bootstrap: true });
  if (!log.pristine) {
    throw new TriadError(
      "TRIAD_STORE_CORRUPT",
      `${folder} has a log with entries or votes, but its identity is gone. Replace this coordinator.`,
      { folder },
    );
  }
  writeIdentity(disk, folder, bootstrap);
  return { identity: bootstrap, log };
}
