/** Membership changes end to end: learners, joint consensus, removal of the leader, what is refused, and restarts in between. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConfChange, ConfChangeSingle, ConfChangeType } from "../../src/core/raft/conf-change.ts";
import { LEAVE_JOINT } from "../../src/core/raft/conf-change.ts";
import { decodeConfChange, encodeConfChange, MalformedConfChangeError } from "../../src/core/raft/conf-change-codec.ts";
import { confStateOf, confStatesEquivalent, EMPTY_MEMBERSHIP, isJoint, voterIds } from "../../src/core/raft/membership.ts";
import type { ChangedMembership } from "../../src/core/raft/membership-changer.ts";
import { ConfChangeError, MembershipChanger, restoreMembership } from "../../src/core/raft/membership-changer.ts";
import { ProgressTracker } from "../../src/core/raft/progress-tracker.ts";
import { bytes, ELECTION_TICK, RaftNetwork } from "./raft-network.ts";

const VOTERS = [1, 2, 3];
const TYPES: readonly ConfChangeType[] = ["ConfChangeAddNode", "ConfChangeRemoveNode", "ConfChangeUpdateNode", "ConfChangeAddLearnerNode"];

const add = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeAddNode", nodeId });
const remove = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeRemoveNode", nodeId });
const learn = (nodeId: number): ConfChangeSingle => ({ type: "ConfChangeAddLearnerNode", nodeId });
const joint = (...changes: ConfChangeSingle[]): ConfChange => ({ transition: "ConfChangeTransitionAuto", changes });
const explicit = (...changes: ConfChangeSingle[]): ConfChange => ({ transition: "ConfChangeTransitionJointExplicit", changes });

/** Adds a blank node to the network and brings it up to date by a snapshot of the leader's state. */
function join(network: RaftNetwork, leader: number, id: number): void {
  const { storage, confState } = network.node(leader);
  const { applied } = network.raw(leader).status();
  storage.createSnapshot(applied, confState, bytes("state"));
  storage.compact(applied);
  network.addNode(id);
  network.settle();
  network.tick(leader);
}

function change(network: RaftNetwork, leader: number, what: ConfChange): ReturnType<RaftNetwork["propose"]> {
  const outcome = network.raw(leader).proposeConfChange(what);
  network.settle();
  return outcome;
}

function members(network: RaftNetwork, id: number): string {
  const { incoming, outgoing, learners } = network.raw(id).status().membership;
  return `${incoming}&${outgoing}&${learners}`;
}

