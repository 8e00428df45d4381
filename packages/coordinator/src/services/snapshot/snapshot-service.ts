/** The lane of snapshots as the driver sees it: sender and receiver on one bus, and the two moves that put a received state in place. */
import type { Message, Snapshot } from "../../core/raft/types.ts";
import type { SnapshotCarrier } from "../raft-driver/ports.ts";
import type { SnapshotBus } from "./ports.ts";
import { decodeSnapshotFrame } from "./snapshot-frame.ts";
import { SnapshotReceiver, type SnapshotReceiverOptions } from "./snapshot-receiver.ts";
import { SnapshotSender, type SnapshotSenderOptions } from "./snapshot-sender.ts";

export interface SnapshotServiceOptions extends SnapshotReceiverOptions, SnapshotSenderOptions {
  readonly bus: SnapshotBus;
  readonly peers: readonly number[];
  readonly parseMembership: Parameters<typeof decodeSnapshotFrame>[2];
  readonly onFrameDropped: () => void;
  /** Makes the received state the next one, on disk. */
  readonly stage: (snapshot: Snapshot) => void;
  /** Puts it in place of the applied state. */
  readonly install: (snapshot: Snapshot) => Promise<void>;
}

export class SnapshotService implements SnapshotCarrier {
  readonly #options: SnapshotServiceOptions;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;

  constructor(options: SnapshotServiceOptions) {
    this.#options = options;
    this.#sender = new SnapshotSender(options);
    this.#receiver = new SnapshotReceiver(options);
  }

  start(): void {
    const { bus, cluster, self, peers, parseMembership, onFrameDropped } = this.#options;
    bus.onFrame((bytes) => {
      const decoded = decodeSnapshotFrame(bytes, { cluster, to: self }, parseMembership);
      if (decoded === undefined || decoded.from === self || !peers.includes(decoded.from)) {
        onFrameDropped();
        return;
      }
      const { from, frame } = decoded;
      if (frame.kind === "offer" || frame.kind === "chunk") this.#receiver.receive(from, frame);
      else this.#sender.receive(from, frame);
    });
  }

  stop(): void {
    this.#sender.stop();
    this.#receiver.stop();
  }

  /** See {@link SnapshotSender.heldIndex}. */
  get heldIndex(): number {
    return this.#sender.heldIndex;
  }

  send(message: Message): void {
    this.#sender.send(message);
  }

  stage(snapshot: Snapshot): void {
    this.#receiver.taken();
    this.#options.stage(snapshot);
  }

  install(snapshot: Snapshot): Promise<void> {
    return this.#options.install(snapshot);
  }
}
