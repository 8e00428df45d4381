/**
 * A network between numbered nodes that loses, repeats, delays (and so reorders), damages and cuts, all by one seed. Delivery is to
 * whoever bears the number when the frame arrives, so frames outlive the process that sent them, and the one they were meant for.
 */
import type { EventQueue, VirtualProcess } from "./event-queue.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface NetworkFaults {
  readonly loss: number;
  readonly duplication: number;
  /** Probability that a frame is held back for up to `spikeMs`. */
  readonly spike: number;
  readonly spikeMs: number;
  /** Probability that one byte of a frame is changed on the way. */
  readonly damage: number;
  readonly delayMs: readonly [number, number];
}

export const NO_NETWORK_FAULTS: NetworkFaults = { loss: 0, duplication: 0, spike: 0, spikeMs: 0, damage: 0, delayMs: [0.1, 0.5] };

interface Endpoint {
  readonly process: VirtualProcess;
  handler: (from: number, frame: Uint8Array) => void;
}

/** What one process holds of the network: it fits a bus port of send, onFrame and connected. */
export interface VirtualBus {
  send(to: number, frame: Uint8Array): void;
  onFrame(handler: (from: number, frame: Uint8Array) => void): void;
  readonly connected: boolean;
}

export class VirtualNetwork {
  readonly #queue: EventQueue;
  readonly #random: SeededRandom;
  readonly #endpoints = new Map<number, Endpoint>();
  readonly #cut = new Set<string>();
  readonly #offline = new Set<number>();
  faults: NetworkFaults = NO_NETWORK_FAULTS;
  sent = 0;
  delivered = 0;

  constructor(queue: EventQueue, random: SeededRandom) {
    this.#queue = queue;
    this.#random = random;
  }

  /** Takes the node's place in the network for a process, until the next one does. */
  join(node: number, process: VirtualProcess): VirtualBus {
    const endpoint: Endpoint = { process, handler: () => undefined };
    this.#endpoints.set(node, endpoint);
    const isOffline = (): boolean => this.#offline.has(node);
    return {
      send: (to, frame) => this.#send(node, to, frame),
      onFrame: (handler) => {
        endpoint.handler = handler;
      },
      get connected() {
        return !isOffline();
      },
    };
  }

  /** Cuts one direction. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** The node knows that it has no connection, as a client whose server is gone. */
  disconnect(node: number): void {
    this.#offline.add(node);
  }

  heal(): void {
    this.#cut.clear();
    this.#offline.clear();
  }

  #isCut(from: number, to: number): boolean {
    return this.#cut.has(`${from}>${to}`) || this.#offline.has(from) || this.#offline.has(to);
  }

  #send(from: number, to: number, frame: Uint8Array): void {
    this.sent++;
    if (this.#isCut(from, to) || this.#random.chance(this.faults.loss)) return;
    const copies = this.#random.chance(this.faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const bytes = frame.slice();
      if (bytes.length > 0 && this.#random.chance(this.faults.damage)) {
        const at = this.#random.integer(0, bytes.length - 1);
        bytes[at] = bytes[at]! ^ this.#random.integer(1, 255);
      }
      const spike = this.#random.chance(this.faults.spike) ? this.#random.between(0, this.faults.spikeMs) : 0;
      this.#queue.schedule(this.#random.between(this.faults.delayMs[0], this.faults.delayMs[1]) + spike, () =>
        this.#deliver(from, to, bytes),
      );
    }
  }

  #deliver(from: number, to: number, frame: Uint8Array): void {
    const endpoint = this.#endpoints.get(to);
    if (endpoint === undefined || endpoint.process.dead || this.#isCut(from, to)) return;
    const waitMs = endpoint.process.pausedUntilMs - this.#queue.nowMs;
    if (waitMs > 0) {
      // The socket keeps what comes while the process is stopped.
      this.#queue.schedule(waitMs, () => this.#deliver(from, to, frame));
      return;
    }
    this.delivered++;
    endpoint.handler(from, frame);
  }
}
