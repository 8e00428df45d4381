/** The log's other end: files that go, and a log that begins anew, with power cuts at every moment of it. */
import { describe, expect, it } from "vitest";
import { readLog } from "../../src/adapters/store/wal-reader.ts";
import type { Snapshot } from "../../src/core/raft/types.ts";
import { append, bench, CONF_STATE, entry, everything, FOLDER, settle } from "../wal/wal-fixture.ts";

const SEGMENT_BYTES = 4096;
const SMALL = { segmentBytes: SEGMENT_BYTES, windowBytes: 0 };
const all = (upTo: number) => ({ upTo, tailEntries: 0, tailBytes: 0 });
const at = (index: number, term: number): Snapshot => ({ index, term, confState: CONF_STATE, data: new Uint8Array(0) });

type Bench = ReturnType<typeof bench>;
const files = ({ disk }: Bench): number => disk.paths().filter((path) => path.endsWith(".log")).length;
const range = (from: number, to: number, term = 1) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term, 500));

function reopened(target: Bench): ReturnType<Bench["open"]> {
  target.crash();
  return target.open(SMALL);
}

function fill(target: Bench, log: ReturnType<Bench["open"]>, from: number, to: number, term = 1): void {
  for (const one of range(from, to, term)) {
    append(log, [one], { term, vote: 1, commit: one.index - 1 });
    settle(target.queue);
  }
}

describe("a log that is cut", () => {
  it("has what was asked to be left, before and after it is opened again", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    fill(target, log, 1, 100);
    const before = files(target);
    const base = log.cut(all(60))!;
    expect(base).toBeGreaterThan(50);
    expect(base).toBeLessThanOrEqual(60);
    settle(target.queue);
    expect(files(target)).toBeLessThan(before / 2 + 1);
    for (const open of [() => log, () => reopened(target)]) {
      const found = open();
      expect(found.firstIndex()).toBe(base + 1);
      expect(found.term(base)).toBe(1);
      expect(() => found.term(base - 1)).toThrow(/compacted/);
      expect(() => found.entries(base, base + 2, 1e6)).toThrow(/compacted/);
      expect(everything(found)).toEqual(range(base + 1, 100));
      expect(found.initialState().hardState).toMatchObject({ term: 1, vote: 1 });
    }
    expect([...readLog(FOLDER, target.disk).entries()]).toEqual(range(base + 1, 100));
  });

  it("keeps the tail, in entries and in bytes, and whatever is not below the asked index", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    fill(target, log, 1, 100);
    expect(log.cut({ upTo: 100, tailEntries: 200, tailBytes: 0 })).toBeUndefined();
    expect(log.cut({ upTo: 100, tailEntries: 0, tailBytes: 1e9 })).toBeUndefined();
    expect(log.cut(all(3))).toBeUndefined();
    expect(log.cut({ upTo: 100, tailEntries: 40, tailBytes: 0 })!).toBeLessThanOrEqual(60);
    settle(target.queue);
    expect(log.cut({ upTo: 100, tailEntries: 0, tailBytes: 5 * SEGMENT_BYTES })!).toBeLessThan(90);
  });

  it("is bounded on disk under a load without end", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    let most = 0;
    for (let index = 1; index <= 3_000; index++) {
      append(log, [entry(index, 1, 500)], { term: 1, vote: 1, commit: index - 1 });
      settle(target.queue);
      if (index % 20 === 0) log.cut({ upTo: index - 5, tailEntries: 30, tailBytes: 2 * SEGMENT_BYTES });
      most = Math.max(most, files(target));
    }
    settle(target.queue);
    expect(most).toBeLessThan(14);
    expect(log.bytes).toBe(files(target) * SEGMENT_BYTES);
    target.crash();
    expect(target.open(SMALL).lastIndex()).toBeGreaterThanOrEqual(2_999);
  });

  it("comes back whole from a power cut at every moment of a cut", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const target = bench(seed);
      const log = target.open({ bootstrap: true, ...SMALL });
      fill(target, log, 1, 60);
      log.cut(all(30 + (seed % 20)));
      for (let step = 0; step < seed % 5; step++) target.queue.step();
      target.crash();
      const again = target.open(SMALL);
      expect(everything(again), `seed ${seed}`).toEqual(range(again.firstIndex(), 60));
      expect(again.initialState().hardState, `seed ${seed}`).toMatchObject({ term: 1, vote: 1 });
      append(again, [entry(61, 2, 500)], { term: 2, vote: 3, commit: 60 });
      settle(target.queue);
      target.crash();
      expect(target.open(SMALL).lastIndex(), `seed ${seed}`).toBe(61);
    }
  });

  it("takes no cut through a head that later entries were taken back over", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    fill(target, log, 1, 10);
    append(log, range(11, 30), { term: 1, vote: 1, commit: 10 });
    settle(target.queue);
    append(log, range(11, 60, 2), { term: 2, vote: 2, commit: 10 });
    settle(target.queue);
    append(log, range(61, 90, 2), { term: 2, vote: 2, commit: 90 });
    settle(target.queue);
    const base = log.cut(all(25));
    settle(target.queue);
    target.crash();
    const again = target.open(SMALL);
    expect(again.firstIndex()).toBe((base ?? 0) + 1);
    expect(everything(again)).toEqual([...range(1, 10), ...range(11, 90, 2)].slice(base ?? 0));
  });

  it("refuses a first file that is missing, though the log was cut before", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    fill(target, log, 1, 60);
    log.cut(all(30));
    settle(target.queue);
    target.crash();
    const first = target.disk.paths().find((path) => path.endsWith(".log"))!;
    target.disk.lose(first);
    expect(() => target.open(SMALL)).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
  });

  it("refuses an applied state that ends before the log begins, and says what to do", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    fill(target, log, 1, 60);
    const base = log.cut(all(30))!;
    expect(() => log.noteApplied(base - 1)).toThrow(
      expect.objectContaining({ code: "TRIAD_STORE_CORRUPT", message: expect.stringContaining("replace this coordinator") }),
    );
    log.noteApplied(base);
  });
});

