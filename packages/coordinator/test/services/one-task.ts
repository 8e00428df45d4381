/** The promise of idempotent submits, checked by node:assert: vitest and the mutants' runner share it. */
import assert from "node:assert/strict";
import { openTask, registerTeam } from "../state/memory-state.ts";
import { SingleCoordinator } from "./single-coordinator.ts";

/** Twelve equal requests with ids of their own, in flight together: one task, and every reply names that one. */
export async function equalRequestsMakeOneTask(): Promise<void> {
  const one = new SingleCoordinator();
  one.lead();
  one.release();
  const registered = one.engine.propose(registerTeam());
  one.release();
  await registered;
  const same = { key: "k", requestDigest: "d" };
  const first = Array.from({ length: 6 }, (_, i) => one.engine.propose(openTask(`t${i}`, same)));
  one.clock.turn();
  // Six are appended and none is applied; six more come before the first reply.
  const second = Array.from({ length: 6 }, (_, i) => one.engine.propose(openTask(`t${i + 6}`, same)));
  one.release();
  const results = await Promise.all([...first, ...second]);
  assert.equal(one.state.tx.meta().running, 1);
  assert.deepEqual(new Set(results.map((result) => result.task)), new Set(["t0"]));
  for (const result of results) assert.ok(result.outcome === "ok" || result.outcome === "duplicate");
}
