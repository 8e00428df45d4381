/**
 * Random histories of one step's effects, and what must hold after every command of one. By node:assert, so that the mutants' runner can play
 * them as well as vitest.
 */
import assert from "node:assert/strict";
import { type Command, type CommandResult, type EffectDone, type EffectIntended, encodeCanonical, utf8Length } from "@triad/protocol";
import fc from "fast-check";
import type { EffectRecord, JournalRecord, Member, TaskRecord } from "../../src/core/state/records.ts";
import { finished, type MemoryState, openTask, pick, ready } from "./memory-state.ts";

export interface EffectMove {
  readonly kind: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const effectMove: fc.Arbitrary<EffectMove> = fc.record({
  kind: fc.constantFrom(
    "intend",
    "intend",
    "intend",
    "done",
    "done",
    "done",
    "stale",
    "lost",
    "fail",
    "assign",
    "assign",
    "resolve",
    "finish",
    "end",
  ),
  a: fc.nat(99),
  b: fc.nat(99),
  c: fc.nat(99),
});

/** Long ones: an outcome, the loss of its start and the next one's intent at the same place must come together. */
export const effectMoves: fc.Arbitrary<EffectMove[]> = fc.array(effectMove, { maxLength: 50, size: "max" });

const POLICIES = ["sameKey", "repeat", "ask"] as const;
const TASK = "t";

const at = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;

interface Now {
  readonly task: TaskRecord | undefined;
  readonly member: Member | undefined;
  readonly effects: ReadonlyMap<string, EffectRecord>;
}

function now(state: MemoryState): Now {
  const task = state.tx.task(TASK);
  return { task, member: task?.step?.members[0], effects: state.list("effect/") as ReadonlyMap<string, EffectRecord> };
}

/** A command that a real cluster might log in this state, right or wrong. */
function commandOf(state: MemoryState, { kind, a, b, c }: EffectMove): Command {
  const { task, member } = now(state);
  const step = task?.step?.n ?? 1;
  const picks = ["w1", "w2"].map((worker) => pick(state, TASK, step, member?.agent ?? "alice", at([worker, "w1", "w2"], a)));
  const later = pick(state, TASK, step + 1, "bob", "w1");
  const fence = kind === "stale" ? c : (member?.fence ?? 0);
  const place = { task: TASK, step, member: 0, fence, n: (a % 3) + 1 };
  const intend: EffectIntended = {
    type: "EffectIntended",
    ...place,
    name: c % 9 === 0 ? "other" : "pay",
    inputDigest: c % 11 === 0 ? "y" : "x",
    onDoubt: at(POLICIES, place.n),
  };
  const done: EffectDone = {
    type: "EffectDone",
    ...place,
    outcome: b % 3 === 0 ? { kind: "threw", error: { code: "TRIAD_STEP_FAILED", message: "no" } } : { kind: "returned", value: `${b}` },
  };
  const end = { task: TASK, step, member: 0, fence };
  switch (kind) {
    case "intend":
      return intend;
    case "done":
      return done;
    case "stale":
      return c % 2 === 0 ? intend : done;
    case "lost":
      return { type: "StepLost", ...end, alone: false, assign: b % 2 === 0 ? picks : [] };
    case "fail": {
      const error = { code: "TRIAD_STEP_FAILED", message: "x" };
      return { type: "StepFailed", ...end, cause: "threw", terminal: c % 8 === 0, error, retryAt: 0, assign: picks };
    }
    case "resolve": {
      const verdict = b % 2 === 0 ? ({ kind: "repeat" } as const) : ({ kind: "done", value: `"said ${b}"` } as const);
      return { type: "EffectResolved", task: TASK, n: place.n, verdict, request: `r${c % 5}`, assign: picks };
    }
    case "finish": {
      // Seldom: what is looked at here is what a step does while it is open.
      if (c % 5 !== 0) return { type: "Tick" };
      const next = c % 2 === 0 ? ({ kind: "handoff", to: "bob" } as const) : ({ kind: "finish" } as const);
      return finished(state, TASK, { step, fence, next, assign: [later] });
    }
    case "end":
      return c % 4 === 0 ? { type: "EndTask", task: TASK, status: "cancelled", assign: [] } : { type: "Tick" };
    default:
      return { type: "Assign", assign: picks };
  }
}

const isEffect = (command: Command): command is EffectIntended | EffectDone =>
  command.type === "EffectIntended" || command.type === "EffectDone";

/** What one command may have done to the journal. */
function checkCommand(before: Now, command: Command, result: CommandResult, after: Now): void {
  const said = `${command.type} ${JSON.stringify(command)} → ${JSON.stringify(result)}`;
  const isSameStep = before.task?.step?.n === after.task?.step?.n;
  for (const [key, record] of before.effects) {
    const later = after.effects.get(key);
    if (!isSameStep) assert.equal(later, undefined, `an effect outlives its step: ${said}`);
    // J1: an outcome that was returned is there for as long as the step is.
    else if (record.state === "done") assert.deepEqual(later, record, said);
    else assert.ok(later !== undefined, said);
  }
  if (isEffect(command)) {
    const owns = before.member?.state === "assigned" && before.member.fence === command.fence && before.task?.step?.n === command.step;
    // J2: nobody but the fence that holds the step is told to call, or heard.
    if (!owns) {
      assert.notEqual(result.outcome, "ok", said);
      assert.deepEqual(after.effects, before.effects, said);
      return;
    }
  }
  if (command.type === "EffectDone" && result.outcome === "ok") {
    const begun = [...before.effects.values()].find((record) => record.n === command.n);
    assert.deepEqual([begun?.state, begun?.fence], ["intended", command.fence], `an outcome of what was not begun: ${said}`);
  }
  if (command.type === "EffectIntended" && result.outcome === "ok") {
    const known = [...before.effects.values()].find((record) => record.n === command.n);
    assert.notEqual(known?.state, "done", `called again: ${said}`);
    if (known !== undefined && known.state !== "failed") {
      assert.deepEqual([known.name, known.inputDigest], [command.name, command.inputDigest], said);
    }
    // J3
    if (known?.state === "intended") {
      assert.notEqual(known.fence, command.fence, `begun twice by one start: ${said}`);
      assert.equal(result.effect?.parked, known.onDoubt === "ask", said);
      assert.equal(result.effect?.round, known.round + (known.onDoubt === "repeat" ? 1 : 0), said);
    }
  }
}

/** What holds of Φ at any time. */
function checkState({ task, member, effects }: Now, state: MemoryState): void {
  const journals = state.list("journal/") as ReadonlyMap<string, JournalRecord>;
  const outcomes = [...effects.values()].flatMap(({ outcome }) => (outcome === null ? [] : [outcome]));
  const bytes = outcomes.map((o) => (o.kind === "returned" ? utf8Length(o.value) : encodeCanonical(o.error as never).length));
  const [journal] = journals.values();
  assert.deepEqual([journal?.count ?? 0, journal?.bytes ?? 0], [effects.size, bytes.reduce((sum, size) => sum + size, 0)]);
  assert.ok(journals.size <= 1);
  for (const { state: is, outcome } of effects.values()) assert.equal(outcome !== null, is === "done" || is === "failed");
  const asked = [...effects.values()].filter((record) => record.state === "asked").length;
  assert.equal(asked, member?.state === "parked" ? 1 : 0);
  if (task !== undefined && task.phase !== "ended") assert.equal(task.status, member?.state === "parked" ? "waiting" : "running");
}

export function playEffects(moves: readonly EffectMove[]): { readonly state: MemoryState; readonly log: readonly Command[] } {
  const state = ready();
  const open = openTask(TASK, { assign: [pick(state, TASK, 1, "alice", "w1")] });
  state.one(open, 1_000);
  const log: Command[] = [open];
  for (const [i, move] of moves.entries()) {
    const before = now(state);
    const command = commandOf(state, move);
    log.push(command);
    const result = state.one(command, 1_001 + i);
    const after = now(state);
    checkCommand(before, command, result, after);
    checkState(after, state);
  }
  return { state, log };
}

/** The same log gives the same state, however often it is read. */
export function replays(log: readonly Command[], hash: string): void {
  const again = ready();
  for (const [i, command] of log.entries()) again.one(command, 1_000 + i);
  assert.equal(again.stateHash, hash);
}
