/** What the transfer of snapshots needs of the world: a lane of its own to the peers, files, and the driver. */
import type { Message, Snapshot } from "../../core/raft/types.ts";

/** Lossy, as every lane between coordinators, and apart from Raft's own: a snapshot must not stand before a heartbeat. */
export interface SnapshotBus {
  readonly connected: boolean;
  send(to: number, frame: Uint8Array): void;
  onFrame(handler: (frame: Uint8Array) => void): void;
}

/** A copy of the applied state at one index, whole, on this disk. */
export interface SnapshotImage {
  readonly snapshot: Snapshot;
  readonly bytes: number;
  /** SHA-256 of all bytes. */
  readonly digest: Uint8Array;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface SnapshotImages {
  /** The image of exactly that snapshot; undefined where it is gone. Using it keeps it. */
  use(snapshot: Snapshot): SnapshotImage | undefined;
}

/** A copy that arrives, piece by piece, in order. */
export interface IncomingImage {
  /** Bytes that are here; after an interruption more than none. */
  readonly offset: number;
  append(bytes: Uint8Array): void;
  /** Syncs and checks all of it. False, and nothing is left, where it is not what the digest says or not of this place in the log. */
  complete(): Promise<boolean>;
  close(): void;
}

export interface ImageInbox {
  /** Goes on with what is here of the same image; drops what is here of others. */
  open(digest: Uint8Array, snapshot: Snapshot): IncomingImage;
}

export interface SnapshotDriver {
  receiveSnapshot(message: Message): void;
  reportSnapshot(to: number, status: "finished" | "failed"): void;
  lacksSnapshot(index: number, term: number): boolean;
}

export type SnapshotEvent = "offered" | "sent" | "failed" | "received" | "refused";
