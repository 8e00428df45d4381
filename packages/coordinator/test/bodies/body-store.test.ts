/** One coordinator's store of large outputs: files and other coordinators in memory, a clock that the test moves. */
import { createHash } from "node:crypto";
import { limits, type StoredBody, splitBody, TriadError } from "@triad/protocol";
import { describe, expect, it } from "vitest";
import { NoRoomError } from "../../src/adapters/store/chunk-store.ts";
import { keys } from "../../src/core/state/keys.ts";
import { BodyStore } from "../../src/services/body-store/body-store.ts";
import type { ChunkFiles } from "../../src/services/body-store/ports.ts";
import type { Clock } from "../../src/services/ports.ts";
import { MemoryState, sha256 } from "../state/memory-state.ts";

const GRACE_MS = 10_000;

class MemoryFiles implements ChunkFiles {
  readonly chunks = new Map<string, Uint8Array>();
  refusal: Error | undefined;

  async write(hash: string, bytes: Uint8Array): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    this.chunks.set(hash, bytes);
  }
  read(hash: string): ReturnType<ChunkFiles["read"]> {
    const bytes = this.chunks.get(hash);
    if (bytes === undefined) return { kind: "missing" };
    return sha256(bytes) === hash ? { kind: "whole", bytes } : { kind: "damaged" };
  }
  remove(hash: string): void {
    this.chunks.delete(hash);
  }
  folders(): readonly string[] {
    return [...new Set([...this.chunks.keys()].map((hash) => hash.slice(0, 2)))];
  }
  list(folder: string): readonly string[] {
    return [...this.chunks.keys()].filter((hash) => hash.startsWith(folder));
  }
}

class MovedClock implements Clock {
  now = 1_000;
  private timers: { readonly at: number; readonly run: () => void }[] = [];

  monotonicMs(): number {
    return this.now;
  }
  wallMs(): number {
    return this.now;
  }
  schedule(delayMs: number, run: () => void): () => void {
    const timer = { at: this.now + delayMs, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }
  soon(run: () => void): void {
    setImmediate(run);
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await turns();
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
    await turns();
  }
}

/** Everything that promises and loop turns can do without time passing. */
async function turns(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
}

function bench() {
  const files = new MemoryFiles();
  const clock = new MovedClock();
  const state = new MemoryState();
  const others = new Map<string, Map<string, Uint8Array>>([
    ["c2", new Map()],
    ["c3", new Map()],
  ]);
  const asked: string[] = [];
  const fatal: Error[] = [];
  const warnings: string[] = [];
  const peers = {
    connected: true,
    fetchChunk: async (coordinator: string, hash: string) => {
      asked.push(coordinator);
      return others.get(coordinator)?.get(hash);
    },
  };
  const store = new BodyStore({
    files,
    peers,
    others: [...others.keys()],
    state,
    clock,
    sha256,
    digest: () => {
      const running = createHash("sha256");
      return { update: (bytes) => void running.update(bytes), hex: () => running.digest("hex") };
    },
    graceMs: GRACE_MS,
    warn: (message) => void warnings.push(message),
    onFatal: (error) => void fatal.push(error),
  });
  const put = (bytes: Uint8Array, hash = sha256(bytes)) => store.answer({ kind: "chunkPut", hash, bytes });
  const refer = (hash: string): void => void state.records.set(keys.chunk(hash), { uses: 1 });
  return { store, files, clock, state, others, asked, fatal, warnings, peers, put, refer };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function large(): { readonly text: string; readonly body: StoredBody; readonly chunks: ReadonlyMap<string, Uint8Array> } {
  const text = Array.from({ length: 60_000 }, (_, i) => `${i} grün`).join("\n");
  return { text, ...splitBody(text, bytesOf(text), sha256) };
}

describe("a chunk that is brought", () => {
  it("is acknowledged once it is stored, with what the bringer must know", async () => {
    const { put, files } = bench();
    const bytes = bytesOf("a chunk");
    expect(await put(bytes)).toEqual({ kind: "chunkStored", hash: sha256(bytes), voters: 3, graceMs: GRACE_MS });
    expect(files.read(sha256(bytes)).kind).toBe("whole");
  });

  it("is refused under another name, without room, and beyond the bound of what nothing refers to", async () => {
    const { put, files, refer, fatal } = bench();
    expect(await put(bytesOf("a"), sha256(bytesOf("b")))).toMatchObject({ kind: "refused", code: "TRIAD_FRAME_INVALID" });
    files.refusal = new NoRoomError(undefined);
    expect(await put(bytesOf("a"))).toMatchObject({ kind: "refused", code: "TRIAD_OVERLOADED" });
    files.refusal = undefined;
    for (let i = 0; i < limits.CHUNKS_UNREFERRED_MAX; i++) await put(bytesOf(`chunk ${i}`));
    expect(await put(bytesOf("one more"))).toMatchObject({ kind: "refused", code: "TRIAD_OVERLOADED" });
    refer(sha256(bytesOf("chunk 7")));
    expect(await put(bytesOf("one more"))).toMatchObject({ kind: "chunkStored" });
    expect(fatal).toEqual([]);
  });

  it("ends the process where the disk refuses, before anyone is told", async () => {
    const { put, files, fatal } = bench();
    files.refusal = new Error("EIO");
    await expect(put(bytesOf("a"))).rejects.toMatchObject({ code: "TRIAD_STORE_FAILED" });
    expect(fatal).toMatchObject([{ code: "TRIAD_STORE_FAILED" }]);
  });
});

describe("a chunk that is asked for", () => {
  it("is given from here alone, or from anywhere, as was asked", async () => {
    const { store, others, files, asked } = bench();
    const bytes = bytesOf("elsewhere");
    const hash = sha256(bytes);
    others.get("c3")?.set(hash, bytes);
    expect(await store.answer({ kind: "chunkGet", hash, scope: "here" })).toMatchObject({
      kind: "refused",
      code: "TRIAD_BODY_UNAVAILABLE",
    });
    expect(asked).toEqual([]);
    expect(await store.answer({ kind: "chunkGet", hash, scope: "anywhere" })).toEqual({ kind: "chunk", hash, bytes });
    expect(files.read(hash).kind).toBe("whole");
    expect(await store.answer({ kind: "chunkGet", hash, scope: "here" })).toEqual({ kind: "chunk", hash, bytes });
  });

  it("K2: a text is put together from here and there; what is damaged is replaced, and a lie is not believed", async () => {
    const { store, others, files, asked, warnings } = bench();
    const { text, body, chunks } = large();
    const [first, second, ...rest] = [...chunks.keys()];
    if (first === undefined || second === undefined) throw new Error("too few chunks");
    for (const hash of rest) files.chunks.set(hash, chunks.get(hash) ?? new Uint8Array(0));
    files.chunks.set(first, bytesOf("damaged"));
    others.get("c2")?.set(first, bytesOf("a lie")).set(second, bytesOf("another"));
    for (const hash of [first, second]) others.get("c3")?.set(hash, chunks.get(hash) ?? new Uint8Array(0));
    expect((await store.text(body)) === text).toBe(true);
    // Whoever answered is asked first from then on.
    expect(asked).toEqual(["c2", "c3", "c3"]);
    expect(warnings).toEqual(["a chunk on this disk is damaged; it is fetched from another coordinator"]);
    for (const hash of chunks.keys()) expect(files.read(hash).kind).toBe("whole");
  });

  it("is not given as a text where the reference says another, though every chunk is what its name says", async () => {
    const { store, files } = bench();
    const { body, chunks } = large();
    for (const [hash, bytes] of chunks) files.chunks.set(hash, bytes);
    for (const wrong of [{ ref: sha256(bytesOf("other")) }, { bytes: body.bytes - 1 }, { chunks: body.chunks.toReversed() }]) {
      await expect(store.text({ ...body, ...wrong })).rejects.toMatchObject({ code: "TRIAD_BODY_UNAVAILABLE" });
    }
  });

  it("is read once for all who ask at the same time, and refused beyond the bound", async () => {
    const { store, files } = bench();
    const { text, body, chunks } = large();
    let reads = 0;
    const { read } = files;
    files.read = (hash) => {
      reads++;
      return read.call(files, hash);
    };
    for (const [hash, bytes] of chunks) files.chunks.set(hash, bytes);
    const texts = await Promise.all([store.text(body), store.text(body), store.text(body)]);
    expect(texts.every((each) => each === text)).toBe(true);
    expect(reads).toBe(body.chunks.length);
    const many = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => store.text({ ...body, ref: sha256(bytesOf(`${i}`)) })));
    const codes = many.map((each) => (each.status === "rejected" ? (each.reason as TriadError).code : "given"));
    expect(codes.filter((code) => code === "TRIAD_OVERLOADED").length).toBe(36);
  });

  it("is a typed error that may be repeated where nobody has it", async () => {
    const { store } = bench();
    const error = await store.text(large().body).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(TriadError);
    expect(error).toMatchObject({ code: "TRIAD_BODY_UNAVAILABLE", retryable: true });
  });
});

