/** A follower that was away, brought up to date by a snapshot: under load, over a lane that loses, through restarts of either side. */
import { describe, expect, it } from "vitest";
import { VirtualCluster } from "./virtual-cluster.ts";

/** One follower is away until the log does not reach back to it. */
async function awayForLong(cluster: VirtualCluster) {
  await cluster.run(2_000);
  await cluster.load(20);
  const away = cluster.follower();
  away.kill();
  await cluster.load(1_500);
  const lacks = away.state.index + 1;
  for (const member of cluster.members) if (member !== away) expect(member.log.firstIndex()).toBeGreaterThan(lacks);
  return away;
}

/** Everything that was committed, the same everywhere, and nobody has failed. */
async function expectAgreement(cluster: VirtualCluster): Promise<void> {
  await cluster.run(3_000);
  const [first, ...others] = cluster.members;
  for (const other of others) expect(other.state).toEqual(first!.state);
  for (const member of cluster.members) expect(member.fatal).toEqual([]);
}

describe("a follower whose entries are gone", () => {
  it("catches up by a snapshot while work goes on, with one that is no larger a step than it needs", async () => {
    const cluster = new VirtualCluster(11);
    const away = await awayForLong(cluster);
    away.start();
    await cluster.load(600);
    await cluster.run(10_000, () => away.state.index === cluster.leader().state.index);
    expect(away.events.filter((event) => event === "received").length).toBeGreaterThanOrEqual(1);
    expect(cluster.leader().events.filter((event) => event === "offered")).toHaveLength(1);
    await expectAgreement(cluster);
  });

  it.each([21, 22, 23, 24])("catches up over a lane that loses, repeats and damages (seed %i)", async (seed) => {
    const cluster = new VirtualCluster(seed, 2_000_000, { loss: 0.15, duplication: 0.05, damage: 0.05 });
    const away = await awayForLong(cluster);
    away.start();
    await cluster.run(60_000, () => away.state.index === cluster.leader().state.index);
    await expectAgreement(cluster);
  });

  it("goes on with what it has of an image after its own restart", async () => {
    const cluster = new VirtualCluster(31, 8_000_000);
    const away = await awayForLong(cluster);
    away.start();
    await cluster.run(20_000, () => (cluster.partial.get(away.id)?.length ?? 0) > 4_000_000);
    const had = cluster.partial.get(away.id)!.length;
    away.kill();
    await cluster.run(1_000);
    away.start();
    let least = Number.MAX_SAFE_INTEGER;
    await cluster.run(60_000, () => {
      least = Math.min(least, cluster.partial.get(away.id)?.length ?? Number.MAX_SAFE_INTEGER);
      return away.state.index === cluster.leader().state.index;
    });
    expect(least).toBeGreaterThanOrEqual(had);
    await expectAgreement(cluster);
  });

  it("is brought one by the next leader where the first is killed in the middle", async () => {
    const cluster = new VirtualCluster(41, 8_000_000);
    const away = await awayForLong(cluster);
    away.start();
    await cluster.run(20_000, () => (cluster.partial.get(away.id)?.length ?? 0) > 4_000_000);
    const first = cluster.leader();
    first.kill();
    await cluster.run(60_000, () => cluster.members.some((member) => member.leads && away.state.index === member.state.index));
    first.start();
    await expectAgreement(cluster);
  });

  it("does not go round in circles where the log grows past its tail while the image is on its way", async () => {
    const cluster = new VirtualCluster(51, 12_000_000, { delayMs: [5, 10] });
    const away = await awayForLong(cluster);
    away.start();
    // More than the log may hold at all: what follows the image stays while that is on its way.
    await cluster.load(1_500, 4);
    await cluster.run(60_000, () => away.state.index === cluster.leader().state.index);
    expect(cluster.leader().events.filter((event) => event === "offered")).toHaveLength(1);
    await expectAgreement(cluster);
  });
});
