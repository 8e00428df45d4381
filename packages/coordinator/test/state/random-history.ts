/**
 * Random histories of Φ and what must hold after every command of one. By node:assert, so that the mutants' runner can play them as well as
 * vitest.
 */
import assert from "node:assert/strict";
import type { BodyRef, Command, TranscriptEvent } from "@triad/protocol";
import fc from "fast-check";
import type { Effect } from "../../src/core/state/application.ts";
import { applyCommand } from "../../src/core/state/apply.ts";
import { keys } from "../../src/core/state/keys.ts";
import type { ChunkRecord, ConversationRecord, PartialRecord, StepRecord, TaskRecord } from "../../src/core/state/records.ts";
import { verifyChain } from "../../src/core/transcript/transcript.ts";
import { LiveIndex } from "../../src/services/consensus-engine/live-index.ts";
import { MemoryState, openTask, pick, registerTeam, registerWorker, sha256 } from "./memory-state.ts";

const TASKS = ["t1", "t2", "t3", "t4", "t5"];
const WORKERS = ["w1", "w2"];

export type Move = { readonly kind: string; readonly a: number; readonly b: number; readonly c: number };
export const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom(
    "open",
    "open",
    "assign",
    "assign",
    "finish",
    "finish",
    "finish",
    "fail",
    "lost",
    "register",
    "gone",
    "end",
    "stale",
    "tick",
    "feedback",
  ),
  a: fc.nat(99),
  b: fc.nat(99),
  c: fc.nat(99),
});

const at = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;

/** A stored output; the few there are share chunks, and one holds a chunk twice. */
export function storedOutput(n: number): BodyRef {
  const chunks = [
    ["c1", "c2"],
    ["c2", "c3"],
    ["c1", "c1", "c4"],
  ][n % 3] as string[];
  return { ref: `ref-${n % 3}`, bytes: chunks.length, chunks, head: `head ${n % 3}` };
}

/** Each record that holds a stored text counts once for each of its chunks; chunks without a count have no record. */
function checkChunks(state: MemoryState): void {
  const texts = [
    ...([...state.list("step/").values()] as StepRecord[]).flatMap((step) => [step.output, ...(step.members ?? []).map((m) => m.output)]),
    ...([...state.list("partial/").values()] as PartialRecord[]).map(({ output }) => output),
    ...([...state.list("event/").values()] as TranscriptEvent[]).map(({ body }) => body),
  ];
  const uses = new Map<string, number>();
  for (const text of texts) {
    if (typeof text !== "object" || text === null) continue;
    for (const chunk of new Set(text.chunks)) uses.set(keys.chunk(chunk), (uses.get(keys.chunk(chunk)) ?? 0) + 1);
  }
  const counted = new Map(([...state.list(keys.chunks)] as [string, ChunkRecord][]).map(([key, record]) => [key, record.uses]));
  assert.deepEqual(counted, new Map([...uses].sort()));
}

/** A command that a real cluster might log in this state, right or wrong. */
function commandOf(state: MemoryState, { kind, a, b, c }: Move): Command {
  const task = at(TASKS, a);
  const worker = at(WORKERS, b);
  const record = state.tx.task(task);
  const step = record?.step?.n ?? 1;
  const member = record?.step?.members[c % (record.step.members.length || 1)];
  const common = { task, step, member: member?.member ?? 0, fence: kind === "stale" ? c : (member?.fence ?? c) };
  const agent = member?.agent ?? at(["alice", "bob"], c);
  const picks = [
    pick(state, task, step, agent, worker, { member: common.member }),
    pick(state, task, step + 1, at(["alice", "bob"], b), worker),
  ];
  switch (kind) {
    case "open": {
      const ensemble = c % 4 === 0;
      return openTask(task, {
        conversation: `c${b % 2}`,
        ...(c % 3 === 0 ? { key: `k${a % 3}` } : {}),
        facts: { [`f${c % 5}`]: c },
        ...(ensemble ? { requires: { vote: 1 }, strategy: { kind: "ensemble", agents: 3, aggregate: "weighted", quorum: 2 } } : {}),
        assign: ensemble
          ? ["v1", "v2", "v3"].map((name, i) => pick(state, task, 1, name, worker, { member: i, voteWeight: 1000 + i }))
          : picks,
      });
    }
    case "assign":
      return { type: "Assign", assign: picks };
    case "finish":
    case "stale":
      return {
        type: "StepFinished",
        ...common,
        output: b % 2 === 0 ? storedOutput(c) : `o${c % 2}`,
        facts: { [`f${b % 5}`]: c % 7 === 0 ? null : c },
        evidence: { vector: new Uint8Array(256).fill(c), scale: 0.1 },
        usage: { tokensIn: 1, tokensOut: 1, costUsd: 0.001 },
        serviceMs: c,
        next: c % 3 === 0 ? { kind: "finish" } : { kind: "handoff", to: at(["alice", "bob", "nobody"], c) },
        assign: picks,
      };
    case "fail":
      return {
        type: "StepFailed",
        ...common,
        cause: "threw",
        terminal: c % 5 === 0,
        error: { code: "TRIAD_STEP_FAILED", message: "x" },
        retryAt: 0,
        assign: picks,
      };
    case "lost":
      return { type: "StepLost", ...common, alone: c % 2 === 0, assign: picks };
    case "register":
      return registerWorker(worker, `boot-${c % 3}`);
    case "gone":
      return { type: "WorkerLost", worker, token: state.tx.worker(worker)?.token ?? 0, reason: "silent" };
    case "end":
      return { type: "EndTask", task, status: at(["cancelled", "expired"] as const, c), assign: picks };
    case "feedback":
      return { type: "Feedback", task, quality: (c % 11) / 10, request: `r${b}` };
    default:
      return { type: "Tick" };
  }
}

