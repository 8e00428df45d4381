import { describe, expect, it } from "vitest";
import { recordBytes } from "../../src/adapters/store/wal-record.ts";
import { append, bench, entry, everything, FIRST_SEGMENT, FOLDER, filled, SECOND_SEGMENT, settle } from "./wal-fixture.ts";

/** Header record, hard state and mark of the first batch; then entry, hard state and mark for each that `filled` writes. */
const FIRST_BATCH_BYTES = recordBytes(16) + recordBytes(8) + recordBytes(0);
const BATCH_BYTES = recordBytes(8) + recordBytes(8) + recordBytes(0);
const batchOffset = (index: number): number => FIRST_BATCH_BYTES + (index - 1) * BATCH_BYTES;

describe("recovery cuts what nobody was told of", () => {
  it("cuts a record that was torn in the last batch, and goes on from there", () => {
    const target = bench();
    filled(target, 5);
    target.disk.flipByte(FIRST_SEGMENT, batchOffset(5) + 44);
    const log = target.open();
    expect(log.lastIndex()).toBe(4);
    expect(log.tailWasCut).toBe(true);
    append(log, [entry(5, 2)], { term: 2, vote: 2, commit: 4 });
    settle(target.queue);
    target.crash();
    const again = target.open();
    expect(everything(again).at(-1)).toEqual(entry(5, 2));
    expect(again.tailWasCut).toBe(false);
  });

  it("cuts a batch whose end mark never reached the disk", () => {
    const target = bench();
    filled(target, 3);
    const bytes = target.disk.contentOf(FIRST_SEGMENT);
    bytes.fill(0, batchOffset(4) - recordBytes(0));
    target.disk.put(FIRST_SEGMENT, bytes);
    expect(target.open().lastIndex()).toBe(2);
  });

  it("cuts at every byte at which the last batch can be torn, and never loses an earlier one", () => {
    for (let cut = batchOffset(3); cut < batchOffset(4); cut++) {
      const target = bench();
      filled(target, 3);
      const bytes = target.disk.contentOf(FIRST_SEGMENT);
      bytes.fill(0, cut);
      target.disk.put(FIRST_SEGMENT, bytes);
      const last = target.open().lastIndex();
      // The mark's own last bytes are the high ones of small numbers: zeros already, so a cut among them changes nothing.
      expect(last, `cut at ${cut}`).toBeGreaterThanOrEqual(2);
      if (cut < batchOffset(4) - recordBytes(0)) expect(last, `cut at ${cut}`).toBe(2);
    }
  });

  it("removes a segment that was opened for a batch that never became durable", () => {
    const target = bench();
    filled(target, 2);
    target.disk.put(SECOND_SEGMENT, new Uint8Array(16_384));
    const log = target.open();
    expect(log.lastIndex()).toBe(2);
    expect(target.disk.paths()).not.toContain(SECOND_SEGMENT);
  });

  it("ignores garbage in the unused space only where a later segment proves that nothing is missing", () => {
    const target = bench();
    filled(target, 60, { bytes: 600 });
    target.disk.flipByte(FIRST_SEGMENT, 16_384 - 8);
    expect(target.open().lastIndex()).toBe(60);
  });
});

describe("recovery refuses what was synced and is damaged", () => {
  const refusal = (damage: (target: ReturnType<typeof bench>) => void, options: { count?: number; bytes?: number } = {}): unknown => {
    const target = bench();
    filled(target, options.count ?? 6, options.bytes === undefined ? {} : { bytes: options.bytes });
    damage(target);
    try {
      target.open();
      return "opened";
    } catch (error) {
      return error;
    }
  };

  it("names file and place of a bit that flipped in an earlier batch, whichever it is", () => {
    for (let index = 1; index <= 5; index++) {
      for (const inside of [0, 4, 9, 12, 16, 30, 41, 47]) {
        const offset = batchOffset(index);
        const error = refusal(({ disk }) => disk.flipByte(FIRST_SEGMENT, offset + inside, 0x10));
        expect(error, `batch ${index} byte ${inside}`).toMatchObject({
          code: "TRIAD_STORE_CORRUPT",
          details: { file: FIRST_SEGMENT, offset },
        });
        expect(error).toMatchObject({ message: expect.stringContaining(`damaged at byte ${offset}`) });
      }
    }
  });

  it("refuses every single flipped byte before the last batch, padding excepted", () => {
    const target = bench();
    filled(target, 4);
    const end = batchOffset(4);
    for (let offset = 0; offset < end; offset++) {
      target.disk.flipByte(FIRST_SEGMENT, offset, 0x01);
      expect(() => target.open(), `byte ${offset}`).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
      target.disk.flipByte(FIRST_SEGMENT, offset, 0x01);
    }
    expect(target.open().lastIndex()).toBe(4);
  });

  it("refuses zeros where a sector was", () => {
    const error = refusal(({ disk }) => {
      const bytes = disk.contentOf(FIRST_SEGMENT);
      bytes.fill(0, batchOffset(2), batchOffset(3));
      disk.put(FIRST_SEGMENT, bytes);
    });
    expect(error).toMatchObject({ code: "TRIAD_STORE_CORRUPT" });
  });

  it("refuses a block that belongs elsewhere: a valid earlier batch in the place of a later one", () => {
    const error = refusal(({ disk }) => {
      const bytes = disk.contentOf(FIRST_SEGMENT);
      bytes.copyWithin(batchOffset(3), batchOffset(2), batchOffset(3));
      disk.put(FIRST_SEGMENT, bytes);
    });
    expect(error).toMatchObject({ code: "TRIAD_STORE_CORRUPT", message: expect.stringContaining("does not continue the log") });
  });

  it("refuses a stale block of another log with the same numbers", () => {
    const other = bench(2);
    const log = other.open({ bootstrap: true });
    for (let index = 1; index <= 6; index++) {
      append(log, [entry(index, 3)], { term: 3, vote: 2, commit: 0 });
      settle(other.queue);
    }
    const stale = other.disk.contentOf(FIRST_SEGMENT).subarray(batchOffset(3), batchOffset(4));
    const error = refusal(({ disk }) => {
      const bytes = disk.contentOf(FIRST_SEGMENT);
      bytes.set(stale, batchOffset(3));
      disk.put(FIRST_SEGMENT, bytes);
    });
    expect(error).toMatchObject({ code: "TRIAD_STORE_CORRUPT" });
  });

  it("refuses a missing or exchanged segment", () => {
    const options = { count: 80, bytes: 600 };
    expect(refusal(({ disk }) => disk.lose(FIRST_SEGMENT), options)).toMatchObject({ code: "TRIAD_STORE_CORRUPT" });
    expect(refusal(({ disk }) => disk.lose(SECOND_SEGMENT), options)).toMatchObject({ code: "TRIAD_STORE_CORRUPT" });
    const exchanged = refusal(({ disk }) => disk.put(SECOND_SEGMENT, disk.contentOf(FIRST_SEGMENT)), options);
    expect(exchanged).toMatchObject({ code: "TRIAD_STORE_CORRUPT" });
  });

  it("refuses a log that ends before what was applied from it", () => {
    const target = bench();
    filled(target, 3);
    const log = target.open();
    expect(() => log.noteApplied(4)).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
    log.noteApplied(3);
    expect(log.initialState().hardState.commit).toBe(3);
  });

  it("refuses an empty folder unless it is to bootstrap", () => {
    expect(() => bench().open()).toThrow(expect.objectContaining({ code: "TRIAD_STORE_EMPTY", message: expect.stringContaining(FOLDER) }));
    expect(bench().open({ bootstrap: true }).pristine).toBe(true);
  });
});
