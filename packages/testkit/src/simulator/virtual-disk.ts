/**
 * A disk in memory that forgets like a real one: what was written and not flushed may be lost, kept or torn by sectors at a crash, and
 * names that were made or moved without a flush of the folder may be as they were. It can refuse a flush and flip bits.
 *
 * (D1) Only `crash()` makes the difference between written and durable visible; before it, reads see every write.
 * (D2) A flush makes durable what was written before it began, when it ends; writes during it are not covered.
 */
import type { EventQueue, VirtualProcess } from "./event-queue.ts";
import type { SeededRandom } from "./seeded-random.ts";

const SECTOR_BYTES = 512;

interface Write {
  readonly position: number;
  readonly bytes: Uint8Array;
}

class Content {
  bytes: Uint8Array = new Uint8Array(0);
  size = 0;

  apply({ position, bytes }: Write): void {
    const end = position + bytes.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, Math.min(this.bytes.length * 2, end + 65_536)));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    this.bytes.set(bytes, position);
    this.size = Math.max(this.size, end);
  }

  copyFrom(other: Content): void {
    this.bytes = other.bytes.slice(0, other.size);
    this.size = other.size;
  }
}

class Inode {
  readonly live: Content = new Content();
  readonly durable: Content = new Content();
  unflushed: Write[] = [];

  flush(count: number): void {
    for (const write of this.unflushed.slice(0, count)) this.durable.apply(write);
    this.unflushed = this.unflushed.slice(count);
  }

  /** Power is gone: each unflushed write survives whole, in part or not at all. */
  crash(random: SeededRandom): void {
    for (const write of this.unflushed) {
      const fate = random.unit();
      if (fate < 0.35) continue;
      if (fate < 0.6) {
        this.durable.apply(write);
        continue;
      }
      for (let at = 0; at < write.bytes.length; ) {
        const untilSector = SECTOR_BYTES - ((write.position + at) % SECTOR_BYTES);
        const end = Math.min(write.bytes.length, at + untilSector);
        if (random.chance(0.5)) this.durable.apply({ position: write.position + at, bytes: write.bytes.subarray(at, end) });
        at = end;
      }
    }
    this.unflushed = [];
    this.live.copyFrom(this.durable);
  }
}

export interface VirtualFile {
  write(position: number, bytes: Uint8Array): void;
  read(position: number, length: number): Uint8Array;
  size(): number;
  fdatasync(done: (error: Error | null) => void): void;
  fdatasyncSync(): void;
  close(): void;
}

export interface VirtualDiskOptions {
  readonly queue: EventQueue;
  readonly random: SeededRandom;
  /** Bounds of how long a flush takes. */
  readonly flushMs?: readonly [number, number];
}

type NameChange =
  | { readonly kind: "set"; readonly path: string; readonly inode: Inode }
  | { readonly kind: "unset"; readonly path: string };

function apply(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === "set") names.set(change.path, change.inode);
  else names.delete(change.path);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

export class VirtualDisk {
  readonly #queue: EventQueue;
  readonly #random: SeededRandom;
  flushMs: readonly [number, number];
  /** Probability that a flush fails. After a failure the pages count as clean, as on Linux: the next flush would report success. */
  flushFailure = 0;
  /** While set, every write throws it: a full or broken disk. */
  writeError: Error | undefined;
  /** The process whose flushes these are; its death takes the completions with it. */
  owner: VirtualProcess | undefined;
  flushes = 0;
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  /** Changes of names that no flush of their folder has covered; one rename is one list, all or nothing. */
  #nameChanges: { readonly folder: string; readonly changes: readonly NameChange[] }[] = [];

  constructor(options: VirtualDiskOptions) {
    this.#queue = options.queue;
    this.#random = options.random;
    this.flushMs = options.flushMs ?? [0.1, 0.5];
  }

