import { describe, expect, it } from "vitest";
import { readLog } from "../../src/adapters/store/wal-reader.ts";
import { append, bench, entry, everything, FOLDER, filled, settle } from "./wal-fixture.ts";

describe("the log appends", () => {
  it("tells nobody before the flush has ended, and then in order", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    const order: number[] = [];
    for (const index of [1, 2, 3])
      log.append({ entries: [entry(index, 1)], hardState: { term: 1, vote: 1, commit: 0 } }, () => order.push(index));
    expect(order).toEqual([]);
    settle(target.queue);
    expect(order).toEqual([1, 2, 3]);
  });

  it("makes one write and one flush of whatever gathers during a flush", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    const before = target.disk.flushes;
    for (let index = 1; index <= 50; index++) append(log, [entry(index, 1)], { term: 1, vote: 1, commit: 0 });
    settle(target.queue);
    expect(target.disk.flushes - before).toBe(2);
  });

  it("spends no flush on a commit index alone, but writes it with the next batch", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    append(log, [entry(1, 1)], { term: 1, vote: 1, commit: 0 });
    settle(target.queue);
    const before = target.disk.flushes;
    expect(append(log, [], { term: 1, vote: 1, commit: 1 }).done).toBe(true);
    settle(target.queue);
    expect(target.disk.flushes).toBe(before);
    append(log, [entry(2, 1)]);
    settle(target.queue);
    target.crash();
    expect(target.open().initialState().hardState).toEqual({ term: 1, vote: 1, commit: 1 });
  });

  it("answers a batch without content only when what came before it is durable", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    const first = append(log, [entry(1, 1)], { term: 1, vote: 1, commit: 0 });
    const barrier = append(log, [], { term: 1, vote: 1, commit: 1 });
    expect([first.done, barrier.done]).toEqual([false, false]);
    settle(target.queue);
    expect([first.done, barrier.done]).toEqual([true, true]);
  });

  it("flushes a vote", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    const vote = append(log, [], { term: 7, vote: 3, commit: 0 });
    expect(vote.done).toBe(false);
    settle(target.queue);
    target.crash();
    expect(target.open().initialState().hardState).toEqual({ term: 7, vote: 3, commit: 0 });
  });

  it("reads back what lies far behind the window in memory, across segments, with a byte budget", () => {
    const target = bench();
    filled(target, 300, { bytes: 500 });
    const log = target.open();
    expect(log.lastIndex()).toBe(300);
    expect(everything(log)).toEqual(Array.from({ length: 300 }, (_, at) => entry(at + 1, 1, 500)));
    expect(log.entries(10, 200, 1200)).toEqual([entry(10, 1, 500), entry(11, 1, 500)]);
    expect(log.entries(10, 11, 1)).toEqual([entry(10, 1, 500)]);
    expect(target.disk.paths().filter((path) => path.endsWith(".log")).length).toBeGreaterThan(5);
  });

  it("takes a batch larger than a segment", () => {
    const target = bench();
    const log = target.open({ bootstrap: true, segmentBytes: 4096 });
    append(log, [entry(1, 1, 20_000), entry(2, 1, 30_000)], { term: 1, vote: 1, commit: 0 });
    append(log, [entry(3, 1, 9)]);
    settle(target.queue);
    target.crash();
    expect(everything(target.open())).toEqual([entry(1, 1, 20_000), entry(2, 1, 30_000), entry(3, 1, 9)]);
  });

  it("replaces a conflicting tail, in memory and on disk", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    append(
      log,
      [1, 2, 3, 4, 5].map((index) => entry(index, 1, 900)),
      { term: 1, vote: 1, commit: 2 },
    );
    settle(target.queue);
    append(log, [entry(4, 2, 900)], { term: 2, vote: 0, commit: 2 });
    expect(log.lastIndex()).toBe(4);
    expect(log.term(4)).toBe(2);
    settle(target.queue);
    append(log, [entry(5, 3, 900), entry(6, 3, 900)], { term: 3, vote: 0, commit: 2 });
    settle(target.queue);
    const expected = [entry(1, 1, 900), entry(2, 1, 900), entry(3, 1, 900), entry(4, 2, 900), entry(5, 3, 900), entry(6, 3, 900)];
    expect(everything(log)).toEqual(expected);
    target.crash();
    const again = target.open({ windowBytes: 0 });
    expect(everything(again)).toEqual(expected);
    expect([3, 4, 5].map((index) => again.term(index))).toEqual([1, 2, 3]);
    expect([...readLog(FOLDER, target.disk).entries()]).toEqual(expected);
  });

  it("refuses to replace what is committed, or to leave a gap", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    append(log, [entry(1, 1), entry(2, 1)], { term: 1, vote: 1, commit: 0 });
    append(log, [], { term: 1, vote: 1, commit: 2 });
    expect(() => append(log, [entry(2, 2)])).toThrow(/committed/);
    expect(() => append(log, [entry(4, 2)])).toThrow(/does not follow/);
  });

  it("is poisoned by a failed flush: onFatal first, then everyone who waits, and never a success again", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    target.disk.flushFailure = 1;
    const first = append(log, [entry(1, 1)], { term: 1, vote: 1, commit: 0 });
    const second = append(log, [entry(2, 1)]);
    const seen: string[] = [];
    log.append({ entries: [entry(3, 1)] }, (error) => seen.push(`${target.fatal.length} fatal, ${error === null ? "told" : "failed"}`));
    settle(target.queue);
    target.disk.flushFailure = 0;
    expect(target.fatal).toHaveLength(1);
    expect(target.fatal[0]).toMatchObject({ code: "TRIAD_STORE_FAILED" });
    expect(seen).toEqual(["1 fatal, failed"]);
    const third = append(log, [entry(4, 1)]);
    settle(target.queue);
    for (const outcome of [first, second, third]) expect(outcome.error).toMatchObject({ code: "TRIAD_STORE_FAILED" });
  });

  it("is poisoned by a refused write, such as a full disk", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    const first = append(log, [entry(1, 1)], { term: 1, vote: 1, commit: 0 });
    settle(target.queue);
    target.disk.writeError = new Error("ENOSPC: no space left on device");
    const second = append(log, [entry(2, 1)]);
    target.disk.writeError = undefined;
    const third = append(log, [entry(3, 1)]);
    settle(target.queue);
    expect([first.error, second.error, third.error].map((error) => error?.message.includes("ENOSPC"))).toEqual([undefined, true, true]);
    expect(target.fatal).toHaveLength(1);
    target.crash();
    expect(target.open().lastIndex()).toBe(1);
  });

  it("prepares the next segment while it writes this one, and survives a crash in the middle of that", () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    for (let index = 1; index <= 10; index++) {
      append(log, [entry(index, 1, 900)], { term: 1, vote: 1, commit: index - 1 });
      settle(target.queue);
    }
    expect(target.disk.paths()).toContain(`${FOLDER}/wal-spare.tmp`);
    target.crash();
    const again = target.open();
    expect(again.lastIndex()).toBe(10);
    expect(target.disk.paths().filter((path) => path.endsWith(".tmp"))).toEqual([]);
  });

  it("closes when what was appended is durable, commit index included", async () => {
    const target = bench();
    const log = target.open({ bootstrap: true });
    append(log, [entry(1, 1)], { term: 1, vote: 1, commit: 0 });
    append(log, [], { term: 1, vote: 1, commit: 1 });
    const closed = log.close();
    settle(target.queue);
    await closed;
    target.crash();
    expect(target.open().initialState().hardState.commit).toBe(1);
  });
});
