/** One state takes the place of another: whatever moment a crash takes, the start that follows finds the old one or the new one, whole. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeCanonical } from "@triad/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nextStateFolder, promoteState, settleState, stageState, stateFolder } from "../../src/adapters/store/state-folder.ts";
import { readAppliedMark, StateStore } from "../../src/adapters/store/state-store.ts";
import type { StateRecord } from "../../src/core/state/records.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "triad state "));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const fail = (error: Error): never => {
  throw error;
};

/** Writes records at each index from `from` to `to`. */
function apply(store: StateStore, from: number, to: number): void {
  for (let index = from; index <= to; index++) {
    const record = { value: index } as unknown as StateRecord;
    const key = `fact/c/${index % 50}`;
    store.commit(new Map([[key, record]]), new Map([[key, encodeCanonical({ value: index })]]), { index, term: 1, stateHash: `h${index}` });
  }
}

async function make(folder: string, index: number): Promise<void> {
  const store = StateStore.open(folder, fail);
  apply(store, 1, index);
  await store.close();
}

const remains = (): readonly string[] => readdirSync(dir).filter((name) => name.startsWith("state"));

describe("a state that takes another's place", () => {
  it.each([
    ["before the log begins anew: the old state stays", 0, 10],
    ["after it, before any rename: the new one", 100, 100],
  ])("%s", async (_, logBase, expected) => {
    await make(stateFolder(dir), 10);
    await make(join(dir, "in"), 100);
    stageState(dir, join(dir, "in"));
    settleState(dir, logBase);
    expect(readAppliedMark(stateFolder(dir))?.index).toBe(expected);
    expect(remains()).toEqual(["state"]);
  });

  it("between the two renames: the new one", async () => {
    await make(stateFolder(dir), 10);
    await make(nextStateFolder(dir), 100);
    renameSync(stateFolder(dir), join(dir, "state.old"));
    settleState(dir, 100);
    expect(readAppliedMark(stateFolder(dir))?.index).toBe(100);
    expect(remains()).toEqual(["state"]);
  });

  it("after both, before the old one is removed: the new one", async () => {
    await make(stateFolder(dir), 100);
    await make(join(dir, "state.old"), 10);
    settleState(dir, 100);
    expect(remains()).toEqual(["state"]);
  });

  it("is refused where the state ends before the log begins and nothing else is there", async () => {
    expect(() => settleState(dir, 50)).toThrow(
      expect.objectContaining({ code: "TRIAD_STORE_CORRUPT", message: expect.stringContaining("the others go on") }),
    );
    await make(stateFolder(dir), 49);
    expect(() => settleState(dir, 50)).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
    await make(nextStateFolder(dir), 40);
    expect(() => settleState(dir, 50)).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
    settleState(dir, 49);
  });

  it("is refused where its file is garbage", async () => {
    await make(stateFolder(dir), 10);
    writeFileSync(join(stateFolder(dir), "data.mdb"), Buffer.alloc(64 * 1024, 0x5a));
    expect(() => settleState(dir, 0)).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
  });

  it("is read at once by whoever holds the store, and stays after the files moved", async () => {
    await make(stateFolder(dir), 10);
    const store = StateStore.open(stateFolder(dir), fail);
    apply(store, 11, 20);
    await make(join(dir, "in"), 100);
    stageState(dir, join(dir, "in"));
    expect(store.list("fact/c/").size).toBeGreaterThan(0);
    let seen = 0;
    await store.replaceBy(nextStateFolder(dir), () => {
      seen = store.applied.index;
    });
    promoteState(dir);
    expect([seen, store.durableIndex]).toEqual([100, 100]);
    expect(store.get("fact/c/0")).toEqual({ value: 100 });
    apply(store, 101, 130);
    await store.close();
    expect(readAppliedMark(stateFolder(dir))?.index).toBe(130);
    expect(remains()).toEqual(["state"]);
  });
});

describe("a copy of the state", () => {
  it("is of one applied index, while applying goes on", async () => {
    const store = StateStore.open(stateFolder(dir), fail);
    let index = 500;
    apply(store, 1, index);
    await store.flush();
    let applying = true;
    const work = (async () => {
      while (applying) {
        apply(store, index + 1, index + 20);
        index += 20;
        await store.flush();
      }
    })();
    for (const round of [1, 2, 3]) {
      const folder = join(dir, `copy${round}`);
      mkdirSync(folder);
      const mark = await store.copyTo(folder);
      expect(mark.index).toBeGreaterThan(0);
      const copy = StateStore.open(folder, fail);
      // Each of the fifty facts is the last one written at or before the copy's index, or it is a mixture.
      for (const [key, record] of copy.list("fact/c/")) {
        const slot = Number(key.split("/").at(-1));
        const last = mark.index - ((((mark.index - slot) % 50) + 50) % 50);
        expect((record as unknown as { value: number }).value).toBe(last);
      }
      await copy.close();
    }
    applying = false;
    await work;
    expect(store.durableIndex).toBeLessThanOrEqual(store.applied.index);
    await store.flush();
    expect(store.durableIndex).toBe(store.applied.index);
    await store.close();
    expect(existsSync(stateFolder(dir))).toBe(true);
    cpSync(stateFolder(dir), join(dir, "again"), { recursive: true });
    expect(readAppliedMark(join(dir, "again"))?.index).toBe(index);
  });
});
