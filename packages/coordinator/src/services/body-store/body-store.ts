/**
 * Large texts on a coordinator: takes their chunks from workers, gives them to whoever asks, gets what it lacks from the other coordinators, and
 * removes what nothing refers to. Kept apart from Φ, which knows references alone, and from the files.
 *
 * K1 A chunk is acknowledged only once it is durable here. K2 Nothing is given away that is not what its name says; a chunk that is missing or
 * damaged here is fetched from another coordinator, stored again, and then given. K3 A chunk is removed only while Φ has no reference to it, and
 * after its grace (unreferred.ts).
 */
import { type ChunkGet, type ChunkPut, type ChunkReply, limits, type StoredBody, TriadError } from "@triad/protocol";
import { keys } from "../../core/state/keys.ts";
import type { StateReader } from "../../core/state/transaction.ts";
import type { Clock, Sha256 } from "../ports.ts";
import type { ChunkFiles, ChunkPeers } from "./ports.ts";
import { Unreferred } from "./unreferred.ts";

export interface BodyStorePorts {
  readonly files: ChunkFiles;
  readonly peers: ChunkPeers;
  /** Ids of the other coordinators. */
  readonly others: readonly string[];
  readonly state: StateReader;
  readonly clock: Clock;
  readonly sha256: Sha256;
  /** SHA-256 of what comes piece by piece. */
  readonly digest: () => { update(bytes: Uint8Array): void; hex(): string };
  readonly graceMs: number;
  readonly warn: (message: string, details: object) => void;
  /** The disk refused: nothing that was acknowledged may rest on it any more. */
  readonly onFatal: (error: Error) => void;
}

/** Another coordinator is given this long for a chunk. */
const FETCH_MS = 1_000;
/** An upload reaches all coordinators within this long, where they are up; then a chunk that is referred to and not here is fetched. */
const UPLOAD_MS = 1_000;
/** Chunks that wait to be fetched; what comes beyond is fetched when it is asked for. */
const REPAIRS_MAX = 4_096;
/** Texts put together at once: each is held in memory as a whole. */
const TEXTS_AT_ONCE = 4;
/** Texts that are being read or wait for their turn. */
const TEXTS_WAITING_MAX = 64;
/** Looks for what is to be removed happen this often within a grace, and never more often than once in SWEEP_MS_MIN. */
const SWEEPS_A_GRACE = 4;
const SWEEP_MS_MIN = 250;
/** A sweep this many periods late: the process stood still. */
const LATE_SWEEPS = 3;

export class BodyStore {
  private readonly ports: BodyStorePorts;
  private readonly unreferred: Unreferred;
  private readonly repairs = new Map<string, number>();
  /** The other coordinators, whoever answered last first. */
  private order: readonly string[];
  /** By reference: whoever asks for what is being read waits for the same text. */
  private readonly reading = new Map<string, Promise<string>>();
  private readonly waitingTexts: (() => void)[] = [];
  private texts = 0;
  private cancelSweep: (() => void) | undefined;
  private cancelRepair: (() => void) | undefined;
  private sweptAtMs = 0;
  private stopped = false;

  constructor(ports: BodyStorePorts) {
    this.ports = ports;
    this.unreferred = new Unreferred(ports.graceMs);
    this.order = ports.others;
  }

  start(): void {
    this.sweptAtMs = this.ports.clock.monotonicMs();
    this.unreferred.startAnew(this.sweptAtMs);
    this.scheduleSweep();
  }

  stop(): void {
    this.stopped = true;
    this.cancelSweep?.();
    this.cancelRepair?.();
  }

  /** The connection came back, or the leader changed: ages of what is not referred to count from now (U1). */
  interrupted(): void {
    this.unreferred.startAnew(this.ports.clock.monotonicMs());
  }

  async answer(request: ChunkPut | ChunkGet): Promise<ChunkReply> {
    if (request.kind === "chunkPut") return this.put(request);
    const bytes = request.scope === "here" ? this.here(request.hash) : await this.chunk(request.hash);
    if (bytes !== undefined) return { kind: "chunk", hash: request.hash, bytes };
    return { kind: "refused", code: "TRIAD_BODY_UNAVAILABLE", message: "that chunk is not here" };
  }

