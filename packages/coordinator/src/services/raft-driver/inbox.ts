/**
 * Frames that arrived and wait for the next turn. Checks each against what this node may hear and counts what it refuses, by reason.
 * Bounded: what comes while it is full is dropped, which Raft takes for loss.
 */
import type { Message } from "../../core/raft/types.ts";
import { decodeFrame, type FrameRejection } from "./frame.ts";

/** Bytes of frames that wait. A turn takes all of them, so this is reached only by a loop that stands still for long. */
const INBOX_BYTES_MAX: number = 64 * 1024 * 1024;

export type DroppedFrames = Readonly<Record<FrameRejection | "inboxFull", number>>;

export class Inbox {
  readonly #cluster: number;
  readonly #id: number;
  readonly #peers: ReadonlySet<number>;
  /** Highest boot epoch heard of each peer: what an earlier process of it sent must not count any more. */
  readonly #bootEpochs = new Map<number, number>();
  #messages: Message[] = [];
  #bytes = 0;
  readonly #dropped: Record<FrameRejection | "inboxFull", number> = {
    tooLarge: 0,
    tooShort: 0,
    magic: 0,
    version: 0,
    cluster: 0,
    checksum: 0,
    receiver: 0,
    sender: 0,
    staleBoot: 0,
    malformed: 0,
    inboxFull: 0,
  };

  constructor(cluster: number, id: number, peers: readonly number[]) {
    this.#cluster = cluster;
    this.#id = id;
    this.#peers = new Set(peers.filter((peer) => peer !== id));
  }

  get dropped(): DroppedFrames {
    return { ...this.#dropped };
  }

  /** Takes a frame in. False if it was refused. */
  receive(from: number, frame: Uint8Array): boolean {
    const refusal = this.#refusal(from, frame);
    if (refusal === undefined) return true;
    this.#dropped[refusal]++;
    return false;
  }

  take(): readonly Message[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }

  #refusal(from: number, frame: Uint8Array): FrameRejection | "inboxFull" | undefined {
    if (!this.#peers.has(from)) return "sender";
    if (this.#bytes + frame.length > INBOX_BYTES_MAX) return "inboxFull";
    const decoded = decodeFrame(frame, { cluster: this.#cluster, from, to: this.#id });
    if (!decoded.ok) return decoded.reason;
    if (decoded.bootEpoch < (this.#bootEpochs.get(from) ?? 0)) return "staleBoot";
    this.#bootEpochs.set(from, decoded.bootEpoch);
    this.#bytes += frame.length;
    for (const message of decoded.messages) this.#messages.push(message);
    return undefined;
  }
}