describe("what stands in the log", () => {
  it("and did not come with its upload is fetched in the background", async () => {
    const { store, others, files, clock, refer } = bench();
    const { chunks } = large();
    for (const [hash, bytes] of chunks) {
      others.get("c2")?.set(hash, bytes);
      refer(hash);
    }
    store.referred([...chunks.keys()]);
    await clock.advance(900);
    expect(files.chunks.size).toBe(0);
    await clock.advance(200);
    expect(files.chunks).toEqual(chunks);
    store.stop();
  });

  it("is never removed; the rest goes after its grace", async () => {
    const { store, files, clock, put, refer, state } = bench();
    store.start();
    const [kept, orphan] = [bytesOf("kept"), bytesOf("orphan")];
    await put(kept);
    await put(orphan);
    refer(sha256(kept));
    await clock.advance(GRACE_MS - 100);
    expect(files.chunks.size).toBe(2);
    await clock.advance(GRACE_MS);
    expect([...files.chunks.keys()]).toEqual([sha256(kept)]);
    // Retention has removed what referred to it: it goes a grace after that was seen.
    state.records.delete(keys.chunk(sha256(kept)));
    await clock.advance(GRACE_MS / 2);
    expect(files.chunks.size).toBe(1);
    await clock.advance(GRACE_MS + GRACE_MS / 2);
    expect(files.chunks.size).toBe(0);
    store.stop();
  });

  it("may be on its way there: an outage, an election and an upload that is repeated make an orphan young again", async () => {
    const { store, files, clock, put, peers } = bench();
    store.start();
    const bytes = bytesOf("on its way");
    await put(bytes);
    for (let i = 0; i < 5; i++) {
      await clock.advance(GRACE_MS * 0.6);
      if (i % 2 === 0) store.interrupted();
      else await put(bytes);
    }
    peers.connected = false;
    await clock.advance(5 * GRACE_MS);
    peers.connected = true;
    await clock.advance(GRACE_MS * 0.7);
    expect(files.chunks.size).toBe(1);
    // The process stood still: its clock has moved, and nobody could reach it.
    clock.now += 5 * GRACE_MS;
    await clock.advance(GRACE_MS * 0.7);
    expect(files.chunks.size).toBe(1);
    await clock.advance(GRACE_MS);
    expect(files.chunks.size).toBe(0);
    store.stop();
  });
});
