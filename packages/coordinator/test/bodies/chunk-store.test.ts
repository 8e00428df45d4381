/** The chunks' files on a disk that crashes: what was acknowledged is there and whole, whatever else is left. */
import { EventQueue, SeededRandom, VirtualDisk, VirtualProcess } from "@triad/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkStore, NoRoomError } from "../../src/adapters/store/chunk-store.ts";
import { sha256 } from "../state/memory-state.ts";

const FOLDER = "/node/chunks";

const chunkOf = (n: number): Uint8Array => Uint8Array.from({ length: 700 + n * 211 }, (_, i) => (i * 31 + n * 17) & 0xff);
const pathOf = (hash: string): string => `${FOLDER}/${hash.slice(0, 2)}/${hash}`;

function bench(seed: number) {
  const queue = new EventQueue();
  const disk = new VirtualDisk({ queue, random: new SeededRandom(seed) });
  let process = new VirtualProcess();
  const open = (): ChunkStore => {
    process = new VirtualProcess();
    disk.owner = process;
    return new ChunkStore({ disk, folder: FOLDER, sha256 });
  };
  const crash = (): void => {
    process.kill();
    disk.crash();
  };
  return { queue, disk, open, crash, kill: () => process.kill() };
}

/** Lets the disk finish what it was asked, and promises with it. */
async function settle(queue: EventQueue, steps = Number.POSITIVE_INFINITY): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!queue.step()) break;
  }
  await new Promise((resolve) => setImmediate(resolve));
}

describe("the store of chunks", () => {
  it("keeps what it acknowledged over a crash at any point, and passes on nothing that is not whole", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1e9 }),
        fc.array(fc.record({ chunk: fc.nat(5), steps: fc.nat(3) }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(11), { maxLength: 3 }),
        async (seed, writes, crashes) => {
          const { queue, disk, open, crash } = bench(seed);
          let store = open();
          const acknowledged = new Set<string>();
          for (const [i, { chunk, steps }] of writes.entries()) {
            const bytes = chunkOf(chunk);
            const hash = sha256(bytes);
            void store.write(hash, bytes).then(() => acknowledged.add(hash));
            await settle(queue, steps);
            if (!crashes.includes(i)) continue;
            crash();
            store = open();
            for (const known of acknowledged) expect(store.read(known).kind).toBe("whole");
            for (let n = 0; n <= 5; n++) expect(store.read(sha256(chunkOf(n))).kind).not.toBe("damaged");
          }
          await settle(queue);
          for (let n = 0; n <= 5; n++) store.list(sha256(chunkOf(n)).slice(0, 2));
          // Looking through the folders has removed what interrupted writes left.
          const leftovers = disk.paths().filter((path) => !/\/[0-9a-f]{64}$/.test(path));
          expect(leftovers).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("acknowledges a chunk that is there already only after a flush of its own: the process that wrote it may have died before", async () => {
    const { queue, disk, open, kill, crash } = bench(1);
    const bytes = chunkOf(1);
    const hash = sha256(bytes);
    const first = open();
    void first.write(hash, bytes);
    await settle(queue);
    expect(first.read(hash).kind).toBe("whole");
    kill();
    const before = disk.flushes;
    const second = open();
    const written = second.write(hash, bytes);
    await settle(queue);
    await written;
    expect(disk.flushes).toBe(before + 1);
    crash();
    expect(open().read(hash)).toMatchObject({ kind: "whole" });
  });

  it("takes a damaged file for one that is not there, and replaces it when the chunk is stored again", async () => {
    const { queue, disk, open } = bench(2);
    const store = open();
    const bytes = chunkOf(2);
    const hash = sha256(bytes);
    const write = async (): Promise<void> => {
      const written = store.write(hash, bytes);
      await settle(queue);
      await written;
    };
    expect(store.read(hash)).toEqual({ kind: "missing" });
    await write();
    for (const damage of [
      () => disk.flipByte(pathOf(hash), 5),
      () => disk.put(pathOf(hash), bytes.slice(1)),
      () => disk.put(pathOf(hash), new Uint8Array(0)),
    ]) {
      damage();
      expect(store.read(hash)).toEqual({ kind: "damaged" });
      await write();
      expect(store.read(hash)).toEqual({ kind: "whole", bytes });
    }
    store.remove(hash);
    expect(store.read(hash)).toEqual({ kind: "missing" });
    store.remove(hash);
  });

  it("leaves nothing behind where there is no room, and says so; other refusals of the disk are told as they are", async () => {
    const { queue, disk, open } = bench(3);
    const store = open();
    const bytes = chunkOf(3);
    disk.writeError = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    await expect(store.write(sha256(bytes), bytes)).rejects.toBeInstanceOf(NoRoomError);
    expect(disk.paths()).toEqual([]);
    disk.writeError = Object.assign(new Error("input/output error"), { code: "EIO" });
    await expect(store.write(sha256(bytes), bytes)).rejects.toMatchObject({ code: "EIO" });
    disk.writeError = undefined;
    disk.flushFailure = 1;
    const failing = expect(store.write(sha256(bytes), bytes)).rejects.toThrow("EIO");
    await settle(queue);
    await failing;
    expect(store.read(sha256(bytes))).toEqual({ kind: "missing" });
  });
});
