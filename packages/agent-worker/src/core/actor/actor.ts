/**
 * The life of an actor (an agent in a conversation) as a pure machine: (state, input) → { state, outputs }.
 * Kept apart from threads and time: who runs a step and how long is the service's business; here stands only what may happen next.
 *
 * A1 serial: at most one step is running; the others wait in the order of their arrival.
 * A2 bounded: at most MAILBOX_MAX wait; one more is refused, and the leader sends it again when there is room.
 * A3 an actor without work and without a waiting step is idle and may be forgotten.
 */
import { limits } from "@triad/protocol";

/** A step is known by its fence; resources (thread, promise) belong to the service, never to this state. */
export type ActorState =
  | { readonly phase: "idle" }
  | { readonly phase: "starting"; readonly mailbox: readonly number[] }
  | { readonly phase: "running"; readonly fence: number; readonly mailbox: readonly number[] };

export type ActorInput =
  | { readonly type: "deliver"; readonly fence: number }
  /** The thread that the actor was given takes work. */
  | { readonly type: "activated" }
  | { readonly type: "abort"; readonly fence: number }
  /** The running step has ended, however it ended. */
  | { readonly type: "settled"; readonly fence: number };

export type ActorOutput =
  | { readonly type: "activate" }
  | { readonly type: "run"; readonly fence: number }
  | { readonly type: "refuse"; readonly fence: number }
  /** The running step's signal is to fire. */
  | { readonly type: "signal"; readonly fence: number }
  /** A step that had not begun is gone. */
  | { readonly type: "drop"; readonly fence: number }
  | { readonly type: "passivate" };

export interface ActorTransition {
  readonly state: ActorState;
  readonly outputs: readonly ActorOutput[];
}

export const IDLE_ACTOR: ActorState = { phase: "idle" };

export function stepActor(state: ActorState, input: ActorInput): ActorTransition {
  switch (input.type) {
    case "deliver":
      return deliver(state, input.fence);
    case "activated":
      return state.phase === "starting" ? runNext(state.mailbox) : { state, outputs: [] };
    case "abort":
      return abort(state, input.fence);
    case "settled":
      return state.phase === "running" && state.fence === input.fence ? runNext(state.mailbox) : { state, outputs: [] };
  }
}

function deliver(state: ActorState, fence: number): ActorTransition {
  if (state.phase === "idle") return { state: { phase: "starting", mailbox: [fence] }, outputs: [{ type: "activate" }] };
  const known = state.mailbox.includes(fence) || (state.phase === "running" && state.fence === fence);
  if (known) return { state, outputs: [] };
  if (state.mailbox.length >= limits.MAILBOX_MAX) return { state, outputs: [{ type: "refuse", fence }] };
  return { state: { ...state, mailbox: [...state.mailbox, fence] }, outputs: [] };
}

function abort(state: ActorState, fence: number): ActorTransition {
  if (state.phase === "idle") return { state, outputs: [] };
  if (state.phase === "running" && state.fence === fence) return { state, outputs: [{ type: "signal", fence }] };
  if (!state.mailbox.includes(fence)) return { state, outputs: [] };
  const mailbox = state.mailbox.filter((waiting) => waiting !== fence);
  const dropped: ActorOutput = { type: "drop", fence };
  if (state.phase === "starting" && mailbox.length === 0) return { state: IDLE_ACTOR, outputs: [dropped, { type: "passivate" }] };
  return { state: { ...state, mailbox }, outputs: [dropped] };
}

function runNext(mailbox: readonly number[]): ActorTransition {
  const [fence, ...rest] = mailbox;
  if (fence === undefined) return { state: IDLE_ACTOR, outputs: [{ type: "passivate" }] };
  return { state: { phase: "running", fence, mailbox: rest }, outputs: [{ type: "run", fence }] };
}
