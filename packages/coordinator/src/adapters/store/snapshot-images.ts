/**
 * Images of the applied state for peers: made when somebody needs one, while applying goes on (lmdb copies from a read transaction, on a
 * thread of its own), kept while they are used, removed when nobody asked for a while.
 *
 * (I1) One image at a time. (I2) An image serves as long as the log holds all that follows it; else a new one is made, so that a peer never
 * gets a state from which the log cannot take it on.
 */
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { ConfState, Snapshot } from "../../core/raft/types.ts";
import type { Clock } from "../../services/raft-driver/ports.ts";
import type { SnapshotImage, SnapshotImages } from "../../services/snapshot/ports.ts";
import type { AppliedMark } from "./state-store.ts";

const FOLDER = "snapshot.out";
const IDLE_MS = 60_000;
/** After a copy that failed (no room for it, say): the peer waits, and this coordinator goes on. */
const REST_MS = 30_000;
const READ_BYTES: number = 1024 * 1024;

export interface StateImagesOptions {
  readonly dataDir: string;
  readonly copyState: (folder: string) => Promise<AppliedMark>;
  readonly membership: () => ConfState;
  /** First index that the log holds. */
  readonly firstIndex: () => number;
  readonly clock: Clock;
  readonly failed: (error: Error) => void;
}

class FileImage implements SnapshotImage {
  readonly snapshot: Snapshot;
  readonly bytes: number;
  readonly digest: Uint8Array;
  readonly #file: FileHandle;
  usedMs: number;

  constructor(snapshot: Snapshot, bytes: number, digest: Uint8Array, file: FileHandle, usedMs: number) {
    this.snapshot = snapshot;
    this.bytes = bytes;
    this.digest = digest;
    this.#file = file;
    this.usedMs = usedMs;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.#file.read(new Uint8Array(length), 0, length, offset);
    if (bytesRead !== length) throw new Error(`the image ends at ${offset + bytesRead} instead of ${this.bytes}`);
    return buffer;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

export class StateImages implements SnapshotImages {
  readonly #options: StateImagesOptions;
  #image: FileImage | undefined;
  #making: Promise<void> | undefined;
  #cancelIdle: (() => void) | undefined;
  #closed = false;
  #restUntilMs = 0;

  constructor(options: StateImagesOptions) {
    this.#options = options;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #folder(): string {
    return `${this.#options.dataDir}/${FOLDER}`;
  }

  /** The snapshot that can be sent now; undefined where one has to be made first, which begins with this call. */
  latest(): Snapshot | undefined {
    if (this.#closed || this.#making !== undefined) return undefined;
    const image = this.#image;
    if (image !== undefined && image.snapshot.index >= this.#options.firstIndex() - 1) return image.snapshot;
    if (this.#options.clock.monotonicMs() < this.#restUntilMs) return undefined;
    this.#making = this.#make()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#making = undefined;
      });
    return undefined;
  }

  use(snapshot: Snapshot): SnapshotImage | undefined {
    const image = this.#image;
    if (image?.snapshot.index !== snapshot.index || image.snapshot.term !== snapshot.term) return undefined;
    image.usedMs = this.#options.clock.monotonicMs();
    return image;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelIdle?.();
    await this.#making;
    await this.#drop();
  }

  async #make(): Promise<void> {
    const { clock, copyState, membership } = this.#options;
    await this.#drop();
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const { index, term } = await copyState(this.#folder);
    // Nothing was flushed yet: the next call finds something.
    if (index === 0) return;
    const file = await open(`${this.#folder}/data.mdb`, "r");
    const { digest, bytes } = await digestOf(file);
    const snapshot: Snapshot = { index, term, confState: membership(), data: new Uint8Array(0) };
    this.#image = new FileImage(snapshot, bytes, digest, file, clock.monotonicMs());
    this.#watch();
  }

  #failed(error: unknown): void {
    this.#restUntilMs = this.#options.clock.monotonicMs() + REST_MS;
    rmSync(this.#folder, { recursive: true, force: true });
    this.#options.failed(error instanceof Error ? error : new Error(String(error)));
  }

  #watch(): void {
    const { clock } = this.#options;
    this.#cancelIdle = clock.schedule(IDLE_MS, () => {
      const image = this.#image;
      if (image === undefined || this.#closed) return;
      if (clock.monotonicMs() - image.usedMs < IDLE_MS) this.#watch();
      else void this.#drop();
    });
  }

  async #drop(): Promise<void> {
    const image = this.#image;
    this.#image = undefined;
    this.#cancelIdle?.();
    await image?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Read in pieces, so that the loop is never held up. */
export async function digestOf(file: FileHandle): Promise<{ readonly digest: Uint8Array; readonly bytes: number }> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, bytes);
    if (bytesRead === 0) return { digest: hash.digest(), bytes };
    hash.update(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
  }
}
