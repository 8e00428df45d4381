import { EventQueue, SeededRandom, VirtualClock, VirtualDisk, VirtualNetwork, VirtualProcess } from "@triad/testkit";
import { describe, expect, it } from "vitest";
import { WriteAheadLog } from "../../src/adapters/store/wal.ts";
import type { ReadIndexError, SoftStateReport } from "../../src/services/raft-driver/ports.ts";
import { RaftDriver } from "../../src/services/raft-driver/raft-driver.ts";

interface Member {
  readonly id: number;
  readonly driver: RaftDriver;
  readonly process: VirtualProcess;
  readonly clock: VirtualClock;
  readonly disk: VirtualDisk;
  readonly committed: string[];
  readonly states: SoftStateReport[];
  readonly fatal: Error[];
  readonly latencies: number[];
}

interface Cluster {
  readonly queue: EventQueue;
  readonly network: VirtualNetwork;
  readonly members: readonly Member[];
  run(forMs: number): void;
  leader(): Member;
}

function cluster(size: number = 3, limits: { uncommittedBytesMax?: number } = {}): Cluster {
  const queue = new EventQueue();
  const random = new SeededRandom(42);
  const network = new VirtualNetwork(queue, random.fork());
  const ids = Array.from({ length: size }, (_, at) => at + 1);
  const members = ids.map((id): Member => {
    const process = new VirtualProcess();
    const clock = new VirtualClock(queue, process);
    const disk = new VirtualDisk({ queue, random: random.fork() });
    disk.owner = process;
    const fatal: Error[] = [];
    const log = WriteAheadLog.open({
      disk,
      folder: "/log",
      confState: { voters: ids, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      bootstrap: true,
      segmentBytes: 16_384,
      monotonicMs: () => clock.monotonicMs(),
      onFatal: () => undefined,
    });
    const committed: string[] = [];
    const states: SoftStateReport[] = [];
    const latencies: number[] = [];
    const own = random.fork();
    const driver = new RaftDriver({
      id,
      peers: ids,
      cluster: "c",
      log,
      bus: network.join(id, process),
      clock,
      rng: () => own.unit(),
      electionTicks: 6,
      heartbeatTicks: 1,
      applied: 0,
      limits,
      callbacks: {
        onCommitted: (entries) => committed.push(...entries.map(({ data }) => Buffer.from(data).toString()).filter((text) => text !== "")),
        onSoftState: (state) => states.push(state),
        onFatal: (error) => fatal.push(error),
        onCommitLatency: (seconds) => latencies.push(seconds),
      },
    });
    driver.start();
    return { id, driver, process, clock, disk, committed, states, fatal, latencies };
  });
  return {
    queue,
    network,
    members,
    run: (forMs) => queue.runUntil(queue.nowMs + forMs),
    leader: () => members.find(({ driver }) => driver.status().role === "StateLeader")!,
  };
}

function followersOf(target: Cluster): Member[] {
  return target.members.filter((member) => member !== target.leader());
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("the driver", () => {
  it("elects one leader and commits proposals everywhere, in order, telling the proposer their places", () => {
    const target = cluster();
    target.run(1000);
    const leader = target.leader();
    const places = ["a", "b", "c"].map((text) => leader.driver.propose(bytes(text)));
    const { term } = leader.driver.status();
    expect(places).toEqual([2, 3, 4].map((index) => ({ ok: true, index, term })));
    target.run(200);
    for (const { committed } of target.members) expect(committed).toEqual(["a", "b", "c"]);
    expect(leader.latencies).toHaveLength(3);
    expect(leader.states.at(-1)).toEqual({ leader: leader.id, role: "StateLeader", term });
  });

  it("sends one frame a peer for all proposals of a turn", () => {
    const target = cluster();
    target.run(1000);
    const before = target.network.sent;
    for (let count = 0; count < 50; count++) target.leader().driver.propose(bytes(`${count}`));
    target.run(0.05);
    expect(target.network.sent - before).toBe(2);
  });

  it("commits nothing before a majority has it on disk", () => {
    const target = cluster();
    target.run(1000);
    const leader = target.leader();
    for (const { disk } of target.members) disk.flushMs = [100, 100];
    leader.driver.propose(bytes("a"));
    target.run(90);
    expect(target.members.flatMap(({ committed }) => committed)).toEqual([]);
    target.run(200);
    expect(leader.committed).toEqual(["a"]);
  });

  it("refuses proposals at a follower and names the leader", () => {
    const target = cluster();
    target.run(1000);
    const follower = followersOf(target)[0]!;
    expect(follower.driver.propose(bytes("a"))).toEqual({ ok: false, reason: "notLeader", leader: target.leader().id });
  });

  it("is busy while too much is uncommitted, and takes proposals again afterwards", () => {
    const target = cluster(3, { uncommittedBytesMax: 1000 });
    target.run(1000);
    const { driver, id } = target.leader();
    expect(driver.propose(new Uint8Array(900)).ok).toBe(true);
    expect(driver.propose(new Uint8Array(900))).toEqual({ ok: false, reason: "busy", leader: id });
    target.run(200);
    expect(driver.propose(new Uint8Array(900)).ok).toBe(true);
  });

  it("gives the read index at leader and follower, many reads for one round", async () => {
    const target = cluster();
    target.run(1000);
    target.leader().driver.propose(bytes("a"));
    target.run(100);
    const { commitIndex } = target.leader().driver.status();
    const before = target.network.sent;
    const reads = target.members.flatMap(({ driver }) => Array.from({ length: 100 }, () => driver.readIndex()));
    target.run(40);
    expect(await Promise.all(reads)).toEqual(Array.from({ length: 300 }, () => commitIndex));
    expect(target.network.sent - before).toBeLessThan(20);
  });

  it("settles every read: on time-out at a leader that is cut off, on step-down, without a leader, and at stop", async () => {
    const target = cluster();
    target.run(1000);
    const leader = target.leader();
    const reasons: string[] = [];
    const read = (member: Member): void => {
      member.driver.readIndex().catch((error: ReadIndexError) => reasons.push(`${member === leader ? "leader" : "other"} ${error.reason}`));
    };
    for (const other of followersOf(target)) {
      target.network.cut(leader.id, other.id);
      target.network.cut(other.id, leader.id);
    }
    read(leader);
    target.run(1500);
    await Promise.resolve();
    expect(reasons).toEqual(["leader leaderChanged"]);
    read(leader);
    target.run(20);
    await Promise.resolve();
    expect(reasons.at(-1)).toBe("leader noLeader");
    read(leader);
    await leader.driver.stop();
    expect(reasons.at(-1)).toBe("leader stopped");
    await expect(leader.driver.readIndex()).rejects.toMatchObject({ reason: "stopped" });
    expect(leader.driver.status().waitingReads).toBe(0);
  });

  it("times a follower's read out when the leader does not answer", async () => {
    const target = cluster();
    target.run(1000);
    const follower = followersOf(target)[0]!;
    target.network.cut(follower.id, target.leader().id);
    const outcome = follower.driver.readIndex().catch((error: ReadIndexError) => error.reason);
    target.run(1000);
    expect(await outcome).toBe("timeout");
  });

  it("drops what it would send while the bus is not connected", () => {
    const target = cluster();
    target.run(1000);
    const leader = target.leader();
    target.network.disconnect(leader.id);
    const before = target.network.sent;
    leader.driver.propose(bytes("a"));
    target.run(10);
    expect(target.network.sent).toBe(before);
    target.network.heal();
    target.run(2000);
    expect(target.members.map(({ committed }) => committed)).toEqual([["a"], ["a"], ["a"]]);
  });

  it("does not elect after a stall: what lay in the socket is heard before time passes", () => {
    const target = cluster();
    target.run(1000);
    const leader = target.leader();
    const { term } = leader.driver.status();
    for (const follower of followersOf(target)) {
      for (let round = 0; round < 3; round++) {
        follower.process.pauseUntil(target.queue.nowMs + 280);
        target.run(1000);
      }
    }
    expect(target.leader()).toBe(leader);
    expect(leader.driver.status().term).toBe(term);
  });

  it("does not elect after a follower's pause of many election timeouts", () => {
    const target = cluster();
    target.run(1000);
    const { term } = target.leader().driver.status();
    followersOf(target)[0]!.process.pauseUntil(target.queue.nowMs + 5000);
    target.run(7000);
    expect(target.leader().driver.status().term).toBe(term);
  });

  it("counts and drops frames of another cluster, of strangers, and damaged ones", () => {
    const target = cluster();
    target.run(1000);
    const stranger = target.network.join(9, new VirtualProcess());
    stranger.send(1, new Uint8Array(100));
    target.network.faults = { ...target.network.faults, damage: 0.5 };
    target.run(2000);
    const { droppedFrames } = target.members[0]!.driver.status();
    expect(droppedFrames.sender).toBe(1);
    expect(droppedFrames.checksum).toBeGreaterThan(5);
  });

  it("ends on a failed flush, tells nobody anything more, and settles its reads", async () => {
    const target = cluster();
    target.run(1000);
    const leader = target.leader();
    leader.disk.flushFailure = 1;
    leader.driver.propose(bytes("a"));
    const read = leader.driver.readIndex().catch((error: ReadIndexError) => error.reason);
    target.run(5);
    expect(leader.fatal).toHaveLength(1);
    expect(leader.fatal[0]).toMatchObject({ code: "TRIAD_STORE_FAILED" });
    target.run(2000);
    expect(leader.committed).toEqual([]);
    expect(leader.clock.pendingTimers).toBe(0);
    expect(await read).toSatisfy((outcome) => outcome === "stopped" || typeof outcome === "number");
    expect(leader.driver.propose(bytes("b")).ok).toBe(false);
  });

  it("refuses a proposal that no frame could carry", () => {
    const target = cluster(1);
    target.run(1000);
    expect(() => target.leader().driver.propose(new Uint8Array(1024 * 1024))).toThrow(
      expect.objectContaining({ code: "TRIAD_FRAME_TOO_LARGE" }),
    );
  });

  it("serves alone as a cluster of one, reads included", async () => {
    const target = cluster(1);
    target.run(1000);
    const { driver, committed } = target.leader();
    driver.propose(bytes("a"));
    target.run(10);
    expect(committed).toEqual(["a"]);
    const read = driver.readIndex();
    target.run(10);
    expect(await read).toBe(2);
  });
});
