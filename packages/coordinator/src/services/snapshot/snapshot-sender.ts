/**
 * Brings an image to peers that the core named: offers it, sends what each asks for, and tells the core how it ended, always. The receiver
 * gives the pace (it asks for a window at a time); here is only a bound of the rate, so that Raft's own messages find room on the wire.
 *
 * (T3) What follows an image that is on its way is held in the log (`heldIndex`), or the peer would need the next image as soon as it has this
 * one, for ever. That hold is bounded: by a peer's silence, and by the longest time of a transfer.
 * (T1) One transfer a peer. (T2) A peer that says nothing for a while has failed; the core asks again when it hears of it.
 */
import type { Message } from "../../core/raft/types.ts";
import type { Clock } from "../raft-driver/ports.ts";
import type { SnapshotBus, SnapshotDriver, SnapshotEvent, SnapshotImage, SnapshotImages } from "./ports.ts";
import { CHUNK_BYTES_MAX, encodeSnapshotFrame, type FrameEnds, type SnapshotFrame, sameDigest } from "./snapshot-frame.ts";

const TURN_MS = 250;
const OFFER_AGAIN_MS = 500;
/** A receiver checks and syncs a large image before it says that it has it. */
const SILENCE_MS = 30_000;
/** A peer that takes longer is not brought up to date in this way. */
const TRANSFER_MS_MAX = 600_000;
/** After the last byte: until the peer has put the state in place, and asks for what follows. */
const HOLD_AFTER_MS = 15_000;
const BYTES_PER_SECOND: number = 64 * 1024 * 1024;

export interface SnapshotSenderOptions {
  readonly self: number;
  readonly cluster: number;
  readonly bus: SnapshotBus;
  readonly clock: Clock;
  readonly images: SnapshotImages;
  readonly driver: () => SnapshotDriver;
  readonly note: (event: SnapshotEvent, details: object) => void;
}

interface Transfer {
  readonly to: number;
  readonly message: Message;
  readonly image: SnapshotImage;
  cursor: number;
  until: number;
  pumping: boolean;
  readonly startedMs: number;
  heardMs: number;
  offeredMs: number;
}

export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #transfers = new Map<number, Transfer>();
  /** Images that a peer has just got: index, and until when it is held. */
  #delivered: { readonly index: number; readonly untilMs: number }[] = [];
  #cancelTurn: (() => void) | undefined;
  /** When the rate allows the next chunk. */
  #freeAtMs = 0;

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  send(message: Message): void {
    const { images, clock } = this.#options;
    const { to, snapshot } = message;
    const image = snapshot === undefined ? undefined : images.use(snapshot);
    if (image === undefined) {
      // Told in a turn of its own: the core is in the middle of one.
      clock.soon(() => this.#options.driver().reportSnapshot(to, "failed"));
      return;
    }
    const nowMs = clock.monotonicMs();
    const transfer: Transfer = {
      to,
      message,
      image,
      cursor: 0,
      until: 0,
      pumping: false,
      startedMs: nowMs,
      heardMs: nowMs,
      offeredMs: nowMs,
    };
    this.#transfers.set(to, transfer);
    this.#options.note("offered", { to, index: image.snapshot.index, bytes: image.bytes });
    this.#offer(transfer);
    this.#cancelTurn ??= clock.schedule(TURN_MS, () => this.#turn());
  }

  /** The log has to keep what follows this entry; Infinity where nothing is on its way. */
  get heldIndex(): number {
    const nowMs = this.#options.clock.monotonicMs();
    this.#delivered = this.#delivered.filter(({ untilMs }) => untilMs > nowMs);
    const onTheWay = [...this.#transfers.values()].map(({ image }) => image.snapshot.index);
    return Math.min(...onTheWay, ...this.#delivered.map(({ index }) => index));
  }

  receive(from: number, frame: Extract<SnapshotFrame, { kind: "want" | "end" }>): void {
    const transfer = this.#transfers.get(from);
    if (transfer === undefined || !sameDigest(transfer.image.digest, frame.digest)) return;
    transfer.heardMs = this.#options.clock.monotonicMs();
    if (frame.kind === "end") {
      this.#end(transfer, frame.taken ? "finished" : "failed");
      return;
    }
    if (frame.rewind) transfer.cursor = frame.offset;
    transfer.until = Math.min(frame.until, transfer.image.bytes);
    void this.#pump(transfer);
  }

  stop(): void {
    this.#cancelTurn?.();
    this.#transfers.clear();
  }

  #turn(): void {
    this.#cancelTurn = undefined;
    const { clock, images } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const transfer of this.#transfers.values()) {
      images.use(transfer.image.snapshot);
      if (nowMs - transfer.heardMs > SILENCE_MS || nowMs - transfer.startedMs > TRANSFER_MS_MAX) this.#end(transfer, "failed");
      // A peer that was started again meanwhile knows nothing of it; one that is busy checking takes no notice.
      else if (nowMs - Math.max(transfer.heardMs, transfer.offeredMs) >= OFFER_AGAIN_MS) this.#offer(transfer);
    }
    if (this.#transfers.size > 0) this.#cancelTurn = clock.schedule(TURN_MS, () => this.#turn());
  }

  #offer(transfer: Transfer): void {
    const { image, message } = transfer;
    const { index, term, confState } = image.snapshot;
    transfer.offeredMs = this.#options.clock.monotonicMs();
    const { digest, bytes } = image;
    this.#sendFrame(transfer.to, { kind: "offer", digest, term: message.term, index, snapshotTerm: term, bytes, confState });
  }

  async #pump(transfer: Transfer): Promise<void> {
    if (transfer.pumping) return;
    transfer.pumping = true;
    try {
      while (transfer.cursor < transfer.until && this.#transfers.get(transfer.to) === transfer) {
        const offset = transfer.cursor;
        const data = await transfer.image.read(offset, Math.min(CHUNK_BYTES_MAX, transfer.image.bytes - offset));
        await this.#pace(data.length);
        // It may have been rewound meanwhile.
        if (transfer.cursor !== offset) continue;
        transfer.cursor += data.length;
        this.#sendFrame(transfer.to, { kind: "chunk", digest: transfer.image.digest, offset, data });
      }
    } catch (error) {
      this.#options.note("failed", { to: transfer.to, error: String(error) });
      this.#end(transfer, "failed");
    } finally {
      transfer.pumping = false;
    }
  }

  #pace(bytes: number): Promise<void> {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const waitMs = this.#freeAtMs - nowMs;
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (bytes / BYTES_PER_SECOND) * 1000;
    return new Promise((resolve) => {
      if (waitMs >= 1) clock.schedule(waitMs, resolve);
      else clock.soon(resolve);
    });
  }

  #sendFrame(to: number, frame: SnapshotFrame): void {
    const { bus, cluster, self } = this.#options;
    if (!bus.connected) return;
    const ends: FrameEnds = { cluster, from: self, to };
    bus.send(to, encodeSnapshotFrame(ends, frame));
  }

  #end(transfer: Transfer, status: "finished" | "failed"): void {
    if (this.#transfers.get(transfer.to) !== transfer) return;
    this.#transfers.delete(transfer.to);
    if (status === "finished") {
      const untilMs = this.#options.clock.monotonicMs() + HOLD_AFTER_MS;
      this.#delivered.push({ index: transfer.image.snapshot.index, untilMs });
    }
    this.#options.note(status === "finished" ? "sent" : "failed", { to: transfer.to, index: transfer.image.snapshot.index });
    this.#options.driver().reportSnapshot(transfer.to, status);
  }
}