export function check(state: MemoryState): void {
  checkChunks(state);
  const open = [...state.list("task/").values()].filter((task) => (task as TaskRecord).phase !== "ended") as TaskRecord[];
  assert.equal(state.tx.meta().running, open.length);
  assert.deepEqual(
    [...state.list(keys.opens).keys()].map((key) => key.slice(keys.opens.length)).sort(),
    open.map((task) => task.id).sort(),
  );
  const fences = open.flatMap((task) => (task.step?.members ?? []).filter((m) => m.state === "assigned").map((m) => m.fence));
  assert.equal(new Set(fences).size, fences.length);
  for (const conversation of state.list("conv/").values() as Iterable<ConversationRecord>) {
    const events = [...state.list(keys.events(conversation.id)).values()] as TranscriptEvent[];
    assert.deepEqual(verifyChain(events, conversation.root, sha256), { verified: true });
    const running = open.filter((task) => task.conversation === conversation.id && task.phase === "open").map((task) => task.id);
    assert.deepEqual(running, conversation.busy === null ? [] : [conversation.busy]);
    const queued = open.filter((task) => task.conversation === conversation.id && task.phase === "queued").map((task) => task.id);
    assert.deepEqual([...conversation.queue].sort(), queued.sort());
  }
  for (const worker of state.tx.workers()) {
    for (const task of open) {
      for (const member of task.step?.members ?? []) {
        // Nobody holds a step under a token that is dead.
        if (member.state === "assigned" && member.worker === worker.id)
          assert.deepEqual([member.workerToken, worker.state], [worker.token, worker.state === "down" ? "up" : worker.state]);
      }
    }
  }
}

/** For a report of a step: whether its fence holds the step now; undefined for other commands. */
function ownerBefore(state: MemoryState, command: Command): boolean | undefined {
  if (command.type !== "StepFinished" && command.type !== "StepFailed" && command.type !== "StepLost") return undefined;
  const step = state.tx.task(command.task)?.step;
  const member = step?.n === command.step ? step.members[command.member] : undefined;
  return member?.state === "assigned" && member.fence === command.fence;
}

const isRouting = ({ kind }: Effect): boolean => kind === "waiting" || kind === "routed" || kind === "voided" || kind === "taskEnded";

export function play(moves: readonly Move[]): { readonly log: readonly Command[]; readonly state: MemoryState } {
  const state = new MemoryState();
  const log: Command[] = [registerTeam(), registerWorker("w1", "b1"), registerWorker("w2", "b2")];
  const index = LiveIndex.of(state);
  for (const command of log) index.note(state.apply([command], 1_000).writes);
  for (const [i, next] of moves.entries()) {
    const command = commandOf(state, next);
    log.push(command);
    const owner = ownerBefore(state, command);
    const ahead = applyCommand(state.tx, command, 1_000 + i, sha256, true);
    const { results, writes, effects } = state.apply([command], 1_000 + i);
    // What the leader sees when it looks ahead is what apply then does, as far as answers and routing read it.
    assert.deepEqual(ahead.result, results[0]);
    assert.deepEqual(ahead.effects.filter(isRouting), effects.filter(isRouting));
    index.note(writes);
    // Only who holds the step's fence may change it, and a repetition changes nothing.
    if (owner !== undefined) assert.equal(results[0]?.outcome === "ok", owner, `${command.type}: ${JSON.stringify(results[0])}`);
    check(state);
    const fresh = LiveIndex.of(state);
    for (const worker of WORKERS) assert.deepEqual([...index.heldBy(worker)].sort(), [...fresh.heldBy(worker)].sort());
    assert.deepEqual([...index.waiting()].sort(), [...fresh.waiting()].sort());
  }
  return { log, state };
}

const DAY_MS = 24 * 3_600_000;

/** A random history, after which every task is ended and retention removes all: no chunk may be left without a record that names it. */
export function playToTheEnd(moves: readonly Move[]): void {
  const { state } = play(moves);
  // A day between two ends, so that retention removes one task while others still hold the same chunks.
  for (const [i, task] of ([...state.list("task/").values()] as TaskRecord[]).entries()) {
    state.one({ type: "EndTask", task: task.id, status: "cancelled", assign: [] }, (i + 1) * DAY_MS);
  }
  for (let day = TASKS.length + 1; day < TASKS.length + 10; day++) {
    state.one({ type: "Tick" }, day * DAY_MS);
    check(state);
  }
  assert.deepEqual([...state.list("task/"), ...state.list("conv/"), ...state.list(keys.chunks)], []);
}
