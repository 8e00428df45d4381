/** The actor's machine against its three labelled invariants, on random inputs, beside a plain queue. */
import { limits } from "@triad/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ActorInput, type ActorOutput, type ActorState, IDLE_ACTOR, stepActor } from "../../src/core/index.ts";

const anyInput: fc.Arbitrary<ActorInput> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("deliver" as const), fence: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("abort" as const), fence: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 3, arbitrary: fc.constant({ type: "activated" as const }) },
  { weight: 3, arbitrary: fc.constant({ type: "settled" as const, fence: 0 }) },
);

function run(inputs: readonly ActorInput[]): { state: ActorState; outputs: ActorOutput[] } {
  let state: ActorState = IDLE_ACTOR;
  const outputs: ActorOutput[] = [];
  for (const input of inputs) {
    // "settled" settles whatever runs: the random input does not know its number.
    const named: ActorInput =
      input.type === "settled" && state.phase === "running" && input.fence === 0 ? { ...input, fence: state.fence } : input;
    const next = stepActor(state, named);
    state = next.state;
    outputs.push(...next.outputs);
  }
  return { state, outputs };
}

describe("an actor", () => {
  test("starts, runs its steps one after the other in order, and goes idle", () => {
    const { state, outputs } = run([
      { type: "deliver", fence: 1 },
      { type: "deliver", fence: 2 },
      { type: "activated" },
      { type: "deliver", fence: 2 },
      { type: "settled", fence: 1 },
      { type: "settled", fence: 1 },
      { type: "settled", fence: 2 },
    ]);
    expect(state).toEqual(IDLE_ACTOR);
    expect(outputs).toEqual([{ type: "activate" }, { type: "run", fence: 1 }, { type: "run", fence: 2 }, { type: "passivate" }]);
  });

  test("an abort drops what waits and signals what runs", () => {
    const { state, outputs } = run([
      { type: "deliver", fence: 1 },
      { type: "deliver", fence: 2 },
      { type: "activated" },
      { type: "abort", fence: 2 },
      { type: "abort", fence: 1 },
      { type: "abort", fence: 9 },
    ]);
    expect(state).toEqual({ phase: "running", fence: 1, mailbox: [] });
    expect(outputs.slice(2)).toEqual([
      { type: "drop", fence: 2 },
      { type: "signal", fence: 1 },
    ]);
  });

  test("A2: one more than the mailbox holds is refused and changes nothing", () => {
    const full = Array.from({ length: limits.MAILBOX_MAX }, (_, i): ActorInput => ({ type: "deliver", fence: i + 1 }));
    const before = run(full).state;
    expect(stepActor(before, { type: "deliver", fence: 1_000 })).toEqual({ state: before, outputs: [{ type: "refuse", fence: 1_000 }] });
  });

  test("A1, A2, A3 hold on any input, and every delivered step is run, dropped, refused or still held", () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 300 }), (inputs) => {
        let state: ActorState = IDLE_ACTOR;
        let running: number | undefined;
        const held = new Set<number>();
        for (const input of inputs) {
          const named: ActorInput = input.type === "settled" ? { ...input, fence: running ?? 0 } : input;
          if (named.type === "deliver") held.add(named.fence);
          if (named.type === "settled" && running !== undefined) {
            held.delete(running);
            running = undefined;
          }
          const next = stepActor(state, named);
          state = next.state;
          for (const output of next.outputs) {
            if (output.type === "run") {
              expect(running).toBeUndefined(); // A1
              running = output.fence;
            }
            if (output.type === "drop" || output.type === "refuse") held.delete(output.fence);
            if (output.type === "passivate") expect(state).toEqual(IDLE_ACTOR); // A3
          }
          const waiting = state.phase === "idle" ? [] : state.mailbox;
          expect(waiting.length).toBeLessThanOrEqual(limits.MAILBOX_MAX); // A2
          expect(new Set([...waiting, ...(state.phase === "running" ? [state.fence] : [])])).toEqual(held);
        }
      }),
      { numRuns: 500 },
    );
  });
});
