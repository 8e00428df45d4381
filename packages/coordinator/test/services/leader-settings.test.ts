/** What the leader was started with gets into Φ by an entry, once, and what it was not given stays as it is. */
import { limits } from "@triad/protocol";
import { describe, expect, it } from "vitest";
import { SingleCoordinator } from "./single-coordinator.ts";

const DAY_MS = 86_400_000;

function led(...given: ConstructorParameters<typeof SingleCoordinator>): SingleCoordinator {
  const one = new SingleCoordinator(...given);
  one.lead();
  one.release();
  return one;
}

describe("a new leader's retention", () => {
  it("stands in Φ after one entry, and the next leader with the same settings proposes nothing", () => {
    const first = led(undefined, { retentionMs: DAY_MS, keyTtlMs: 60_000 });
    expect(first.state.tx.config()).toEqual({ retentionMs: DAY_MS, keyTtlMs: 60_000 });
    const { index } = first.state.applied;
    const second = led(first.state, { retentionMs: DAY_MS, keyTtlMs: 60_000 });
    second.clock.advance(10_000);
    second.release();
    expect(second.state.applied.index).toBe(index + 1); // its term's empty entry
  });

  it("changes only what is given; without settings nothing is proposed", () => {
    const first = led(undefined, { keyTtlMs: 60_000 });
    expect(first.state.tx.config()).toEqual({ retentionMs: limits.RETENTION_MS_DEFAULT, keyTtlMs: 60_000 });
    const second = led(first.state);
    expect(second.state.tx.config().keyTtlMs).toBe(60_000);
    expect(second.inFlight).toBe(0);
    expect(led(first.state, { retentionMs: DAY_MS }).state.tx.config()).toEqual({ retentionMs: DAY_MS, keyTtlMs: 60_000 });
  });

  it("is proposed again where the log had no room for it", async () => {
    const one = new SingleCoordinator(undefined, { retentionMs: DAY_MS });
    one.lead();
    one.refuseNext = true;
    one.release();
    expect(one.state.tx.config().retentionMs).toBe(limits.RETENTION_MS_DEFAULT);
    await new Promise((resolve) => setImmediate(resolve)); // the refusal is heard
    one.clock.advance(1_000);
    one.release();
    expect(one.state.tx.config().retentionMs).toBe(DAY_MS);
  });

  it("is not a follower's to say", () => {
    const one = new SingleCoordinator(undefined, { retentionMs: DAY_MS });
    one.clock.advance(10_000);
    one.release();
    expect([one.state.applied.index, one.inFlight]).toEqual([0, 0]);
  });
});
