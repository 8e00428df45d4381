import { SeededRandom } from "@triad/testkit";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { WriteAheadLog } from "../../src/adapters/store/wal.ts";
import type { Entry, HardState } from "../../src/core/raft/types.ts";
import { bench, entry, everything } from "./wal-fixture.ts";

interface State {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** Without the commit index: it may fall behind at a crash, as nobody rests on it. */
function describeState({ entries, hardState }: State): string {
  const listed = entries.map(({ index, term, data }) => `${index}.${term}:${Buffer.from(data).toString("base64")}`);
  return `${hardState.term} ${hardState.vote} | ${listed.join(" ")}`;
}

function stateOf(log: WriteAheadLog): State {
  return { entries: everything(log), hardState: log.initialState().hardState };
}

/**
 * The log against a plain array, through crashes at any moment: after each restart it holds a state that some prefix of the appends
 * made, at least the last acknowledged one.
 */
function runSchedule(seed: number): void {
  const random = new SeededRandom(seed);
  const target = bench(seed);
  /** What each append of the life before led to, and the last of them that was acknowledged. */
  let before: { states: State[]; acknowledged: number } | undefined;
  for (let life = 0; life < 6; life++) {
    const log = target.open({ bootstrap: life === 0, segmentBytes: 4096, windowBytes: random.pick([0, 2000, 100_000]) });
    let state = stateOf(log);
    if (before !== undefined) {
      const acceptable = before.states.slice(before.acknowledged).filter((candidate) => describeState(candidate) === describeState(state));
      expect(acceptable.length, `seed ${seed}, life ${life}: ${describeState(state)}`).toBeGreaterThan(0);
      expect(state.hardState.commit, `seed ${seed}, life ${life}`).toBeLessThanOrEqual(acceptable.at(-1)!.hardState.commit);
    }
    const now = { states: [state], acknowledged: 0 };
    for (let turn = random.integer(0, 60); turn > 0; turn--) {
      const { entries, hardState } = state;
      const replacing = random.chance(0.15) && entries.length > hardState.commit;
      const from = replacing ? random.integer(hardState.commit + 1, entries.length) : entries.length + 1;
      const term = replacing || random.chance(0.1) || hardState.term === 0 ? hardState.term + 1 : hardState.term;
      const added = Array.from({ length: random.integer(0, 3) }, (_, at) => entry(from + at, term, random.integer(0, 900)));
      const kept = added.length > 0 ? [...entries.slice(0, from - 1), ...added] : entries;
      state = { entries: kept, hardState: { term, vote: random.integer(0, 3), commit: random.integer(hardState.commit, kept.length) } };
      const position = now.states.push(state) - 1;
      log.append({ entries: added, hardState: state.hardState }, (error) => {
        expect(error).toBeNull();
        now.acknowledged = position;
      });
      while (random.chance(0.4)) target.queue.step();
    }
    expect(describeState(stateOf(log))).toBe(describeState(state));
    target.crash();
    before = now;
  }
}

it("keeps what it acknowledged through any crash, and nothing that was never appended", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 0x7fffffff }), runSchedule), { numRuns: 200 });
});