  private async put({ hash, bytes }: ChunkPut): Promise<ChunkReply> {
    const { clock, sha256 } = this.ports;
    if (sha256(bytes) !== hash) return { kind: "refused", code: "TRIAD_FRAME_INVALID", message: "the chunk is not what its name says" };
    if (!this.hasRoom()) return { kind: "refused", code: "TRIAD_OVERLOADED", message: "too many chunks here wait to be referred to" };
    // Before and after: a sweep in between must find it young, and its age counts from the acknowledgement.
    this.unreferred.stored(hash, clock.monotonicMs());
    if (!(await this.write(hash, bytes))) return { kind: "refused", code: "TRIAD_OVERLOADED", message: "there is no room for the chunk" };
    this.unreferred.stored(hash, clock.monotonicMs());
    return { kind: "chunkStored", hash, voters: this.ports.others.length + 1, graceMs: this.ports.graceMs };
  }

  private hasRoom(): boolean {
    if (this.unreferred.size < limits.CHUNKS_UNREFERRED_MAX) return true;
    for (const hash of this.unreferred.hashes()) if (this.isReferred(hash)) this.unreferred.forget(hash);
    return this.unreferred.size < limits.CHUNKS_UNREFERRED_MAX;
  }

  private isReferred(hash: string): boolean {
    return this.ports.state.get(keys.chunk(hash)) !== undefined;
  }

