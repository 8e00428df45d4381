/** Images of a real state as files: made from one store, received piece by piece into another folder, checked, and staged. */
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeCanonical } from "@triad/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodeClock } from "../../src/adapters/node-clock.ts";
import { StateInbox } from "../../src/adapters/store/image-inbox.ts";
import { StateImages } from "../../src/adapters/store/snapshot-images.ts";
import { nextStateFolder, stateFolder } from "../../src/adapters/store/state-folder.ts";
import { readAppliedMark, StateStore } from "../../src/adapters/store/state-store.ts";
import type { StateRecord } from "../../src/core/state/records.ts";
import type { SnapshotImage } from "../../src/services/snapshot/ports.ts";

const CONF_STATE = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const PIECE = 10_000;
let [sender, receiver] = ["", ""];
let store: StateStore;
let images: StateImages;
let firstIndex = 1;
const failures: Error[] = [];

const fail = (error: Error): never => {
  throw error;
};

beforeEach(async () => {
  [sender, receiver] = [mkdtempSync(join(tmpdir(), "triad out ")), mkdtempSync(join(tmpdir(), "triad in "))];
  store = StateStore.open(stateFolder(sender), fail);
  write(1, 400);
  await store.flush();
  firstIndex = 1;
  images = new StateImages({
    ...{ dataDir: sender, clock: new NodeClock(), membership: () => CONF_STATE, firstIndex: () => firstIndex },
    copyState: (folder) => store.copyTo(folder),
    failed: (error) => failures.push(error),
  });
});

afterEach(async () => {
  await images.close();
  await store.close();
  for (const folder of [sender, receiver]) rmSync(folder, { recursive: true, force: true });
  expect(failures.splice(0)).toEqual([]);
});

function write(from: number, to: number): void {
  for (let index = from; index <= to; index++) {
    const record = { text: "x".repeat(500), index };
    const key = `event/c/${index}`;
    const mark = { index, term: 2, stateHash: "h" };
    store.commit(new Map([[key, record as unknown as StateRecord]]), new Map([[key, encodeCanonical(record)]]), mark);
  }
}

async function madeImage(): Promise<SnapshotImage> {
  for (;;) {
    const latest = images.latest();
    const image = latest === undefined ? undefined : images.use(latest);
    if (image !== undefined) return image;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("an image of the state", () => {
  it("arrives in pieces, goes on after an interruption, and becomes the next state", async () => {
    const image = await madeImage();
    expect(image.snapshot).toMatchObject({ index: 400, term: 2, confState: CONF_STATE });
    const first = new StateInbox(receiver).open(image.digest, image.snapshot);
    for (let piece = 0; piece < 5; piece++) first.append(await image.read(first.offset, PIECE));
    first.close();
    // The process was another one; the file is the same.
    const inbox = new StateInbox(receiver);
    const incoming = inbox.open(image.digest, image.snapshot);
    expect(incoming.offset).toBe(5 * PIECE);
    while (incoming.offset < image.bytes)
      incoming.append(await image.read(incoming.offset, Math.min(PIECE, image.bytes - incoming.offset)));
    expect(await incoming.complete()).toBe(true);
    inbox.stage(image.snapshot);
    expect(readAppliedMark(nextStateFolder(receiver))).toEqual({ index: 400, term: 2, stateHash: "h" });
    const copy = StateStore.open(nextStateFolder(receiver), fail);
    expect([...copy.list("event/c/")]).toEqual([...store.list("event/c/")]);
    await copy.close();
  });

  it.each([
    ["one byte is another", (bytes: Uint8Array) => bytes.with(3, bytes[3]! ^ 1)],
    ["its end is missing", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 4_096)],
  ])("is refused, and nothing is left of it, where %s", async (_, damage) => {
    const image = await madeImage();
    const incoming = new StateInbox(receiver).open(image.digest, image.snapshot);
    incoming.append(damage(await image.read(0, image.bytes)));
    expect(await incoming.complete()).toBe(false);
    expect(readdirSync(join(receiver, "snapshot.in"))).toEqual([]);
  });

  it("is refused where it is of another place in the log than was said", async () => {
    const image = await madeImage();
    const inbox = new StateInbox(receiver);
    const incoming = inbox.open(image.digest, { ...image.snapshot, index: 399 });
    incoming.append(await image.read(0, image.bytes));
    expect(await incoming.complete()).toBe(false);
    expect(() => inbox.stage(image.snapshot)).toThrow(/not here/);
  });

  it("takes the place of what was here of another one", async () => {
    const image = await madeImage();
    const inbox = new StateInbox(receiver);
    const other = inbox.open(new Uint8Array(32), image.snapshot);
    other.append(new Uint8Array(100));
    other.close();
    expect(inbox.open(image.digest, image.snapshot).offset).toBe(0);
    expect(readdirSync(join(receiver, "snapshot.in"))).toHaveLength(1);
  });

  it("serves as long as the log reaches back to it; then a new one is made", async () => {
    const image = await madeImage();
    write(401, 450);
    await store.flush();
    firstIndex = 401;
    expect((await madeImage()).snapshot.index).toBe(image.snapshot.index);
    firstIndex = 402;
    expect(images.latest()).toBeUndefined();
    expect((await madeImage()).snapshot.index).toBe(450);
    expect(images.use(image.snapshot)).toBeUndefined();
    await images.close();
    expect(existsSync(join(sender, "snapshot.out"))).toBe(false);
  });

  it("that was cut short on disk is no end of the sender", async () => {
    const image = await madeImage();
    truncateSync(join(sender, "snapshot.out", "data.mdb"), 4_096);
    await expect(image.read(image.bytes - 100, 100)).rejects.toThrow(/ends at/);
  });
});
