/** Gathers a turn's messages by peer and sends them as one frame each, or a few where one would grow too large. */
import type { Message } from "../../core/raft/types.ts";
import { encodeFrame, FRAME_BYTES_SOFT_MAX, FRAME_HEADER_BYTES, messageBytes } from "./frame.ts";
import type { RaftBus } from "./ports.ts";

export interface OutboxOptions {
  readonly bus: RaftBus;
  readonly cluster: number;
  readonly from: number;
  readonly bootEpoch: number;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #byPeer = new Map<number, Message[]>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  add(message: Message): void {
    const waiting = this.#byPeer.get(message.to);
    if (waiting === undefined) this.#byPeer.set(message.to, [message]);
    else waiting.push(message);
  }

  /** Sends everything; while the bus is not connected, drops it: Raft repeats, a buffer would send what is stale by then. */
  flush(): void {
    if (this.#byPeer.size === 0) return;
    if (this.#options.bus.connected) {
      for (const [to, messages] of this.#byPeer) this.#send(to, messages);
    }
    this.#byPeer.clear();
  }

  #send(to: number, messages: readonly Message[]): void {
    const { bus, cluster, from, bootEpoch } = this.#options;
    let batch: Message[] = [];
    let bytes = FRAME_HEADER_BYTES;
    for (const message of messages) {
      const size = messageBytes(message);
      if (batch.length > 0 && bytes + size > FRAME_BYTES_SOFT_MAX) {
        bus.send(to, encodeFrame({ cluster, from, to, bootEpoch }, batch));
        batch = [];
        bytes = FRAME_HEADER_BYTES;
      }
      batch.push(message);
      bytes += size;
    }
    bus.send(to, encodeFrame({ cluster, from, to, bootEpoch }, batch));
  }
}