  /** False where there is no room; a disk that refuses in any other way ends the process. */
  private async write(hash: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await this.ports.files.write(hash, bytes);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === "NoRoomError") {
        this.ports.warn("a chunk could not be stored: the disk is full", { hash });
        return false;
      }
      const failure = new TriadError("TRIAD_STORE_FAILED", `a chunk could not be stored: ${messageOf(error)}`, undefined, { cause: error });
      this.ports.onFatal(failure);
      throw failure;
    }
  }

  private here(hash: string): Uint8Array | undefined {
    const found = this.ports.files.read(hash);
    if (found.kind === "whole") return found.bytes;
    if (found.kind === "damaged") this.ports.warn("a chunk on this disk is damaged; it is fetched from another coordinator", { hash });
    return undefined;
  }

  /** K2; undefined where no coordinator that answers has it. */
  private async chunk(hash: string): Promise<Uint8Array | undefined> {
    const own = this.here(hash);
    if (own !== undefined) return own;
    const { peers, sha256, clock } = this.ports;
    for (const other of this.order) {
      const bytes = await peers.fetchChunk(other, hash, FETCH_MS);
      if (bytes === undefined || sha256(bytes) !== hash) continue;
      // Whoever answered is asked first the next time: one that stands still costs its time once, not once a chunk.
      this.order = [other, ...this.order.filter((id) => id !== other)];
      this.unreferred.stored(hash, clock.monotonicMs());
      // Whoever asks gets it in any case; where there is no room now, it is fetched again the next time.
      await this.write(hash, bytes);
      return bytes;
    }
    return undefined;
  }

  /** The whole text. @throws TriadError TRIAD_BODY_UNAVAILABLE where a chunk cannot be had now, TRIAD_OVERLOADED where too many are asked for. */
  text(body: StoredBody): Promise<string> {
    const known = this.reading.get(body.ref);
    if (known !== undefined) return known;
    if (this.reading.size >= TEXTS_WAITING_MAX) {
      return Promise.reject(new TriadError("TRIAD_OVERLOADED", "too many large outputs are being read; repeat later"));
    }
    const text = this.inTurn(body).finally(() => this.reading.delete(body.ref));
    this.reading.set(body.ref, text);
    return text;
  }

  private async inTurn(body: StoredBody): Promise<string> {
    while (this.texts >= TEXTS_AT_ONCE) await new Promise<void>((resolve) => this.waitingTexts.push(resolve));
    this.texts++;
    try {
      return await this.whole(body);
    } finally {
      this.texts--;
      this.waitingTexts.shift()?.();
    }
  }

  /** Chunk by chunk, with a loop turn between two of them: reading, hashing and decoding are synchronous, and Raft must get its turn. */
  private async whole(body: StoredBody): Promise<string> {
    const decoder = new TextDecoder();
    const digest = this.ports.digest();
    const parts: string[] = [];
    let bytes = 0;
    for (const hash of body.chunks) {
      const chunk = await this.chunk(hash);
      if (chunk === undefined) throw unavailable(body, "none of the coordinators that answer has one of its chunks");
      bytes += chunk.length;
      digest.update(chunk);
      parts.push(decoder.decode(chunk, { stream: true }));
      await new Promise<void>((resolve) => this.ports.clock.soon(resolve));
    }
    parts.push(decoder.decode());
    if (bytes !== body.bytes || digest.hex() !== body.ref) throw unavailable(body, "its chunks are not the text that the reference names");
    return parts.join("");
  }

  /** An entry refers to these chunks: those that did not come with their upload are fetched in the background. */
  referred(chunks: readonly string[]): void {
    const dueMs = this.ports.clock.monotonicMs() + UPLOAD_MS;
    for (const hash of chunks) {
      this.unreferred.forget(hash);
      if (this.repairs.size < REPAIRS_MAX) this.repairs.set(hash, dueMs);
    }
    this.scheduleRepair();
  }

  private scheduleRepair(): void {
    const next = this.repairs.entries().next();
    if (this.cancelRepair !== undefined || next.done || this.stopped) return;
    const [hash, dueMs] = next.value;
    this.cancelRepair = this.ports.clock.schedule(Math.max(0, dueMs - this.ports.clock.monotonicMs()), () => {
      this.repairs.delete(hash);
      void this.repair(hash).finally(() => {
        this.cancelRepair = undefined;
        this.scheduleRepair();
      });
    });
  }

  /** What cannot be had now is fetched when it is asked for. */
  private async repair(hash: string): Promise<void> {
    if (!this.isReferred(hash) || this.stopped) return;
    try {
      if ((await this.chunk(hash)) === undefined) this.ports.warn("a chunk is missing here and was not to be had", { hash });
    } catch (error) {
      this.ports.warn("a chunk could not be fetched", { hash, error: messageOf(error) });
    }
  }

  private scheduleSweep(): void {
    if (this.stopped) return;
    const periodMs = Math.max(SWEEP_MS_MIN, this.ports.graceMs / SWEEPS_A_GRACE);
    this.cancelSweep = this.ports.clock.schedule(periodMs, () => {
      const nowMs = this.ports.clock.monotonicMs();
      if (nowMs - this.sweptAtMs > LATE_SWEEPS * periodMs || !this.ports.peers.connected) this.unreferred.startAnew(nowMs);
      this.sweptAtMs = nowMs;
      void this.sweep().finally(() => this.scheduleSweep());
    });
  }

  /** K3; a folder a loop turn. */
  private async sweep(): Promise<void> {
    const { files, clock, warn } = this.ports;
    try {
      for (const folder of files.folders()) {
        if (this.stopped) return;
        for (const hash of files.list(folder)) this.judge(hash);
        await new Promise<void>((resolve) => clock.soon(resolve));
      }
    } catch (error) {
      // What could not be looked at now is looked at the next time.
      warn("the chunks could not be looked through", { error: messageOf(error) });
    }
  }

  private judge(hash: string): void {
    if (this.isReferred(hash)) {
      this.unreferred.forget(hash);
      return;
    }
    const nowMs = this.ports.clock.monotonicMs();
    this.unreferred.found(hash, nowMs);
    if (!this.unreferred.isDue(hash, nowMs)) return;
    this.ports.files.remove(hash);
    this.unreferred.forget(hash);
  }
}

function unavailable(body: StoredBody, why: string): TriadError {
  return new TriadError("TRIAD_BODY_UNAVAILABLE", `an output of ${body.bytes} bytes cannot be shown now: ${why}`, { ref: body.ref });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
