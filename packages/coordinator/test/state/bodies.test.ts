/** References to stored outputs in Φ: counted by record, released by retention, and never a copy of the text. */
import type { BodyRef } from "@triad/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keys } from "../../src/core/state/keys.ts";
import type { ChunkRecord } from "../../src/core/state/records.ts";
import { fenceOf, finished, type MemoryState, openTask, pick, ready } from "./memory-state.ts";
import { check, move, playToTheEnd, storedOutput } from "./random-history.ts";

const BODY: BodyRef = { ref: "whole", bytes: 3, chunks: ["c1", "c2", "c1"], head: "the beginning" };
const DAYS = 24 * 3_600_000;

const usesOf = (state: MemoryState): Record<string, number> =>
  Object.fromEntries([...state.list(keys.chunks)].map(([key, record]) => [key.slice(keys.chunks.length), (record as ChunkRecord).uses]));

function started(state: MemoryState, task: string, conversation: string): void {
  state.one(openTask(task, { conversation, assign: [pick(state, task, 1, "alice", "w1")] }), 1_000);
}

describe("a stored output", () => {
  it("stands in step, task and transcript by its reference; the chain covers it", () => {
    const state = ready();
    started(state, "t", "c");
    const { effects } = state.apply([finished(state, "t", { output: BODY })], 1_001);
    expect(state.tx.task("t")).toMatchObject({ status: "completed", output: BODY });
    expect(state.tx.step("t", 1)?.output).toEqual(BODY);
    const { head, ...stored } = BODY;
    expect(state.get(keys.event("c", 2))).toMatchObject({ type: "step", text: head, body: stored });
    expect(usesOf(state)).toEqual({ c1: 2, c2: 2 });
    expect(effects.filter(({ kind }) => kind === "referred")).toMatchObject([{ chunks: ["c1", "c2"] }, { chunks: ["c1", "c2"] }]);
    check(state);
  });

  it("outlives its task in the transcript of a conversation that goes on, and goes with the conversation", () => {
    const state = ready();
    started(state, "t", "c");
    state.one(finished(state, "t", { output: BODY }), 1_001);
    state.one(openTask("u", { conversation: "c", assign: [pick(state, "u", 1, "alice", "w1")] }), 6 * DAYS);
    state.one(finished(state, "u"), 6 * DAYS + 1);
    state.one({ type: "Tick" }, 8 * DAYS);
    expect(state.tx.task("t")).toBeUndefined();
    expect(usesOf(state)).toEqual({ c1: 1, c2: 1 });
    state.one({ type: "Tick" }, 14 * DAYS);
    expect(state.tx.conversation("c")).toBeUndefined();
    expect(usesOf(state)).toEqual({});
  });

  it("of a step that was not committed leaves nothing: fenced, or with facts beyond their bound", () => {
    const state = ready();
    started(state, "t", "c");
    expect(state.one(finished(state, "t", { output: BODY, fence: 1 }), 1_001).outcome).toBe("fenced");
    expect(usesOf(state)).toEqual({});
    const facts = Object.fromEntries(Array.from({ length: 1_025 }, (_, i) => [`f${i}`, i]));
    state.one(finished(state, "t", { output: BODY, facts }), 1_002);
    expect(state.tx.task("t")).toMatchObject({ status: "failed", error: { code: "TRIAD_FACTS_TOO_LARGE" } });
    expect(usesOf(state)).toEqual({});
  });

  it("weighs nothing against the inline bound, but the facts beside it do", () => {
    const state = ready();
    started(state, "t", "c");
    state.one(finished(state, "t", { output: BODY, facts: { f: "y".repeat(131_072) } }), 1_001);
    expect(state.tx.task("t")).toMatchObject({ status: "failed", error: { code: "TRIAD_BODY_TOO_LARGE" } });
  });

  it("is compared by its hash in an ensemble; a text that says the same as its reference is another answer", () => {
    const state = ready();
    const names = ["v1", "v2", "v3"];
    const assign = names.map((name, member) => pick(state, "t", 1, name, "w1", { member }));
    const strategy = { kind: "ensemble", agents: 3, aggregate: "majority", quorum: 3 } as const;
    state.one(openTask("t", { conversation: "c", requires: { vote: 1 }, strategy, assign }), 1_000);
    for (const [member, output] of [BODY, "another", BODY].entries()) {
      state.one(finished(state, "t", { member, fence: fenceOf(state, "t", member), output }), 1_001);
      check(state);
    }
    expect(state.tx.task("t")).toMatchObject({ status: "completed", output: BODY });
    const outcomes = state.tx.step("t", 1)?.members?.map(({ outcome, output }) => [outcome, typeof output]);
    expect(outcomes).toEqual([
      ["won", "object"],
      ["differed", "string"],
      ["agreed", "object"],
    ]);
    // The step's own and two members' in the step's record count once each for the text that they hold, and the transcript's event.
    expect(usesOf(state)).toEqual({ c1: 4, c2: 4 });
  });
});

describe("under random histories", () => {
  it("no chunk is left once everything has ended and retention has removed it", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        playToTheEnd(moves);
      }),
      { numRuns: 150 },
    );
  });

  it("share chunks, so that a count means something", () => {
    const chunks = [0, 1, 2].flatMap((n) => storedOutput(n).chunks);
    expect(new Set(chunks).size).toBeLessThan(chunks.length);
  });
});
