/** The journal of a step's effects: what is never called again, what is called again under which key, and when a person is asked. */
import { type EffectIntended, limits, type OnDoubt } from "@triad/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { journalFor } from "../../src/core/state/journal.ts";
import { keys } from "../../src/core/state/keys.ts";
import { effectMoves, playEffects, replays } from "./effect-history.ts";
import { fenceOf, finished, type MemoryState, openTask, pick, ready } from "./memory-state.ts";

describe("the journal under random histories", () => {
  it("never holds two outcomes for one place, is written by the owning fence alone, and goes with its step", () => {
    fc.assert(
      fc.property(effectMoves, (moves) => {
        playEffects(moves);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is the same whenever the log is read", () => {
    fc.assert(
      fc.property(effectMoves, (moves) => {
        const { state, log } = playEffects(moves);
        replays(log, state.stateHash);
      }),
      { numRuns: 100 },
    );
  });
});

function begun(): MemoryState {
  const state = ready();
  state.one(openTask("t", { assign: [pick(state, "t", 1, "alice", "w1")] }), 1_000);
  return state;
}

const intended = (state: MemoryState, n = 1, more: Partial<EffectIntended> = {}): EffectIntended => ({
  type: "EffectIntended",
  task: "t",
  step: 1,
  member: 0,
  fence: more.fence ?? fenceOf(state, "t", more.member ?? 0),
  n,
  name: "pay",
  inputDigest: "x",
  onDoubt: "sameKey",
  ...more,
});

const returned = (state: MemoryState, n: number, value: string, fence = fenceOf(state, "t")) =>
  ({ type: "EffectDone", task: "t", step: 1, member: 0, fence, n, outcome: { kind: "returned", value } }) as const;

const threw = (state: MemoryState, n: number) =>
  ({
    type: "EffectDone",
    task: "t",
    step: 1,
    member: 0,
    fence: fenceOf(state, "t"),
    n,
    outcome: { kind: "threw", error: { code: "TRIAD_STEP_FAILED", message: "refused" } },
  }) as const;

/** Its worker is lost, and another takes the step. */
function restart(state: MemoryState, member = 0): void {
  const agent = state.tx.task("t")?.step?.members[member]?.agent ?? "";
  const place = { task: "t", step: 1, member, fence: fenceOf(state, "t", member) };
  state.one({ type: "StepLost", ...place, alone: false, assign: [pick(state, "t", 1, agent, "w2", { member })] }, 2_000);
}

function nextAttempt(state: MemoryState): void {
  const error = { code: "TRIAD_STEP_FAILED", message: "x" };
  const place = { task: "t", step: 1, member: 0, fence: fenceOf(state, "t") };
  state.one(
    { type: "StepFailed", ...place, cause: "threw", terminal: false, error, retryAt: 0, assign: [pick(state, "t", 1, "alice", "w1")] },
    2_000,
  );
}

const member = (state: MemoryState, n = 0) => {
  const found = state.tx.task("t")?.step?.members[n];
  if (found === undefined) throw new Error("no open step");
  return found;
};

describe("an effect with an outcome", () => {
  it("is told to the next start and the next attempt, and is never taken again", () => {
    const state = begun();
    expect(state.one(intended(state), 1_001)).toMatchObject({ outcome: "ok", effect: { round: 0, parked: false } });
    expect(state.one(returned(state, 1, "7"), 1_002).outcome).toBe("ok");
    expect(journalFor(state.tx, "t", 1, member(state))).toEqual([]);
    restart(state);
    const told = [{ n: 1, name: "pay", inputDigest: "x", attempt: 1, outcome: { kind: "returned", value: "7" } }];
    expect(journalFor(state.tx, "t", 1, member(state))).toEqual(told);
    nextAttempt(state);
    expect(journalFor(state.tx, "t", 1, member(state))).toEqual(told);
    expect(state.one(intended(state), 1_003)).toMatchObject({ outcome: "refused", code: "TRIAD_EFFECT_MISMATCH" });
    expect(state.one(returned(state, 1, "8"), 1_004).outcome).toBe("refused");
    expect(state.tx.effect("t", 1, 0, 1)?.outcome).toEqual({ kind: "returned", value: "7" });
  });

  it("that failed is called again by a later attempt, even as another call", () => {
    const state = begun();
    state.one(intended(state), 1_001);
    state.one(threw(state, 1), 1_002);
    expect(state.tx.journal("t", 1, 0)?.bytes).toBeGreaterThan(0);
    nextAttempt(state);
    expect(state.one(intended(state, 1, { name: "other" }), 1_003)).toMatchObject({ outcome: "ok" });
    expect(state.tx.journal("t", 1, 0)).toEqual({ count: 1, bytes: 0 });
  });

  it("an intent and the outcome before it may come in one entry, and a repetition of both changes nothing", () => {
    const state = begun();
    state.one(intended(state), 1_001);
    const both = [returned(state, 1, "1"), intended(state, 2)];
    expect(state.apply(both, 1_002).results.map((result) => result.outcome)).toEqual(["ok", "ok"]);
    const records = new Map(state.list("effect/"));
    expect(state.apply(both, 1_003).results.map((result) => result.outcome)).toEqual(["duplicate", "duplicate"]);
    expect(state.list("effect/")).toEqual(records);
  });
});

describe("an effect in doubt", () => {
  it.each<[OnDoubt, number]>([
    ["sameKey", 0],
    ["repeat", 1],
  ])("%s: called again, %i new keys", (onDoubt, round) => {
    const state = begun();
    state.one(intended(state, 1, { onDoubt }), 1_001);
    restart(state);
    expect(state.one(intended(state, 1, { onDoubt }), 1_002)).toMatchObject({ outcome: "ok", effect: { round, parked: false } });
    restart(state);
    expect(state.one(intended(state, 1, { onDoubt }), 1_003)).toMatchObject({ effect: { round: 2 * round } });
  });

  it("follows what was said when it was begun, not what is said now", () => {
    const state = begun();
    state.one(intended(state, 1, { onDoubt: "ask" }), 1_001);
    restart(state);
    expect(state.one(intended(state, 1, { onDoubt: "repeat" }), 1_002).effect?.parked).toBe(true);
  });

  it.each([{ name: "refund" }, { inputDigest: "y" }])("as another call %j is a mismatch, and nothing is begun", (more) => {
    const state = begun();
    state.one(intended(state), 1_001);
    restart(state);
    const before = new Map(state.list("effect/"));
    expect(state.one(intended(state, 1, more), 1_002)).toMatchObject({ outcome: "refused", code: "TRIAD_EFFECT_MISMATCH" });
    expect(state.list("effect/")).toEqual(before);
  });

  it("the outcome of a start that is over is fenced", () => {
    const state = begun();
    state.one(intended(state), 1_001);
    const late = returned(state, 1, "1");
    restart(state);
    expect(state.one(late, 1_002).outcome).toBe("fenced");
    expect(state.tx.effect("t", 1, 0, 1)?.state).toBe("intended");
  });
});

describe("a step that waits for a person", () => {
  function waiting(): MemoryState {
    const state = begun();
    state.one(intended(state, 1, { onDoubt: "ask" }), 1_001);
    restart(state);
    const { effects } = state.apply([intended(state, 1, { onDoubt: "ask" })], 1_002);
    expect(effects).toContainEqual({ kind: "voided", worker: "w2", fence: expect.any(Number) });
    return state;
  }
  const resolve = (verdict: { kind: "done"; value: string } | { kind: "repeat" }, request = "r", n = 1) =>
    ({ type: "EffectResolved", task: "t", n, verdict, request, assign: [] }) as const;
  const assign = (state: MemoryState) => state.one({ type: "Assign", assign: [pick(state, "t", 1, "alice", "w1")] }, 1_010);

  it("holds no worker, shows `waiting`, and takes no assignment", () => {
    const state = waiting();
    expect(state.tx.task("t")?.status).toBe("waiting");
    expect([...state.list(keys.taskEvents("t")).values()].at(-1)).toMatchObject({ event: "waiting", step: 1, text: "pay" });
    assign(state);
    expect(member(state)).toMatchObject({ state: "parked", fence: 0 });
  });

  it("goes on with what it was given, once", () => {
    const state = waiting();
    expect(state.one(resolve({ kind: "done", value: '"paid"' }), 1_003)).toMatchObject({ outcome: "ok", status: "running" });
    expect(state.one(resolve({ kind: "repeat" }), 1_004).outcome).toBe("duplicate");
    expect(state.one(resolve({ kind: "repeat" }, "another"), 1_005)).toMatchObject({ code: "TRIAD_EFFECT_NOT_WAITING" });
    assign(state);
    expect(journalFor(state.tx, "t", 1, member(state))).toMatchObject([{ n: 1, outcome: { kind: "returned", value: '"paid"' } }]);
    expect(member(state)).toMatchObject({ state: "assigned", attempt: 1, start: 3 });
  });

  it("told to repeat, it calls under a new key, and asks again if that is in doubt", () => {
    const state = waiting();
    state.one(resolve({ kind: "repeat" }), 1_003);
    assign(state);
    expect(state.one(intended(state, 1, { onDoubt: "ask" }), 1_011)).toMatchObject({ effect: { round: 1, parked: false } });
    restart(state);
    expect(state.one(intended(state, 1, { onDoubt: "ask" }), 1_012)).toMatchObject({ effect: { parked: true } });
  });

  it("is still bound to the call that it made", () => {
    const state = waiting();
    state.one(resolve({ kind: "repeat" }), 1_003);
    assign(state);
    expect(state.one(intended(state, 1, { name: "refund" }), 1_011)).toMatchObject({ code: "TRIAD_EFFECT_MISMATCH" });
  });

  it("can be cancelled, and leaves no journal behind", () => {
    const state = waiting();
    state.one({ type: "EndTask", task: "t", status: "cancelled", assign: [] }, 1_003);
    expect(state.tx.task("t")?.status).toBe("cancelled");
    expect([...state.list("effect/").keys(), ...state.list("journal/").keys()]).toEqual([]);
    expect(state.one(resolve({ kind: "repeat" }), 1_004)).toMatchObject({ code: "TRIAD_EFFECT_NOT_WAITING" });
  });

  it("a question parks at once, and its answer is what the next start is told", () => {
    const state = begun();
    const question = intended(state, 1, { name: "ask", onDoubt: "ask", question: "which card?" });
    expect(state.one(question, 1_001)).toMatchObject({ outcome: "ok", effect: { parked: true } });
    state.one(resolve({ kind: "done", value: '"the blue one"' }), 1_002);
    assign(state);
    expect(journalFor(state.tx, "t", 1, member(state))).toMatchObject([{ name: "ask", outcome: { value: '"the blue one"' } }]);
  });

  it("members of an ensemble wait each for itself", () => {
    const state = ready();
    const picks = ["v1", "v2", "v3"].map((name, i) => pick(state, "t", 1, name, "w1", { member: i, voteWeight: 1_000 }));
    const strategy = { kind: "ensemble", agents: 3, aggregate: "majority" } as const;
    state.one(openTask("t", { requires: { vote: 1 }, strategy, assign: picks }), 1_000);
    for (const m of [0, 1]) state.one(intended(state, 1, { member: m, name: "ask", onDoubt: "ask", question: `${m}?` }), 1_001);
    expect(state.one(resolve({ kind: "done", value: "1" }), 1_002)).toMatchObject({
      code: "TRIAD_BAD_REQUEST",
      details: { members: [0, 1] },
    });
    expect(state.one({ ...resolve({ kind: "done", value: "1" }), member: 1 }, 1_003).status).toBe("waiting");
    expect(state.one(resolve({ kind: "done", value: "1" }, "r2"), 1_004).status).toBe("running");
  });
});

describe("bounds", () => {
  it("one result, and all of a step together", () => {
    const state = begun();
    state.one(intended(state), 1_001);
    const large = "y".repeat(limits.INLINE_BODY_BYTES_MAX);
    expect(state.one(returned(state, 1, `${large}y`), 1_002)).toMatchObject({ code: "TRIAD_BODY_TOO_LARGE" });
    expect(state.one(returned(state, 1, large), 1_003).outcome).toBe("ok");
    const rest = "y".repeat(limits.EFFECTS_BYTES_MAX - limits.INLINE_BODY_BYTES_MAX);
    state.apply([intended(state, 2), returned(state, 2, rest), intended(state, 3)], 1_004);
    expect(state.one(returned(state, 3, "1"), 1_005)).toMatchObject({ code: "TRIAD_EFFECTS_TOO_LARGE" });
  });

  it("the number of effects", () => {
    const state = begun();
    expect(state.one(intended(state, limits.EFFECTS_MAX), 1_001).outcome).toBe("ok");
    expect(state.one(intended(state, limits.EFFECTS_MAX + 1), 1_002)).toMatchObject({ code: "TRIAD_EFFECTS_TOO_MANY" });
  });

  it("a finished step takes no more of them", () => {
    const state = begun();
    const late = intended(state);
    state.one(finished(state, "t"), 1_001);
    expect(state.one(late, 1_002).outcome).toBe("ended");
  });
});
