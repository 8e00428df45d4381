/**
 * The disk as the write-ahead log sees it: a small port, so that the simulator can lose and tear unsynced writes at a crash.
 * Writes and reads are synchronous (they meet the page cache); only flushing takes time and has an asynchronous form.
 */

export interface DiskFile {
  /** Writes all of `bytes` at `position`, or throws. Nothing is durable before a flush that began afterwards has ended. */
  write(position: number, bytes: Uint8Array): void;
  /** Up to `length` bytes from `position`; shorter only at the end of the file. */
  read(position: number, length: number): Uint8Array;
  size(): number;
  /** Flushes data and size. `done` is called in a later turn. */
  fdatasync(done: (error: Error | null) => void): void;
  fdatasyncSync(): void;
  close(): void;
}

export type OpenMode = "read" | "write" | "create";

export interface Disk {
  /** `read` and `write` need an existing file; `create` makes an empty one and fails if there is one. */
  open(path: string, mode: OpenMode): DiskFile;
  /** Names in the folder, sorted; empty if there is no such folder. */
  list(folder: string): string[];
  makeFolder(folder: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(folder: string): void;
}