  open(path: string, mode: "read" | "write" | "create"): VirtualFile {
    if (mode !== "create") return this.#file(this.#inode(path));
    if (this.#names.has(path)) throw new Error(`EEXIST: ${path}`);
    const inode = new Inode();
    this.#change(folderOf(path), [{ kind: "set", path, inode }]);
    return this.#file(inode);
  }

  list(folder: string): string[] {
    const names: string[] = [];
    for (const path of this.#names.keys()) if (folderOf(path) === folder) names.push(path.slice(folder.length + 1));
    return names.sort();
  }

  makeFolder(_folder: string): void {
    // Folders are implied by the paths in them.
  }

  rename(from: string, to: string): void {
    const inode = this.#inode(from);
    this.#change(folderOf(to), [
      { kind: "unset", path: from },
      { kind: "set", path: to, inode },
    ]);
  }

  remove(path: string): void {
    this.#inode(path);
    this.#change(folderOf(path), [{ kind: "unset", path }]);
  }

  syncFolder(folder: string): void {
    this.#nameChanges = this.#nameChanges.filter((entry) => {
      if (entry.folder !== folder) return true;
      for (const change of entry.changes) apply(this.#durableNames, change);
      return false;
    });
  }

  /** Power is gone. Names survive as after some first part of their unflushed changes, as a journal would have it. */
  crash(): void {
    const kept = this.#random.integer(0, this.#nameChanges.length);
    for (const entry of this.#nameChanges.slice(0, kept)) for (const change of entry.changes) apply(this.#durableNames, change);
    this.#nameChanges = [];
    this.#names.clear();
    for (const [path, inode] of this.#durableNames) {
      inode.crash(this.#random);
      this.#names.set(path, inode);
    }
  }

  /** Damages what is on disk, durably: changes the byte so that it differs. */
  flipByte(path: string, offset: number, mask: number = 0xff): void {
    const inode = this.#inode(path);
    for (const content of [inode.live, inode.durable]) content.bytes[offset] = (content.bytes[offset] ?? 0) ^ mask;
  }

  /** The file's bytes as a reader sees them now. */
  contentOf(path: string): Uint8Array {
    const { live } = this.#inode(path);
    return live.bytes.slice(0, live.size);
  }

  /** Puts a file there, durably, whatever was there before. */
  put(path: string, bytes: Uint8Array): void {
    const inode = new Inode();
    for (const content of [inode.live, inode.durable]) content.apply({ position: 0, bytes });
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** Removes a file durably, as an operator's mistake would. */
  lose(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  #change(folder: string, changes: readonly NameChange[]): void {
    for (const change of changes) apply(this.#names, change);
    this.#nameChanges.push({ folder, changes });
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new Error(`ENOENT: ${path}`);
    return inode;
  }

  #file(inode: Inode): VirtualFile {
    return {
      write: (position, bytes) => {
        if (this.writeError !== undefined) throw this.writeError;
        const write = { position, bytes: bytes.slice() };
        inode.live.apply(write);
        inode.unflushed.push(write);
      },
      read: (position, length) => inode.live.bytes.slice(position, Math.max(position, Math.min(position + length, inode.live.size))),
      size: () => inode.live.size,
      fdatasync: (done) => this.#flush(inode, done),
      fdatasyncSync: () => {
        this.flushes++;
        inode.flush(inode.unflushed.length);
      },
      close: () => undefined,
    };
  }

  #flush(inode: Inode, done: (error: Error | null) => void): void {
    const count = inode.unflushed.length;
    const { owner } = this;
    const fails = this.flushFailure > 0 && this.#random.chance(this.flushFailure);
    this.flushes++;
    this.#queue.schedule(
      this.#random.between(this.flushMs[0], this.flushMs[1]),
      () => {
        if (fails) {
          inode.unflushed = inode.unflushed.slice(count);
          done(new Error("EIO: flush failed"));
          return;
        }
        inode.flush(count);
        done(null);
      },
      owner,
    );
  }
}
