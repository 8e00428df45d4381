/**
 * Requests that stay open: `?wait` and event streams. Owns their bound and their end: each gets a signal that fires when its client goes
 * away or the server closes, and none outlives either.
 */
import type { ServerResponse } from "node:http";
import { TriadError } from "@triad/protocol";

export interface HeldRequest {
  /** Fires when the client has gone or the server closes. */
  readonly signal: AbortSignal;
  /** Gives the place back; to be called once, however the request ends. */
  release(): void;
}

export class HeldRequests {
  readonly #held = new Set<AbortController>();
  readonly #max: number;
  #closing = false;

  constructor(max: number) {
    this.#max = max;
  }

  get closing(): boolean {
    return this.#closing;
  }

  get count(): number {
    return this.#held.size;
  }

  /** Throws TRIAD_OVERLOADED at the bound. */
  hold(response: ServerResponse): HeldRequest {
    if (this.#held.size >= this.#max) throw new TriadError("TRIAD_OVERLOADED", "Too many requests are held open here; repeat later.");
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    // "close" comes after a normal end too; by then release() has taken the listener away.
    response.once("close", abort);
    this.#held.add(controller);
    if (this.#closing || response.destroyed) controller.abort();
    return {
      signal: controller.signal,
      release: () => {
        response.off("close", abort);
        this.#held.delete(controller);
      },
    };
  }

  /** Ends all of them: the server closes. */
  close(): void {
    this.#closing = true;
    for (const controller of this.#held) controller.abort();
  }
}
