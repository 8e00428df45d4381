/** Φ in a map: the reference reader that apply is tested with, and the way tests drive it. */
import { hash } from "node:crypto";
import type { Command, CommandResult, OpenTask, Pick, StepFinished, TeamManifest } from "@triad/protocol";
import type { Effect } from "../../src/core/state/application.ts";
import { applyEntry, hashWrites } from "../../src/core/state/apply.ts";
import { compareKeys } from "../../src/core/state/keys.ts";
import type { StateRecord } from "../../src/core/state/records.ts";
import { digestOf } from "../../src/core/state/registry.ts";
import { type StateReader, Transaction, type Writes } from "../../src/core/state/transaction.ts";

export const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

export class MemoryState implements StateReader {
  readonly records = new Map<string, StateRecord>();
  stateHash = "";
  index = 0;

  get(key: string): StateRecord | undefined {
    return this.records.get(key);
  }

  list(prefix: string): ReadonlyMap<string, StateRecord> {
    return new Map([...this.records].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => compareKeys(a, b)));
  }

  first(prefix: string, limit: number): ReadonlyMap<string, StateRecord> {
    return new Map([...this.list(prefix)].slice(0, limit));
  }

  /** Applies one entry and keeps its writes. */
  apply(
    commands: readonly Command[],
    at: number,
  ): { readonly results: readonly CommandResult[]; readonly effects: readonly Effect[]; readonly writes: Writes } {
    const applied = applyEntry(this, commands, at, sha256);
    this.index++;
    this.stateHash = hashWrites(this.stateHash, this.index, applied.writes, sha256).hash;
    for (const [key, record] of applied.writes) {
      if (record === undefined) this.records.delete(key);
      else this.records.set(key, record);
    }
    return applied;
  }

  one(command: Command, at: number): CommandResult {
    const result = this.apply([command], at).results[0];
    if (result === undefined) throw new Error("no result");
    return result;
  }

  get tx(): Transaction {
    return new Transaction(this);
  }
}

const agent = (name: string, skill: string, more: object = {}) => ({
  name,
  prompt: { template: `You are ${name}. {{input:text:required}}`, version: 1 },
  capabilities: { [skill]: 0.9 },
  examples: [],
  timeoutMs: 1_000,
  retry: { attempts: 3, backoffMs: 100 },
  concurrency: 4,
  ...more,
});

export function manifest(more: Partial<TeamManifest> = {}): TeamManifest {
  return {
    name: "test",
    skills: ["a", "b", "vote"],
    negotiation: { alpha: "auto", lambda: 1, beta: 0.2, weights: "uniform", stepPolicy: "reject" },
    agents: [agent("alice", "a"), agent("bob", "b"), agent("v1", "vote"), agent("v2", "vote"), agent("v3", "vote")],
    idf: new Uint8Array(0),
    prototypes: {},
    ...more,
  };
}

export function registerTeam(team: TeamManifest = manifest()): Command {
  return { type: "RegisterTeam", manifest: team, digest: digestOf(team, sha256) };
}

export function registerWorker(worker: string, bootId: string, team: TeamManifest = manifest()): Command {
  return { type: "RegisterWorker", worker, bootId, digest: digestOf(team, sha256), pid: 1, threads: 2, http: "" };
}

export function openTask(task: string, more: Partial<OpenTask> = {}): OpenTask {
  return {
    type: "OpenTask",
    task,
    conversation: `conversation-of-${task}`,
    requestDigest: `digest-of-${task}`,
    input: "hello",
    observations: [],
    requires: { a: 1 },
    strategy: { kind: "single" },
    facts: {},
    maxTransitions: 8,
    assign: [],
    ...more,
  };
}

export function pick(state: MemoryState, task: string, step: number, agentName: string, worker: string, more: Partial<Pick> = {}): Pick {
  return {
    task,
    step,
    member: 0,
    agent: agentName,
    worker,
    workerToken: state.tx.worker(worker)?.token ?? 0,
    requires: { a: 1 },
    routing: { score: 0, runnerUp: null, candidates: [], reason: "best" },
    ...more,
  };
}

/** The fence that a member of the task's open step holds now. */
export function fenceOf(state: MemoryState, task: string, member = 0): number {
  const held = state.tx.task(task)?.step?.members[member];
  if (held === undefined || held.state !== "assigned") throw new Error(`member ${member} of ${task} holds nothing`);
  return held.fence;
}

export function finished(state: MemoryState, task: string, more: Partial<StepFinished> = {}): StepFinished {
  const step = state.tx.task(task)?.step?.n ?? 1;
  return {
    type: "StepFinished",
    task,
    step,
    member: 0,
    fence: more.fence ?? fenceOf(state, task, more.member ?? 0),
    output: "done",
    facts: {},
    usage: { tokensIn: 0, tokensOut: 0, costUsd: 0 },
    serviceMs: 5,
    next: { kind: "finish" },
    assign: [],
    ...more,
  };
}

/** A state with the test team and two workers. */
export function ready(): MemoryState {
  const state = new MemoryState();
  state.apply([registerTeam(), registerWorker("w1", "b1"), registerWorker("w2", "b2")], 1_000);
  return state;
}
