/**
 * Decides what the log may forget, once a second: nothing that the applied state has not on disk, nothing that a live follower still lacks,
 * and never the tail. A follower that was away for longer than that is brought a snapshot.
 *
 * (G1) The log is bounded: above `logBytesMax` a follower that lives and does not keep up is no reason to keep more, save
 * while a snapshot is on its way to it.
 */
import type { Clock, PeerProgress } from "../raft-driver/ports.ts";

export interface LogRetention {
  readonly tailEntries: number;
  readonly tailBytes: number;
  readonly logBytesMax: number;
}

/** Ten thousand entries are some seconds of full load; 64 MiB are eight segments. */
export const RETENTION_DEFAULT: LogRetention = { tailEntries: 10_000, tailBytes: 64 * 1024 * 1024, logBytesMax: 512 * 1024 * 1024 };
const TURN_MS = 1_000;
/** A peer that was not heard for this long is away. */
const LIVE_PEER_MS = 10_000;

export interface CuttableLog {
  readonly bytes: number;
  cut(request: { readonly upTo: number; readonly tailEntries: number; readonly tailBytes: number }): number | undefined;
}

export interface LogKeeperOptions {
  readonly log: CuttableLog;
  readonly clock: Clock;
  readonly retention: LogRetention;
  /** Up to where the applied state survives a power cut. */
  readonly durableIndex: () => number;
  readonly peers: () => readonly PeerProgress[];
  /** What follows this entry stays in any case: a snapshot of it is on its way. */
  readonly heldIndex: () => number;
  readonly onCut: (base: number) => void;
}

export class LogKeeper {
  readonly #options: LogKeeperOptions;
  #cancel: (() => void) | undefined;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel = this.#options.clock.schedule(TURN_MS, () => {
      this.turn();
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  turn(): void {
    const { log, retention, durableIndex, heldIndex, peers, onCut } = this.#options;
    const { tailEntries, tailBytes, logBytesMax } = retention;
    const durable = Math.min(durableIndex(), heldIndex());
    const live = peers().filter(({ silentMs }) => silentMs <= LIVE_PEER_MS);
    const needed = Math.min(durable, ...live.map(({ match }) => match));
    const base =
      log.bytes > logBytesMax
        ? log.cut({ upTo: durable, tailEntries: 0, tailBytes: Math.min(tailBytes, logBytesMax) })
        : log.cut({ upTo: needed, tailEntries, tailBytes });
    if (base !== undefined) onCut(base);
  }
}
