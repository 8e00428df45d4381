/**
 * Images of a state that arrive: one folder for each digest, filled from its beginning to its end. After a crash the length of the file says
 * how far it came; whether all of it is right says the digest at the end, so nothing is synced before.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Snapshot } from "../../core/raft/types.ts";
import type { ImageInbox, IncomingImage } from "../../services/snapshot/ports.ts";
import { digestOf } from "./snapshot-images.ts";
import { stageState } from "./state-folder.ts";
import { readAppliedMark } from "./state-store.ts";
import { NodeDisk } from "./wal-disk-node.ts";

const FOLDER = "snapshot.in";

class FileInbox implements IncomingImage {
  readonly #folder: string;
  readonly #digest: Uint8Array;
  readonly #snapshot: Snapshot;
  readonly #descriptor: number;
  #open = true;
  offset: number;

  constructor(folder: string, digest: Uint8Array, snapshot: Snapshot) {
    this.#folder = folder;
    this.#digest = digest;
    this.#snapshot = snapshot;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#descriptor = openSync(`${folder}/data.mdb`, "a", 0o600);
    this.offset = fstatSync(this.#descriptor).size;
  }

  append(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#descriptor, bytes, written);
    this.offset += bytes.length;
  }

  async complete(): Promise<boolean> {
    this.close();
    const file = await open(`${this.#folder}/data.mdb`, "r+");
    try {
      const { digest } = await digestOf(file);
      if (Buffer.compare(digest, this.#digest) !== 0) return this.#discard();
      await file.sync();
    } finally {
      await file.close();
    }
    const mark = readAppliedMark(this.#folder);
    if (mark?.index !== this.#snapshot.index || mark.term !== this.#snapshot.term) return this.#discard();
    new NodeDisk().syncFolder(this.#folder);
    return true;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#descriptor);
  }

  #discard(): false {
    rmSync(this.#folder, { recursive: true, force: true });
    return false;
  }
}

export class StateInbox implements ImageInbox {
  readonly #dataDir: string;
  #latest: { readonly folder: string; readonly snapshot: Snapshot } | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  open(digest: Uint8Array, snapshot: Snapshot): IncomingImage {
    const name = Buffer.from(digest).toString("hex");
    const root = `${this.#dataDir}/${FOLDER}`;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    for (const other of readdirSync(root)) if (other !== name) rmSync(`${root}/${other}`, { recursive: true, force: true });
    const folder = `${root}/${name}`;
    this.#latest = { folder, snapshot };
    return new FileInbox(folder, digest, snapshot);
  }

  /** Makes the image that is complete the state that comes next. */
  stage({ index, term }: Snapshot): void {
    const latest = this.#latest;
    if (latest?.snapshot.index !== index || latest.snapshot.term !== term) throw new Error(`the state at ${index} is not here`);
    this.#latest = undefined;
    stageState(this.#dataDir, latest.folder);
  }
}
