/**
 * Stores a large output in chunks on the coordinators before its reference is proposed.
 *
 * B4 A chunk is done when a majority of the coordinators says that it is durable there; the others get it too, where they answer soon. B5 It is
 * repeated until then, like a proposal: whoever has ended the step says so (`signal`). B6 What a coordinator keeps without a reference it keeps for
 * a time only, so an upload that took half of it begins again: what is stored already is acknowledged anew.
 */
import { hash } from "node:crypto";
import { type BodyRef, type Subjects, splitBody, subjectsOf } from "@triad/protocol";
import type { Logger } from "pino";
import { backoffMs, pause } from "./backoff.ts";
import type { CoordinatorDirectory } from "./coordinator-directory.ts";
import type { Bus, Clock } from "./ports.ts";

/** Keeps a text outside the log. */
export interface BodyUploader {
  /** Resolves with the reference once the log may refer to it. Rejects only when `signal` fires. */
  upload(text: string, signal: AbortSignal): Promise<BodyRef>;
}

export interface BodyUploaderOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly directory: CoordinatorDirectory;
  readonly log: Logger;
}

/** A coordinator that has not said that a chunk is durable after this long is asked again. */
const PUT_MS = 2_000;
/** For the coordinators beyond the majority: they get what they miss from the others later. */
const LAGGARDS_MS = 150;
/** Outputs on their way at once: each is held in memory as a whole. */
const UPLOADS_AT_ONCE = 4;

const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

export class NatsBodyUploader implements BodyUploader {
  private readonly options: BodyUploaderOptions;
  private readonly subjects: Subjects;
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(options: BodyUploaderOptions) {
    this.options = options;
    this.subjects = subjectsOf(options.directory.cluster);
  }

  async upload(text: string, signal: AbortSignal): Promise<BodyRef> {
    while (this.running >= UPLOADS_AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
    try {
      signal.throwIfAborted();
      return await this.store(text.toWellFormed(), signal);
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }

  private async store(text: string, signal: AbortSignal): Promise<BodyRef> {
    const { clock } = this.options;
    const { body, chunks } = splitBody(text, new TextEncoder().encode(text), sha256);
    for (;;) {
      const startedAtMs = clock.nowMs();
      const quorum = new Quorum();
      for (const [hash, bytes] of chunks) await this.storeChunk(hash, bytes, quorum, signal);
      if (clock.nowMs() - startedAtMs < quorum.graceMs / 2) return body;
    }
  }

  /** B4, B5. */
  private async storeChunk(hash: string, bytes: Uint8Array, quorum: Quorum, signal: AbortSignal): Promise<void> {
    const { clock, directory } = this.options;
    const stored = new Set<string>();
    for (let round = 0; ; round++) {
      signal.throwIfAborted();
      const asked = directory.coordinators.filter((id) => !stored.has(id) && !quorum.busy.has(id));
      const reached = Promise.withResolvers<void>();
      const answers = asked.map(async (id) => {
        if (await this.put(id, hash, bytes, quorum)) stored.add(id);
        if (quorum.isReached(stored.size)) reached.resolve();
      });
      const all = Promise.all(answers);
      await Promise.race([all, reached.promise]);
      if (quorum.isReached(stored.size)) {
        await Promise.race([all, pause(clock, LAGGARDS_MS)]);
        return;
      }
      await pause(clock, backoffMs(round, clock.random()));
      await directory.refresh();
    }
  }

  /** True where that coordinator has the chunk on its disk now. */
  private async put(id: string, hash: string, bytes: Uint8Array, quorum: Quorum): Promise<boolean> {
    quorum.busy.add(id);
    try {
      const answer = await this.options.bus.request(this.subjects.chunk(id), { kind: "chunkPut", hash, bytes }, PUT_MS);
      if (answer.kind !== "reply" || answer.message.kind !== "chunkStored" || answer.message.hash !== hash) return false;
      quorum.heard(answer.message);
      return true;
    } catch (error) {
      // A mistake of the bus counts as silence: what is to be stored must not be lost for it.
      this.options.log.error({ error: error instanceof Error ? error.message : String(error) }, "a chunk could not be sent");
      return false;
    } finally {
      quorum.busy.delete(id);
    }
  }
}

/** What one upload has learned of the cluster, and who has not answered it yet: nobody is sent a second chunk before that. */
class Quorum {
  readonly busy = new Set<string>();
  graceMs: number = Number.POSITIVE_INFINITY;
  private voters = 0;

  heard({ voters, graceMs }: { readonly voters: number; readonly graceMs: number }): void {
    this.voters = Math.max(this.voters, voters);
    this.graceMs = Math.min(this.graceMs, graceMs);
  }

  isReached(count: number): boolean {
    return this.voters > 0 && count > this.voters / 2;
  }
}
