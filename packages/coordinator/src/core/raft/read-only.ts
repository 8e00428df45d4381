/**
 * Linearizable reads that wait for a proof of leadership (ReadIndex, thesis 6.4).
 * Kept apart from the state machine: it knows requests, positions and acknowledgements, not roles.
 *
 * Every request gets the next position in arrival order; a heartbeat carries the latest position, and its echo acknowledges every
 * request up to it. Positions, unlike the clients' contexts, are never repeated within a term: a late echo cannot confirm a read
 * that came after it (etcd#20418).
 */
import type { Membership } from "./membership.ts";
import { jointCommittedIndex } from "./quorum.ts";
import type { Message } from "./types.ts";

export interface PendingRead {
  readonly request: Message;
  /** The commit index when the request arrived; the read may be served once this is applied. */
  readonly index: number;
}

const TWO_TO_32 = 4_294_967_296;
const POSITION_BYTES = 8;

export class ReadOnly {
  #unconfirmed: PendingRead[] = [];
  #confirmedCount = 0;
  readonly #acknowledged = new Map<number, number>();

  get unconfirmedCount(): number {
    return this.#unconfirmed.length;
  }

  add(index: number, request: Message): void {
    this.#unconfirmed.push({ request, index });
  }

  acknowledge(from: number, context: Uint8Array | undefined): void {
    if (context === undefined || context.length !== POSITION_BYTES) return;
    const position = decodePosition(context);
    if (position > (this.#acknowledged.get(from) ?? 0)) this.#acknowledged.set(from, position);
  }

  /** The reads that a quorum has confirmed by now, in arrival order. */
  takeConfirmed(membership: Membership): readonly PendingRead[] {
    const position = jointCommittedIndex(membership.incoming, membership.outgoing, (id) => this.#acknowledged.get(id));
    const count = Math.min(position - this.#confirmedCount, this.#unconfirmed.length);
    if (count <= 0) return [];
    this.#confirmedCount += count;
    return this.#unconfirmed.splice(0, count);
  }

  /** What heartbeats must carry to confirm everything that waits; undefined when nothing does. */
  heartbeatContext(): Uint8Array | undefined {
    if (this.#unconfirmed.length === 0) return undefined;
    return encodePosition(this.#confirmedCount + this.#unconfirmed.length);
  }
}

function encodePosition(position: number): Uint8Array {
  const bytes = new Uint8Array(POSITION_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, position % TWO_TO_32, true);
  view.setUint32(4, Math.floor(position / TWO_TO_32), true);
  return bytes;
}

function decodePosition(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, POSITION_BYTES);
  return view.getUint32(4, true) * TWO_TO_32 + view.getUint32(0, true);
}
