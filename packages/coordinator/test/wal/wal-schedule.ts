/** One seeded life story of the log alone: appends, crashes at any moment, restarts. */
import { SeededRandom } from "@triad/testkit";
import type { WriteAheadLog } from "../../src/adapters/store/wal.ts";
import type { Entry, HardState } from "../../src/core/raft/types.ts";
import { type Bench, bench, entry, everything } from "./wal-fixture.ts";

export class WalViolation extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = "WalViolation";
  }
}

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

function open(target: Bench, life: number, windowBytes: number): WriteAheadLog {
  try {
    return target.open({ bootstrap: life === 0, segmentBytes: 4096, windowBytes });
  } catch (error) {
    throw new WalViolation(`life ${life}: the log refuses its own folder after a crash: ${String(error)}`);
  }
}

/**
 * The log against a plain array, through crashes at any moment: after each restart it holds a state that some prefix of the appends
 * made, at least the last acknowledged one.
 */
export function runWalSchedule(seed: number): void {
  const random = new SeededRandom(seed);
  const target = bench(seed);
  /** What each append of the life before led to, and the last of them that was acknowledged. */
  let before: { states: State[]; acknowledged: number } | undefined;
  for (let life = 0; life < 5; life++) {
    const log = open(target, life, random.pick([0, 2000, 100_000]));
    let state = stateOf(log);
    if (before !== undefined) {
      const found = describeState(state);
      const isSame = (candidate: State): boolean => candidate.entries.length === state.entries.length && describeState(candidate) === found;
      const same = before.states.slice(before.acknowledged).findLast(isSame);
      if (same === undefined) throw new WalViolation(`seed ${seed}, life ${life}: came back as no acceptable append left it`);
      if (state.hardState.commit > same.hardState.commit) throw new WalViolation(`seed ${seed}, life ${life}: commit index from nowhere`);
    }
    const now = { states: [state], acknowledged: 0 };
    for (let turn = random.integer(0, 40); turn > 0; turn--) {
      const { entries, hardState } = state;
      const replacing = random.chance(0.15) && entries.length > hardState.commit;
      const from = replacing ? random.integer(hardState.commit + 1, entries.length) : entries.length + 1;
      const term = replacing || random.chance(0.1) || hardState.term === 0 ? hardState.term + 1 : hardState.term;
      const added = Array.from({ length: random.integer(0, 3) }, (_, at) => entry(from + at, term, random.integer(0, 600)));
      const kept = added.length > 0 ? [...entries.slice(0, from - 1), ...added] : entries;
      state = { entries: kept, hardState: { term, vote: random.integer(0, 3), commit: random.integer(hardState.commit, kept.length) } };
      const position = now.states.push(state) - 1;
      log.append({ entries: added, hardState: state.hardState }, (error) => {
        if (error !== null) throw error;
        now.acknowledged = position;
      });
      while (random.chance(0.4)) target.queue.step();
    }
    if (describeState(stateOf(log)) !== describeState(state))
      throw new WalViolation(`seed ${seed}, life ${life}: reads differ from what was appended`);
    if (random.chance(0.3)) target.kill();
    else target.crash();
    before = now;
  }
}