describe("membership", () => {
  it("a blank node becomes a learner, catches up by a snapshot, and is promoted", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.propose(1, "a");
    change(network, 1, learn(4));
    join(network, 1, 4);
    network.propose(1, "b");
    expect(network.commands(4)).toEqual(["b"]);
    expect(members(network, 4)).toBe("1,2,3&&4");
    change(network, 1, add(4));
    for (const id of [1, 2, 3, 4]) expect(members(network, id)).toBe("1,2,3,4&&");
  });

  it("a learner never campaigns and is not counted for commits", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    change(network, 1, learn(4));
    join(network, 1, 4);
    network.tick(4, ELECTION_TICK * 3);
    expect(network.raw(4).status().role).toBe("StateFollower");
    network.isolate(2, 3);
    const before = network.raw(1).status().commit;
    network.propose(1, "x");
    expect(network.raw(1).status().commit).toBe(before);
  });

  it("several changes go through a joint configuration, which the leader leaves by itself", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    change(network, 1, joint(remove(3), learn(2)));
    for (const id of [1, 2]) expect(members(network, id)).toBe("1&&2");
  });

  it("while joint both majorities are needed", () => {
    const network = new RaftNetwork([1, 2, 3, 4, 5]);
    network.elect(1);
    change(network, 1, explicit(remove(3), remove(4), remove(5)));
    expect(members(network, 1)).toBe("1,2&1,2,3,4,5&");
    network.isolate(3, 4, 5);
    const before = network.raw(1).status().commit;
    network.propose(1, "x");
    expect(network.raw(1).status().commit, "1 and 2 are a majority of the new set only").toBe(before);
    network.heal();
    network.tick(1);
    expect(network.raw(1).status().commit).toBeGreaterThan(before);
    change(network, 1, LEAVE_JOINT);
    expect(members(network, 1)).toBe("1,2&&");
  });

  it("a second change is refused while one is unapplied, and said so", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    network.isolate(2, 3);
    network.raw(1).proposeConfChange(learn(4));
    expect(network.raw(1).proposeConfChange(learn(5))).toMatchObject({ kind: "appended", confChangeRefused: "pendingConfChange" });
    network.heal();
    network.tick(1);
    expect(members(network, 1)).toBe("1,2,3&&4");
  });

  it("a new leader assumes that a change may be pending, until it has applied all it had", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    // The followers get an entry, but do not hear that it is committed; the next leader cannot tell it from a change.
    network.lose = (message) => message.type === "MsgApp" && message.entries.length === 0;
    network.propose(1, "x");
    network.lose = (message) => message.type === "MsgApp";
    network.elect(2);
    expect(network.raw(2).proposeConfChange(learn(4))).toMatchObject({ confChangeRefused: "pendingConfChange" });
  });

  it("a joint configuration takes no other change, and a simple one cannot be left", () => {
    const network = new RaftNetwork(VOTERS);
    network.elect(1);
    expect(change(network, 1, LEAVE_JOINT)).toMatchObject({ confChangeRefused: "notJoint" });
    change(network, 1, explicit(remove(3)));
    expect(change(network, 1, learn(9))).toMatchObject({ confChangeRefused: "mustLeaveJointFirst" });
  });

  it("a node with a committed conf change unapplied does not campaign", () => {
    const network = new RaftNetwork(VOTERS, { maxCommittedSizePerReadyBytes: 1 });
    network.elect(1);
    network.isolate(1);
    const { term, commit } = network.raw(2).status();
    const { type, data } = encodeConfChange(learn(4));
    // Node 2 learns of the entry and of its commit at once, and is not given the time to apply it.
    const entry = { term, index: commit + 1, type, data };
    const blank = { logTerm: term, commit: commit + 1, vote: 0, reject: false, rejectHint: 0 };
    network.raw(2).step({ ...blank, type: "MsgApp", from: 1, to: 2, term, index: commit, entries: [entry] });
    network.raw(2).campaign();
    expect(network.raw(2).status()).toMatchObject({ role: "StateFollower", term });
    network.settle();
    network.raw(2).campaign();
    expect(network.raw(2).status().term).toBe(term + 1);
  });

  it("a leader that is removed steps down when told to, and commits its removal first", () => {
    const network = new RaftNetwork(VOTERS, { stepDownOnRemoval: true });
    network.elect(1);
    change(network, 1, remove(1));
    expect(network.leaders()).toEqual([]);
    expect(members(network, 2)).toBe("2,3&&");
    network.elect(2);
    expect(network.leaders()).toEqual([2]);
  });

  it("without that it leads on, takes no proposals, and yields to the next leader", () => {
    const network = new RaftNetwork(VOTERS, { preVote: true });
    network.elect(1);
    change(network, 1, remove(1));
    expect(network.leaders()).toEqual([1]);
    expect(network.raw(1).propose(bytes("x"))).toEqual({ kind: "dropped", reason: "notMember" });
    network.elect(2);
    network.tick(1);
    expect(network.leaders()).toEqual([2]);
  });

  it("removing a voter can commit what waited for it", () => {
    const network = new RaftNetwork([1, 2, 3, 4]);
    network.elect(1);
    network.isolate(3, 4);
    // Cut off, and then the change itself is committed by 1, 2 and the briefly healed 3.
    network.propose(1, "waits");
    const before = network.raw(1).status().commit;
    network.raw(1).proposeConfChange(remove(4));
    network.settle();
    expect(network.raw(1).status().commit).toBe(before);
    network.heal();
    network.isolate(4);
    network.tick(1);
    expect(network.commands(1)).toContain("waits");
    expect(members(network, 1)).toBe("1,2,3&&");
  });

  it("an illegal change at apply time throws and changes nothing", () => {
    const network = new RaftNetwork([1]);
    network.elect(1);
    expect(() => network.raw(1).applyConfChange(remove(1))).toThrow(ConfChangeError);
    expect(() => network.raw(1).applyConfChange(LEAVE_JOINT)).toThrow("can't leave a non-joint config");
    expect(members(network, 1)).toBe("1&&");
  });
});