describe("a log that begins anew after a snapshot", () => {
  it("holds nothing of before, goes on after it, and is so again after a crash", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    fill(target, log, 1, 40);
    append(log, [entry(41, 1, 500)]);
    log.append({ entries: [], snapshot: at(500, 3), hardState: { term: 4, vote: 0, commit: 500 } }, () => undefined);
    append(log, range(501, 520, 4));
    settle(target.queue);
    for (const open of [() => log, () => reopened(target)]) {
      const found = open();
      expect([found.firstIndex(), found.lastIndex(), found.term(500)]).toEqual([501, 520, 3]);
      expect(everything(found)).toEqual(range(501, 520, 4));
      expect(found.initialState()).toEqual({ hardState: { term: 4, vote: 0, commit: 500 }, confState: CONF_STATE });
    }
    expect(files(target)).toBeLessThan(6);
  });

  it("is the old log or the new one, whenever the power is cut", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const target = bench(seed);
      const log = target.open({ bootstrap: true, ...SMALL });
      fill(target, log, 1, 40);
      let told = false;
      log.append({ entries: range(501, 503, 4), snapshot: at(500, 3), hardState: { term: 4, vote: 2, commit: 500 } }, () => {
        told = true;
      });
      for (let step = 0; step < seed % 4; step++) target.queue.step();
      const wasTold = told;
      target.crash();
      const again = target.open(SMALL);
      const isNew = again.firstIndex() === 501;
      if (wasTold) expect(isNew, `seed ${seed}`).toBe(true);
      expect(everything(again), `seed ${seed}`).toEqual(isNew ? range(501, 503, 4) : range(1, 40));
      expect(again.initialState().hardState.term, `seed ${seed}`).toBe(isNew ? 4 : 1);
    }
  });

  it("keeps a membership that is not the folder's first, also when the files that told of it are cut", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    const confState = { ...CONF_STATE, voters: [1, 2, 4] };
    log.append({ entries: [], snapshot: { ...at(500, 3), confState }, hardState: { term: 4, vote: 0, commit: 500 } }, () => undefined);
    settle(target.queue);
    fill(target, log, 501, 560, 4);
    expect(log.cut(all(540))).toBeGreaterThan(501);
    settle(target.queue);
    target.crash();
    expect(target.open(SMALL).initialState().confState).toEqual(confState);
  });

  it("refuses a snapshot that is older than what is committed", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, ...SMALL });
    fill(target, log, 1, 10);
    expect(() => log.append({ entries: [], snapshot: at(5, 1) }, () => undefined)).toThrow(/not newer/);
  });
});
