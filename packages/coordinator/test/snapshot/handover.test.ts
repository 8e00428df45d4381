/** A leader that ends: what its followers' clients notice of it, with a handover and without; and one whose disk fails. */
import { describe, expect, it } from "vitest";
import { type Member, VirtualCluster } from "./virtual-cluster.ts";

/** An election is due after six ticks of 50 ms at the earliest. */
const ELECTION_MS = 300;

/** Longest time between two commits at a member from `fromMs` on. */
function gapMs(member: Member, fromMs: number): number {
  const times = member.appliedAtMs.filter((at) => at >= fromMs);
  return Math.max(...times.slice(1).map((at, i) => at - times[i]!));
}

async function endLeader(seed: number, handOver: boolean): Promise<number> {
  const cluster = new VirtualCluster(seed);
  await cluster.run(2_000);
  await cluster.load(50, 2);
  const leader = cluster.leader();
  const witness = cluster.follower();
  const fromMs = cluster.queue.nowMs - 50;
  const ended = handOver ? leader.driver.transferLeadership(1_000) : Promise.resolve(false);
  let handedOver: boolean | undefined;
  void ended.then((value) => {
    handedOver = value;
    leader.kill();
  });
  await cluster.load(600, 2);
  expect(handedOver).toBe(handOver);
  return gapMs(witness, fromMs);
}

describe("a leader that ends", () => {
  it("costs no election timeout where it hands over first", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const [without, withHandover] = [await endLeader(seed, false), await endLeader(seed, true)];
      expect(without).toBeGreaterThan(ELECTION_MS);
      expect(withHandover, `seed ${seed}: ${withHandover} ms against ${without} ms`).toBeLessThan(30);
    }
  });

  it("does not wait for long where nobody can take over", async () => {
    const cluster = new VirtualCluster(6);
    await cluster.run(2_000);
    const leader = cluster.leader();
    for (const member of cluster.members) if (member !== leader) member.kill();
    const startedMs = cluster.queue.nowMs;
    let answer: boolean | undefined;
    void leader.driver.transferLeadership(1_000).then((value) => {
      answer = value;
    });
    await cluster.run(2_000, () => answer !== undefined);
    expect(answer).toBe(false);
    expect(cluster.queue.nowMs - startedMs).toBeLessThanOrEqual(1_000);
  });

  it("is a no-op at a follower", async () => {
    const cluster = new VirtualCluster(7);
    await cluster.run(2_000);
    expect(await cluster.follower().driver.transferLeadership(1_000)).toBe(false);
  });
});

describe("a disk that fails", () => {
  const enospc = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });

  it.each(["a full disk", "a sync that fails"])(
    "%s under the leader ends its process before anyone is told, and it comes back when the disk does",
    async (kind) => {
      const cluster = new VirtualCluster(8);
      await cluster.run(2_000);
      await cluster.load(20);
      const leader = cluster.leader();
      const applied = leader.state.index;
      if (kind === "a full disk") leader.disk.writeError = enospc;
      else leader.disk.flushFailure = 1;
      const outcome = leader.driver.propose(Buffer.from("into the broken disk"));
      expect(outcome.ok).toBe(true);
      await cluster.run(100);
      // Both the log and the driver say so; the first ends the process.
      expect(leader.fatal.length).toBeGreaterThan(0);
      for (const error of leader.fatal) expect(error).toMatchObject({ code: "TRIAD_STORE_FAILED" });
      expect(leader.state.index).toBe(applied);
      await cluster.run(2_000);
      await cluster.load(50);
      const others = cluster.members.filter((member) => member !== leader);
      for (const other of others) expect(other.state.index).toBeGreaterThan(applied + 40);
      leader.disk.writeError = undefined;
      leader.disk.flushFailure = 0;
      leader.fatal.length = 0;
      leader.disk.crash();
      leader.start();
      await cluster.run(3_000);
      for (const other of others) expect(leader.state).toEqual(other.state);
      expect(leader.fatal).toEqual([]);
    },
  );
});
