import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DataDir, openDataDir } from "../../src/adapters/store/data-dir.ts";
import { lockDataDir } from "../../src/adapters/store/data-dir-lock.ts";
import type { Identity } from "../../src/adapters/store/identity.ts";
import { NodeDisk } from "../../src/adapters/store/wal-disk-node.ts";
import { readLog } from "../../src/adapters/store/wal-reader.ts";
import { CONF_STATE, entry } from "./wal-fixture.ts";

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "triad data ")), "node");
});
afterEach(() => {
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

const identity: Identity = { cluster: "blue", node: "7d1f", raftId: 2, confState: CONF_STATE };

function open(options: { cluster?: string; node?: string; bootstrap?: Identity } = {}): DataDir {
  return openDataDir({
    folder,
    disk: new NodeDisk(),
    cluster: options.cluster ?? "blue",
    ...(options.node !== undefined && { node: options.node }),
    bootstrap: options.bootstrap,
    segmentBytes: 64 * 1024,
    monotonicMs: () => performance.now(),
    onFatal: (error) => {
      throw error;
    },
  });
}

function appendAll(dir: DataDir, count: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    for (let index = 1; index <= count; index++) {
      const done = (error: Error | null): void => {
        if (error !== null) reject(error);
        else if (index === count) resolve();
      };
      dir.log.append({ entries: [entry(index, 1, bytes)], hardState: { term: 1, vote: 2, commit: index - 1 } }, done);
    }
  });
}

describe("a data folder", () => {
  it("keeps identity and log over a restart, on the real disk, over several segments", async () => {
    const first = open({ bootstrap: identity });
    await appendAll(first, 300, 1000);
    await first.close();
    const again = open();
    expect(again.identity).toEqual(identity);
    expect(again.log.lastIndex()).toBe(300);
    expect(again.log.initialState()).toEqual({ hardState: { term: 1, vote: 2, commit: 299 }, confState: CONF_STATE });
    await again.close();
    expect([...readLog(join(folder, "log")).entries()]).toEqual(Array.from({ length: 300 }, (_, at) => entry(at + 1, 1, 1000)));
    expect(readdirSync(join(folder, "log")).filter((name) => name.endsWith(".log")).length).toBeGreaterThan(1);
  });

  it("is refused to another cluster and to another node", async () => {
    await open({ bootstrap: identity }).close();
    expect(() => open({ cluster: "green" })).toThrow(
      expect.objectContaining({ code: "TRIAD_DATA_DIR_FOREIGN", message: expect.stringContaining("blue") }),
    );
    expect(() => open({ node: "another" })).toThrow(expect.objectContaining({ code: "TRIAD_DATA_DIR_FOREIGN" }));
    await open({ node: identity.node }).close();
  });

  it("is not taken for new when it is empty, and not when part of it is lost, bootstrap or not", async () => {
    expect(() => open()).toThrow(expect.objectContaining({ code: "TRIAD_STORE_EMPTY" }));
    const dir = open({ bootstrap: identity });
    await appendAll(dir, 3, 10);
    await dir.close();
    unlinkSync(join(folder, "identity.json"));
    expect(() => open()).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
    expect(() => open({ bootstrap: identity })).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
  });

  it("without its log is a loss, also with --bootstrap", async () => {
    await open({ bootstrap: identity }).close();
    rmSync(join(folder, "log"), { recursive: true });
    expect(() => open({ bootstrap: identity })).toThrow(expect.objectContaining({ code: "TRIAD_STORE_EMPTY" }));
  });

  it("goes on with a bootstrap that was cut off between log and identity", async () => {
    await open({ bootstrap: identity }).close();
    unlinkSync(join(folder, "identity.json"));
    await open({ bootstrap: identity }).close();
    expect(open().identity).toEqual(identity);
  });

  it("says what is wrong with a damaged identity", async () => {
    await open({ bootstrap: identity }).close();
    writeFileSync(join(folder, "identity.json"), '{"format":1,"cluster":"blue"}');
    expect(() => open()).toThrow(expect.objectContaining({ code: "TRIAD_STORE_CORRUPT" }));
  });
});

describe("the folder's lock", () => {
  const holders: ChildProcess[] = [];
  afterEach(async () => {
    for (const holder of holders.splice(0)) {
      if (holder.exitCode !== null || holder.signalCode !== null) continue;
      holder.kill("SIGKILL");
      await once(holder, "exit");
    }
  });

  async function hold(): Promise<ChildProcess> {
    const holder = spawn(process.execPath, [join(import.meta.dirname, "fixtures", "lock-holder.ts"), folder], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    holders.push(holder);
    await once(holder.stdout!, "data");
    return holder;
  }

  it("keeps a second process out, and names the first", async () => {
    const holder = await hold();
    expect(() => open({ bootstrap: identity })).toThrow(
      expect.objectContaining({ code: "TRIAD_DATA_DIR_LOCKED", message: expect.stringContaining(`pid ${holder.pid}`) }),
    );
  });

  it("of a process that was killed -9 blocks nobody and is cleared away", async () => {
    const holder = await hold();
    holder.kill("SIGKILL");
    await once(holder, "exit");
    const dir = open({ bootstrap: identity });
    expect(readdirSync(folder).filter((name) => name.startsWith("lock-"))).toHaveLength(1);
    await dir.close();
    expect(readdirSync(folder).filter((name) => name.startsWith("lock-"))).toHaveLength(0);
  });

  it("of a process whose pid someone else has now blocks nobody", () => {
    lockDataDir(folder).release();
    writeFileSync(join(folder, "lock-1-1.json"), JSON.stringify({ pid: 1, startTime: "not when pid 1 began", boot: "" }));
    lockDataDir(folder).release();
  });

  it("is held once in a process, and free after release", () => {
    const lock = lockDataDir(folder);
    expect(() => lockDataDir(folder)).toThrow(expect.objectContaining({ code: "TRIAD_DATA_DIR_LOCKED" }));
    lock.release();
    lockDataDir(folder).release();
  });

  it("is never held by two of many that ask at once", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, [join(import.meta.dirname, "fixtures", "lock-holder.ts"), folder], {
          stdio: ["pipe", "pipe", "ignore"],
        });
        holders.push(child);
        return Promise.race([once(child.stdout!, "data").then(() => "held"), once(child, "exit").then(() => "refused")]);
      }),
    );
    expect(outcomes.filter((outcome) => outcome === "held").length).toBeLessThanOrEqual(1);
  });
});
