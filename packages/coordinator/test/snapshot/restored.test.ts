/** Another state takes the place of an engine's: what it derived from the old one is derived anew, and whoever waits is told. */
import { describe, expect, it } from "vitest";
import { TaskWaiters } from "../../src/services/response-aggregator/task-waiters.ts";
import { SingleCoordinator } from "../services/single-coordinator.ts";
import { openTask, registerTeam, registerWorker } from "../state/memory-state.ts";

async function propose(one: SingleCoordinator, ...commands: Parameters<SingleCoordinator["engine"]["propose"]>[0][]): Promise<void> {
  const done = Promise.all(commands.map((command) => one.engine.propose(command)));
  one.release();
  await done;
}

/** A coordinator far ahead, with one task that a worker holds. */
async function ahead(): Promise<SingleCoordinator> {
  const one = new SingleCoordinator();
  one.lead();
  one.release();
  for (const command of [registerTeam(), registerWorker("w1", "b1"), openTask("t1")]) await propose(one, command);
  return one;
}

function restore(behind: SingleCoordinator, from: SingleCoordinator): void {
  behind.state.records.clear();
  for (const [key, record] of from.state.records) behind.state.records.set(key, record);
  behind.state.applied = from.state.applied;
  behind.engine.onRestored();
}

describe("an engine whose state is replaced", () => {
  it("knows what is open and who holds what, as if it had applied every entry", async () => {
    const [from, behind] = [await ahead(), new SingleCoordinator()];
    expect(behind.engine.index.openTasks().size).toBe(0);
    restore(behind, from);
    expect([...behind.engine.index.openTasks()]).toEqual([...from.engine.index.openTasks()]);
    expect([...behind.engine.index.heldBy("w1")]).toEqual([...from.engine.index.heldBy("w1")]);
    // Once more, by a state in which nothing is open.
    restore(behind, new SingleCoordinator());
    expect(behind.engine.index.openTasks().size).toBe(0);
    expect(behind.engine.index.heldBy("w1").size).toBe(0);
  });

  it("wakes who waits for an index that the state has passed, and listeners, though no entry tells them", async () => {
    const [from, behind] = [await ahead(), new SingleCoordinator()];
    const waited = behind.engine.whenApplied(from.state.applied.index);
    const waiters = new TaskWaiters(behind.clock, (listener) => void behind.engine.onApplied(listener));
    const ended = waiters.ended("t0", 60_000, new AbortController().signal);
    const notices: unknown[] = [];
    behind.engine.onApplied((notice) => notices.push(notice));
    restore(behind, from);
    await Promise.all([waited, ended]);
    expect(notices).toEqual([{ index: from.state.applied.index, effects: [], restored: true }]);
  });

  it("forgets the checkpoints of the state that it had", async () => {
    const [from, behind] = [await ahead(), new SingleCoordinator()];
    for (let index = 1; index <= 256; index++) {
      behind.engine.onCommitted([{ index, term: 1, type: "EntryNormal", data: new Uint8Array(0) }]);
    }
    expect([...behind.engine.checkpoints.keys()]).toEqual([256]);
    restore(behind, from);
    expect([...behind.engine.checkpoints.keys()]).toEqual([]);
  });
});
