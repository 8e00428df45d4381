/** Storing a large output: a majority of durable acknowledgements for every chunk, whatever the coordinators do meanwhile. */
import { type ChunkPut, type DiscoverReply, limits, type Message, splitBody, subjectsOf, utf8Length } from "@triad/protocol";
import fc from "fast-check";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { bodySource } from "../../src/services/body-source.ts";
import { NatsBodyUploader } from "../../src/services/body-uploader.ts";
import { CoordinatorDirectory } from "../../src/services/coordinator-directory.ts";
import { sha256 } from "../support/make.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryBus } from "../support/memory-bus.ts";

const subjects = subjectsOf("c");
const IDS = ["c1", "c2", "c3"];
const found = (id: string): DiscoverReply => ({ kind: "discovered", cluster: "c", id, leader: "", term: 1, http: "" });

/** What a coordinator makes of the n-th chunk that it is sent. */
type Mood = (put: ChunkPut, n: number) => "stored" | "silent" | "noResponder" | "refused";

function bench(mood: (id: string) => Mood, known: readonly string[] = IDS, graceMs = 300_000) {
  const bus = new MemoryBus();
  const clock = new ManualClock();
  const directory = new CoordinatorDirectory(bus, "c", known.map(found));
  const disks = new Map(IDS.map((id) => [id, new Map<string, Uint8Array>()]));
  const sent = new Map(IDS.map((id) => [id, 0]));
  for (const id of IDS) {
    const judge = mood(id);
    bus.answer(subjects.chunk(id), (message: Message) => {
      const disk = disks.get(id);
      if (message.kind === "chunkGet") {
        const bytes = disk?.get(message.hash);
        if (bytes === undefined) return { kind: "refused", code: "TRIAD_BODY_UNAVAILABLE", message: "" };
        return { kind: "chunk", hash: message.hash, bytes };
      }
      if (message.kind !== "chunkPut") throw new Error(`a ${message.kind} was sent as a chunk`);
      const n = (sent.get(id) ?? 0) + 1;
      sent.set(id, n);
      const verdict = judge(message, n);
      if (verdict === "silent" || verdict === "noResponder") return verdict;
      if (verdict === "refused") return { kind: "refused", code: "TRIAD_OVERLOADED", message: "" };
      disk?.set(message.hash, message.bytes);
      return { kind: "chunkStored", hash: message.hash, voters: 3, graceMs };
    });
  }
  const uploader = new NatsBodyUploader({ bus, clock, directory, log: pino({ level: "silent" }) });
  const copies = (hash: string): number => IDS.filter((id) => disks.get(id)?.has(hash)).length;
  return { bus, clock, directory, uploader, disks, sent, copies };
}

const text = Array.from({ length: 60_000 }, (_, i) => `${i} grün`).join("\n");
const expected = splitBody(text, new TextEncoder().encode(text), sha256);
const live = (): AbortSignal => new AbortController().signal;

/** The outcome of an upload, while time passes as it must. */
async function run<T>(clock: ManualClock, upload: Promise<T>, withinMs = 600_000): Promise<T | "open"> {
  let result: T | "open" = "open";
  void upload.then((value) => {
    result = value;
  });
  for (let ms = 0; ms < withinMs && result === "open"; ms += 100) await clock.advance(100);
  return result;
}

describe("an upload", () => {
  test("gives the reference once every chunk is stored at a majority, and reaches all that answer", async () => {
    const { uploader, clock, copies } = bench(() => () => "stored");
    expect(await run(clock, uploader.upload(text, live()))).toEqual(expected.body);
    expect(expected.chunks.size).toBeGreaterThan(2);
    for (const hash of expected.chunks.keys()) expect(copies(hash)).toBe(3);
  });

  test("ends only with a majority for each chunk, whatever the coordinators refuse or lose on the way", async () => {
    const moods = fc.array(fc.constantFrom("stored" as const, "silent" as const, "noResponder" as const, "refused" as const), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(fc.tuple(moods, moods, moods), async (all) => {
        const { uploader, clock, copies } = bench((id) => (_, n) => all[IDS.indexOf(id)]?.[n - 1] ?? "stored");
        expect(await run(clock, uploader.upload(text, live()))).toEqual(expected.body);
        for (const hash of expected.chunks.keys()) expect(copies(hash)).toBeGreaterThanOrEqual(2);
      }),
      { numRuns: 40 },
    );
  });

  test("stays open while only a minority stores, also where that is all it knows of; it ends when its step is void", async () => {
    const { uploader, clock, bus } = bench((id) => () => (id === "c1" ? "stored" : "noResponder"), ["c1"]);
    bus.answer("triad.discover", () => "noResponder");
    const controller = new AbortController();
    const upload = uploader.upload(text, controller.signal);
    const ended = expect(upload).rejects.toThrow();
    expect(await run(clock, Promise.race([upload.catch(() => "rejected"), new Promise<never>(() => undefined)]), 20_000)).toBe("open");
    controller.abort();
    await clock.advance(5_000);
    await ended;
  });

  test.each([
    [1_000, 2],
    [300_000, 1],
  ])("with chunks kept for %d ms without a reference sends each %d times, where it takes a second", async (graceMs, times) => {
    const puts = new Map<string, number>();
    const { uploader, clock } = bench(
      (id) =>
        ({ hash }, n) => {
          if (id !== "c3") return n <= 5 ? "refused" : "stored";
          puts.set(hash, (puts.get(hash) ?? 0) + 1);
          return "stored";
        },
      IDS,
      graceMs,
    );
    expect(await run(clock, uploader.upload(text, live()))).toEqual(expected.body);
    expect([...expected.chunks.keys()].map((hash) => puts.get(hash))).toEqual([...expected.chunks.keys()].map(() => times));
  });

  test("is read back whole, from whoever has each chunk; damage and absence are typed", async () => {
    const { uploader, clock, bus, directory, disks } = bench(() => () => "stored");
    await run(clock, uploader.upload(text, live()));
    for (const [i, hash] of [...expected.chunks.keys()].entries()) disks.get(IDS[i % 3] ?? "")?.delete(hash);
    const read = bodySource(bus, clock, directory);
    expect((await run(clock, read(expected.body))) === text).toBe(true);
    for (const disk of disks.values()) disk.clear();
    const failed = read(expected.body).catch((error: { code?: string }) => error.code);
    expect(await run(clock, failed, 60_000)).toBe("TRIAD_BODY_UNAVAILABLE");
  });

  test("of a text that is no Unicode stores what UTF-8 makes of it", async () => {
    const { uploader, clock } = bench(() => () => "stored");
    const broken = `\ud800${"x".repeat(limits.INLINE_BODY_BYTES_MAX)}`;
    const body = await run(clock, uploader.upload(broken, live()));
    expect(body).toMatchObject({ bytes: utf8Length(broken), head: expect.stringMatching(/^\ufffdx/) });
  });
});
