/**
 * Linearizable reads that wait for their index: all that gather in a turn share one request to the core (ReadIndex).
 *
 * (B1) Every promise is settled: by an index, by loss of leadership, by time, or by the end of the driver.
 * (B2) A request's context holds a number drawn at the start of the process, so that an answer to an earlier process of this node,
 *      whose index may be stale, matches nothing.
 */
import type { ReadState } from "../../core/raft/types.ts";
import { ReadIndexError, type ReadIndexFailure } from "./ports.ts";

/** Reads that wait at once; more are refused rather than kept. */
const WAITERS_MAX = 65_536;
const CONTEXT_BYTES = 16;

interface Waiter {
  readonly resolve: (index: number) => void;
  readonly reject: (error: ReadIndexError) => void;
}

interface Asked {
  readonly waiters: readonly Waiter[];
  ticksLeft: number;
}

export class ReadBarriers {
  readonly #nonce: readonly [number, number];
  readonly #timeoutTicks: number;
  #counter = 0;
  #gathering: Waiter[] = [];
  /** By counter, in the order asked. */
  readonly #asked = new Map<number, Asked>();
  #waiting = 0;

  constructor(rng: () => number, timeoutTicks: number) {
    const draw = (): number => Math.floor(rng() * 0x1_0000_0000);
    this.#nonce = [draw(), draw()];
    this.#timeoutTicks = timeoutTicks;
  }

  get waiting(): number {
    return this.#waiting;
  }

  add(): Promise<number> {
    if (this.#waiting >= WAITERS_MAX) return Promise.reject(new ReadIndexError("busy"));
    this.#waiting++;
    return new Promise((resolve, reject) => this.#gathering.push({ resolve, reject }));
  }

  /** Asks for everything that gathered. `ask` tells why the core dropped the request, if it did. */
  ask(ask: (context: Uint8Array) => ReadIndexFailure | undefined): void {
    if (this.#gathering.length === 0) return;
    const waiters = this.#gathering;
    this.#gathering = [];
    this.#counter++;
    this.#asked.set(this.#counter, { waiters, ticksLeft: this.#timeoutTicks });
    const failure = ask(this.#context(this.#counter));
    if (failure !== undefined) this.#fail(this.#counter, failure);
  }

  answer({ index, requestContext }: ReadState): void {
    const counter = this.#counterOf(requestContext);
    const asked = counter === undefined ? undefined : this.#asked.get(counter);
    if (counter === undefined || asked === undefined) return;
    this.#asked.delete(counter);
    this.#waiting -= asked.waiters.length;
    for (const { resolve } of asked.waiters) resolve(index);
  }

  tick(): void {
    for (const [counter, asked] of this.#asked) {
      asked.ticksLeft--;
      if (asked.ticksLeft <= 0) this.#fail(counter, "timeout");
    }
  }

  /** Fails what was asked; what still gathers will be asked of the next leader. */
  failAsked(reason: ReadIndexFailure): void {
    for (const counter of [...this.#asked.keys()]) this.#fail(counter, reason);
  }

  failAll(reason: ReadIndexFailure): void {
    this.failAsked(reason);
    const waiters = this.#gathering;
    this.#gathering = [];
    this.#waiting -= waiters.length;
    for (const { reject } of waiters) reject(new ReadIndexError(reason));
  }

  #fail(counter: number, reason: ReadIndexFailure): void {
    const asked = this.#asked.get(counter);
    if (asked === undefined) return;
    this.#asked.delete(counter);
    this.#waiting -= asked.waiters.length;
    for (const { reject } of asked.waiters) reject(new ReadIndexError(reason));
  }

  #context(counter: number): Uint8Array {
    const bytes = new Uint8Array(CONTEXT_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#nonce[0], true);
    view.setUint32(4, this.#nonce[1], true);
    view.setFloat64(8, counter, true);
    return bytes;
  }

  #counterOf(context: Uint8Array): number | undefined {
    if (context.length !== CONTEXT_BYTES) return undefined;
    const view = new DataView(context.buffer, context.byteOffset, CONTEXT_BYTES);
    if (view.getUint32(0, true) !== this.#nonce[0] || view.getUint32(4, true) !== this.#nonce[1]) return undefined;
    return view.getFloat64(8, true);
  }
}
