/** The real disk: the port of wal-disk.ts over node:fs. */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import type { Disk, DiskFile, OpenMode } from "./wal-disk.ts";

const FLAGS: Readonly<Record<OpenMode, string>> = { read: "r", write: "r+", create: "wx+" };

class NodeDiskFile implements DiskFile {
  readonly #descriptor: number;
  #flushes = 0;
  #closed = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(position: number, bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.length) {
      const count = writeSync(this.#descriptor, bytes, written, bytes.length - written, position + written);
      if (count === 0) throw new Error(`the disk took ${written} of ${bytes.length} bytes`);
      written += count;
    }
  }

  read(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(this.#descriptor, bytes, filled, length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled === length ? bytes : bytes.subarray(0, filled);
  }

  size(): number {
    return fstatSync(this.#descriptor).size;
  }

  fdatasync(done: (error: Error | null) => void): void {
    this.#flushes++;
    fdatasync(this.#descriptor, (error) => {
      this.#flushes--;
      if (this.#closed && this.#flushes === 0) closeSync(this.#descriptor);
      done(error);
    });
  }

  fdatasyncSync(): void {
    fdatasyncSync(this.#descriptor);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A descriptor closed under a running flush could be reused by another file before the flush reaches the kernel.
    if (this.#flushes === 0) closeSync(this.#descriptor);
  }
}

export class NodeDisk implements Disk {
  open(path: string, mode: OpenMode): DiskFile {
    return new NodeDiskFile(openSync(path, FLAGS[mode], 0o600));
  }

  list(folder: string): string[] {
    try {
      return readdirSync(folder).sort();
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  }

  makeFolder(folder: string): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  rename(from: string, to: string): void {
    renameSync(from, to);
  }

  remove(path: string): void {
    unlinkSync(path);
  }

  syncFolder(folder: string): void {
    const descriptor = openSync(folder, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