describe("conf change codec", () => {
  const single = fc.record({ type: fc.constantFrom(...TYPES), nodeId: fc.nat(Number.MAX_SAFE_INTEGER) });
  const context = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: undefined });
  const withContext = <T extends object>(change: T, bytesOrNot: Uint8Array | undefined) =>
    bytesOrNot === undefined ? change : { ...change, context: bytesOrNot };
  const anyChange: fc.Arbitrary<ConfChange> = fc.oneof(
    fc.tuple(single, context).map(([one, extra]) => withContext(one, extra)),
    fc
      .tuple(
        fc.constantFrom("ConfChangeTransitionAuto", "ConfChangeTransitionJointImplicit", "ConfChangeTransitionJointExplicit" as const),
        fc.array(single, { maxLength: 5 }),
        context,
      )
      .map(([transition, changes, extra]) => withContext({ transition, changes } as ConfChange, extra)),
  );

  it("gives back what it was given", () => {
    fc.assert(
      fc.property(anyChange, (change) => {
        const { type, data } = encodeConfChange(change);
        expect(decodeConfChange(type, data)).toEqual(change);
      }),
    );
  });

  it("refuses bytes it cannot read, and never reads past their end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (data) => {
        try {
          const decoded = decodeConfChange("EntryConfChangeV2", data);
          expect("changes" in decoded).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedConfChangeError);
        }
      }),
    );
    expect(() => decodeConfChange("EntryNormal", new Uint8Array(0))).toThrow(MalformedConfChangeError);
  });

  it("encodes the leave-joint change as nothing, and others as protobuf does", () => {
    expect(encodeConfChange(LEAVE_JOINT).data).toEqual(new Uint8Array(0));
    expect([...encodeConfChange(add(300)).data]).toEqual([0x10, 0, 0x18, 0xac, 0x02]);
    expect([...encodeConfChange(explicit(learn(1))).data]).toEqual([0x08, 2, 0x12, 4, 0x08, 3, 0x10, 1]);
  });
});

describe("membership changer", () => {
  const changes = fc.array(fc.record({ type: fc.constantFrom(...TYPES), nodeId: fc.nat(5) }), { maxLength: 4 });
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("simple" as const), changes }),
    fc.record({ kind: fc.constant("enterJoint" as const), changes, autoLeave: fc.boolean() }),
    fc.record({ kind: fc.constant("leaveJoint" as const) }),
  );

  it("only ever makes configurations whose majorities meet those before, and which a restart restores", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        const tracker = new ProgressTracker(1, 1);
        let current: ChangedMembership = { membership: EMPTY_MEMBERSHIP, progress: new Map() };
        for (const step of operations) {
          const before = current;
          const changer = new MembershipChanger(tracker, before, 10);
          try {
            if (step.kind === "simple") current = changer.simple(step.changes);
            else if (step.kind === "enterJoint") current = changer.enterJoint(step.autoLeave, step.changes);
            else current = changer.leaveJoint();
          } catch (error) {
            expect(error).toBeInstanceOf(ConfChangeError);
            continue;
          }
          const [old, now] = [before.membership, current.membership];
          const members = [...voterIds(now), ...now.learners];
          expect([...current.progress.keys()].sort()).toEqual([...new Set(members)].sort());
          if (!isJoint(old) && !isJoint(now)) {
            const moved = [
              ...old.incoming.filter((id) => !now.incoming.includes(id)),
              ...now.incoming.filter((id) => !old.incoming.includes(id)),
            ];
            expect(moved.length).toBeLessThanOrEqual(1);
          }
          if (isJoint(now)) expect(now.outgoing).toEqual(old.incoming);
          if (isJoint(old)) expect(now.incoming).toEqual(old.incoming);
          const stored = confStateOf(now);
          const restored = restoreMembership(tracker, stored, 10);
          expect(confStatesEquivalent(confStateOf(restored.membership), stored)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
