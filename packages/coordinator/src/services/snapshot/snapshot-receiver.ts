/**
 * Takes an image in: asks for a window at a time, goes on after an interruption where it was, checks the whole, and then shows the core the
 * message that the leader meant. Whether the state is put in place is the core's decision.
 *
 * (N1) One image at a time: the offer of the highest term. (N2) Bytes are taken in order only; a gap is asked for again.
 */
import { createMessage } from "../../core/raft/message.ts";
import { NONE, type Snapshot } from "../../core/raft/types.ts";
import type { Clock } from "../raft-driver/ports.ts";
import type { ImageInbox, IncomingImage, SnapshotBus, SnapshotDriver, SnapshotEvent } from "./ports.ts";
import { CHUNK_BYTES_MAX, encodeSnapshotFrame, type SnapshotFrame, sameDigest } from "./snapshot-frame.ts";

/** What may be on the way to this node. */
const WINDOW_BYTES: number = 8 * CHUNK_BYTES_MAX;
const SILENCE_MS = 500;
/** Then another leader's offer of the same term may take its place; there is none, but a restarted one of the same is. */
const GIVE_UP_MS = 15_000;

export interface SnapshotReceiverOptions {
  readonly self: number;
  readonly cluster: number;
  readonly bus: SnapshotBus;
  readonly clock: Clock;
  readonly inbox: ImageInbox;
  readonly driver: () => SnapshotDriver;
  readonly note: (event: SnapshotEvent, details: object) => void;
  readonly onFatal: (error: Error) => void;
}

type Offer = Extract<SnapshotFrame, { kind: "offer" }>;

interface Receiving {
  readonly from: number;
  readonly offer: Offer;
  readonly snapshot: Snapshot;
  readonly image: IncomingImage;
  asked: number;
  heardMs: number;
  checking: boolean;
}

export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  #receiving: Receiving | undefined;
  /** The last image that is here whole. */
  #whole: Snapshot | undefined;
  #cancelWatch: (() => void) | undefined;
  #startedMs = 0;

  constructor(options: SnapshotReceiverOptions) {
    this.#options = options;
  }

  receive(from: number, frame: Extract<SnapshotFrame, { kind: "offer" | "chunk" }>): void {
    try {
      if (frame.kind === "offer") this.#offered(from, frame);
      else this.#chunk(frame);
    } catch (error) {
      this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The image that was here whole is about to be put in place. */
  taken(): void {
    this.#whole = undefined;
  }

  stop(): void {
    this.#drop();
  }

  #offered(from: number, offer: Offer): void {
    const { index, snapshotTerm, confState } = offer;
    const snapshot: Snapshot = { index, term: snapshotTerm, confState, data: NO_DATA };
    const going = this.#receiving;
    if (going !== undefined && sameDigest(going.offer.digest, offer.digest) && going.from === from && going.offer.term === offer.term) {
      if (!going.checking) this.#ask(going, true);
      return;
    }
    if (!this.#options.driver().lacksSnapshot(index, snapshotTerm) || this.#isWhole(snapshot)) {
      this.#show(from, offer, snapshot);
      return;
    }
    if (going?.checking || (going !== undefined && offer.term < going.offer.term)) return;
    this.#drop();
    const image = this.#options.inbox.open(offer.digest, snapshot);
    const nowMs = this.#options.clock.monotonicMs();
    const receiving: Receiving = { from, offer, snapshot, image, asked: image.offset, heardMs: nowMs, checking: false };
    this.#startedMs = nowMs;
    this.#receiving = receiving;
    if (image.offset >= offer.bytes) this.#check(receiving);
    else this.#ask(receiving, true);
    this.#watch();
  }

  #isWhole({ index, term }: Snapshot): boolean {
    return this.#whole?.index === index && this.#whole.term === term;
  }

  #chunk({ digest, offset, data }: Extract<SnapshotFrame, { kind: "chunk" }>): void {
    const receiving = this.#receiving;
    if (receiving === undefined || receiving.checking || !sameDigest(receiving.offer.digest, digest)) return;
    const { image, offer } = receiving;
    if (offset !== image.offset || offset + data.length > offer.bytes) return;
    receiving.heardMs = this.#options.clock.monotonicMs();
    image.append(data);
    if (image.offset >= offer.bytes) this.#check(receiving);
    // Half a window before it is used up, so that the sender never runs dry.
    else if (receiving.asked - image.offset <= WINDOW_BYTES / 2) this.#ask(receiving, false);
  }

  #ask(receiving: Receiving, rewind: boolean): void {
    const { digest } = receiving.offer;
    receiving.asked = receiving.image.offset + WINDOW_BYTES;
    this.#answer(receiving.from, { kind: "want", digest, offset: receiving.image.offset, until: receiving.asked, rewind });
  }

  #check(receiving: Receiving): void {
    receiving.checking = true;
    receiving.image.complete().then(
      (sound) => {
        if (this.#receiving !== receiving) return;
        this.#receiving = undefined;
        if (sound) {
          this.#whole = receiving.snapshot;
          const seconds = (this.#options.clock.monotonicMs() - this.#startedMs) / 1000;
          this.#options.note("received", { index: receiving.snapshot.index, bytes: receiving.offer.bytes, seconds });
          this.#show(receiving.from, receiving.offer, receiving.snapshot);
        } else {
          this.#options.note("refused", { index: receiving.snapshot.index, reason: "it does not pass its check" });
          this.#answer(receiving.from, { kind: "end", digest: receiving.offer.digest, taken: false });
        }
      },
      (error: unknown) => this.#options.onFatal(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** The core sees the message as the leader sent it. Of an older term than its own it takes no notice. */
  #show(from: number, offer: Offer, snapshot: Snapshot): void {
    const { driver, self } = this.#options;
    driver().receiveSnapshot(createMessage("MsgSnap", self, { from, term: offer.term, snapshot }));
    this.#answer(from, { kind: "end", digest: offer.digest, taken: true });
  }

  #watch(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = this.#options.clock.schedule(SILENCE_MS, () => {
      this.#cancelWatch = undefined;
      const receiving = this.#receiving;
      if (receiving === undefined) return;
      const silentMs = this.#options.clock.monotonicMs() - receiving.heardMs;
      if (silentMs > GIVE_UP_MS && !receiving.checking) {
        this.#drop();
        return;
      }
      if (silentMs >= SILENCE_MS && !receiving.checking) this.#ask(receiving, true);
      this.#watch();
    });
  }

  #drop(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
    this.#receiving?.image.close();
    this.#receiving = undefined;
  }

  #answer(to: number, frame: SnapshotFrame): void {
    const { bus, cluster, self } = this.#options;
    if (to === NONE || !bus.connected) return;
    bus.send(to, encodeSnapshotFrame({ cluster, from: self, to }, frame));
  }
}

const NO_DATA = new Uint8Array(0);
