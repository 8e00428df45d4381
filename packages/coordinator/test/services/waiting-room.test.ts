/** Who waits for a worker and in which order they are tried: nobody is forgotten, and a free place does not cost a look at everybody. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WaitingRoom } from "../../src/services/consensus-engine/waiting-room.ts";

const never = (): boolean => false;

/** Visits until nobody is worth one; gives who was placed, in order. */
function settle(room: WaitingRoom, tryOne: Parameters<WaitingRoom["visit"]>[0]): readonly string[] {
  const placed: string[] = [];
  for (let visits = 0; room.isWorthVisit; visits++) {
    if (visits > 10_000) throw new Error("a visit is worth while for ever");
    placed.push(...room.visit(tryOne, never));
  }
  return placed;
}

describe("WaitingRoom", () => {
  it("looks at one of a crowd when one place comes free, and places the longest waiting", () => {
    const room = new WaitingRoom();
    let places = 0;
    let tries = 0;
    const tryOne = () => {
      tries++;
      return places-- > 0 ? ({ kind: "placed" } as const) : ({ kind: "full", group: "alice" } as const);
    };
    for (let i = 0; i < 20_000; i++) room.arrive(`t${i}`);
    settle(room, tryOne);
    expect(tries).toBe(20_000);
    for (let i = 0; i < 100; i++) {
      places = 1;
      room.roomCame();
      expect(settle(room, tryOne)).toEqual([`t${i}`]);
    }
    expect(tries).toBe(20_200);
  });

  it("one visit is bounded, however many arrive or groups there are", () => {
    const room = new WaitingRoom();
    let tries = 0;
    const tryOne = (task: string) => {
      tries++;
      return { kind: "full", group: task } as const;
    };
    for (let i = 0; i < 1_000; i++) room.arrive(`t${i}`);
    room.visit(tryOne, never);
    expect(tries).toBeLessThanOrEqual(256);
    settle(room, tryOne);
    tries = 0;
    room.roomCame();
    room.visit(tryOne, never);
    expect(tries).toBeLessThanOrEqual(64);
  });

  it("places whoever finds room, in any history of arrivals, leaves and places", () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant("arrive" as const), task: fc.nat(300), agent: fc.nat(90) }),
      fc.record({ kind: fc.constant("leave" as const), task: fc.nat(300) }),
      fc.record({ kind: fc.constant("free" as const), agent: fc.nat(90) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (events) => {
        const room = new WaitingRoom();
        const wants = new Map<string, number>();
        const places = new Map<number, number>();
        const tryOne = (task: string) => {
          const agent = wants.get(task);
          if (agent === undefined) throw new Error(`${task} is not waiting any more`);
          const left = places.get(agent) ?? 0;
          if (left === 0) return { kind: "full", group: `agent ${agent}` } as const;
          places.set(agent, left - 1);
          return { kind: "placed" } as const;
        };
        for (const one of events) {
          const task = "task" in one ? `t${one.task}` : "";
          if (one.kind === "arrive") {
            wants.set(task, one.agent);
            room.arrive(task);
          } else if (one.kind === "leave") {
            wants.delete(task);
            room.leave(task);
          } else {
            places.set(one.agent, (places.get(one.agent) ?? 0) + 1);
            room.roomCame();
          }
          for (const placed of settle(room, tryOne)) wants.delete(placed);
          // Nobody waits for an agent that has room.
          for (const [name, agent] of wants) if ((places.get(agent) ?? 0) > 0) throw new Error(`${name} was overlooked`);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("stops where enough was placed, and goes on from there", () => {
    const room = new WaitingRoom();
    for (let i = 0; i < 5; i++) room.arrive(`t${i}`);
    let placed = 0;
    const tryOne = () => {
      placed++;
      return { kind: "placed" } as const;
    };
    expect(room.visit(tryOne, () => placed >= 2)).toEqual(["t0", "t1"]);
    expect(settle(room, tryOne)).toEqual(["t2", "t3", "t4"]);
  });
});
