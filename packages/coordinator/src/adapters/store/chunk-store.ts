/**
 * Chunks of large texts as files, named by the SHA-256 of what they hold: `<folder>/<first two of the hash>/<hash>`. Kept apart from who refers to
 * them, and from lmdb: a chunk is written once, and its file is read past the cache of the applied state.
 *
 * H1 A chunk counts as stored only after its bytes were flushed under another name, renamed, and the folder flushed: whatever a crash leaves is
 * whole, or is not there under its name. H2 What is read is compared with its name, so a damaged file is never passed on; it is as good as missing,
 * and storing the chunk again replaces it. H3 A file that is there already is flushed again before anyone is told: the process that wrote it may
 * have died before it did.
 */
import type { Disk, DiskFile } from "./wal-disk.ts";

export interface ChunkStoreOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly sha256: (bytes: Uint8Array) => string;
}

/** The disk has no room for a chunk; nothing of it is left, and the process may go on without it. */
export class NoRoomError extends Error {
  constructor(cause: unknown) {
    super("there is no room for a chunk", { cause });
    this.name = "NoRoomError";
  }
}

export type StoredChunk =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  /** There is none, or it does not hold what its name says. */
  | { readonly kind: "missing" | "damaged" };

const HASH = /^[0-9a-f]{64}$/;
const FAN_OUT = 2;
const NO_ROOM = new Set(["ENOSPC", "EDQUOT"]);

export class ChunkStore {
  private readonly options: ChunkStoreOptions;
  private readonly writing = new Map<string, Promise<void>>();
  private readonly made = new Set<string>();
  private readonly temporary = new Set<string>();
  private last = 0;

  constructor(options: ChunkStoreOptions) {
    this.options = options;
  }

  /** Resolves once the chunk is durable (H1). Rejects with NoRoomError, or with what the disk said: then nothing may be trusted to it. */
  write(hash: string, bytes: Uint8Array): Promise<void> {
    const running = this.writing.get(hash);
    if (running !== undefined) return running;
    const write = this.store(hash, bytes).finally(() => this.writing.delete(hash));
    this.writing.set(hash, write);
    return write;
  }

  read(hash: string): StoredChunk {
    const path = this.pathOf(hash);
    if (!this.exists(hash)) return { kind: "missing" };
    const file = this.options.disk.open(path, "read");
    try {
      const bytes = file.read(0, file.size());
      return this.options.sha256(bytes) === hash ? { kind: "whole", bytes } : { kind: "damaged" };
    } finally {
      file.close();
    }
  }

  /** Removes the chunk, if it is there. A removal that a crash takes back is found again by whoever looks for what nothing refers to. */
  remove(hash: string): void {
    if (!this.writing.has(hash) && this.exists(hash)) this.options.disk.remove(this.pathOf(hash));
  }

  /** The folders that chunks lie in, to be looked through one by one. */
  folders(): readonly string[] {
    return this.options.disk.list(this.options.folder).filter((name) => /^[0-9a-f]{2}$/.test(name));
  }

  /** Hashes of the chunks in one of the folders; what interrupted writes left there is removed. */
  list(folder: string): readonly string[] {
    const { disk } = this.options;
    const path = `${this.options.folder}/${folder}`;
    const names = disk.list(path);
    for (const name of names) if (!HASH.test(name) && !this.temporary.has(name)) disk.remove(`${path}/${name}`);
    return names.filter((name) => HASH.test(name));
  }

  private exists(hash: string): boolean {
    return this.options.disk.list(this.folderOf(hash)).includes(hash);
  }

  private folderOf(hash: string): string {
    return `${this.options.folder}/${hash.slice(0, FAN_OUT)}`;
  }

  private pathOf(hash: string): string {
    return `${this.folderOf(hash)}/${hash}`;
  }

  private async store(hash: string, bytes: Uint8Array): Promise<void> {
    const folder = this.folderOf(hash);
    this.makeFolder(folder);
    if (this.read(hash).kind === "whole") await this.flushAgain(hash);
    else await this.writeNew(hash, bytes);
    this.options.disk.syncFolder(folder);
  }

  private makeFolder(folder: string): void {
    if (this.made.has(folder)) return;
    const { disk, folder: root } = this.options;
    disk.makeFolder(folder);
    disk.syncFolder(root.slice(0, root.lastIndexOf("/")));
    disk.syncFolder(root);
    // What an earlier process left unfinished would stand in the way of new names.
    this.list(folder.slice(root.length + 1));
    this.made.add(folder);
  }

  private async writeNew(hash: string, bytes: Uint8Array): Promise<void> {
    const { disk } = this.options;
    const folder = this.folderOf(hash);
    const name = `new-${++this.last}`;
    const path = `${folder}/${name}`;
    this.temporary.add(name);
    try {
      const file = disk.open(path, "create");
      try {
        file.write(0, bytes);
        await flushed(file);
      } finally {
        file.close();
      }
      disk.rename(path, this.pathOf(hash));
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      if (disk.list(folder).includes(name)) disk.remove(path);
      throw new NoRoomError(error);
    } finally {
      this.temporary.delete(name);
    }
  }

  /** H3. */
  private async flushAgain(hash: string): Promise<void> {
    const file = this.options.disk.open(this.pathOf(hash), "write");
    try {
      await flushed(file);
    } finally {
      file.close();
    }
  }
}

function flushed(file: DiskFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.fdatasync((error) => (error === null ? resolve() : reject(error)));
  });
}

function isNoRoom(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && NO_ROOM.has(error.code);
}
