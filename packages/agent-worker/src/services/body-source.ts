/** Reads large outputs of earlier steps from whichever coordinator answers, chunk by chunk, each checked by its hash and the whole by the reference. */
import { hash } from "node:crypto";
import { joinBody, type StoredBody, subjectsOf, TriadError } from "@triad/protocol";
import { backoffMs, pause } from "./backoff.ts";
import type { CoordinatorDirectory } from "./coordinator-directory.ts";
import type { Bus, Clock } from "./ports.ts";

/** A coordinator that lacks a chunk asks the others for it before it answers. */
const REPLY_MS = 3_000;
/** For one chunk, across an election; then the step hears of it. */
const READ_MS = 10_000;

const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

/** @throws TriadError TRIAD_BODY_UNAVAILABLE, by the function that it returns, where a chunk cannot be had in time. */
export function bodySource(bus: Bus, clock: Clock, directory: CoordinatorDirectory): (body: StoredBody) => Promise<string> {
  const subjects = subjectsOf(directory.cluster);
  return async (body) => {
    const chunks = new Map<string, Uint8Array>();
    for (const name of new Set(body.chunks)) chunks.set(name, await readChunk(name));
    const whole = joinBody(body, chunks, sha256);
    if (whole === undefined) throw new TriadError("TRIAD_BODY_UNAVAILABLE", "the chunks of an output are not what its reference names");
    return new TextDecoder().decode(whole);
  };

  async function readChunk(name: string): Promise<Uint8Array> {
    const untilMs = clock.nowMs() + READ_MS;
    for (let round = 0; clock.nowMs() < untilMs; round++) {
      const target = directory.any();
      if (target !== undefined) {
        const answer = await bus.request(subjects.chunk(target), { kind: "chunkGet", hash: name, scope: "anywhere" }, REPLY_MS);
        if (answer.kind === "reply" && answer.message.kind === "chunk" && sha256(answer.message.bytes) === name)
          return answer.message.bytes;
      }
      await pause(clock, backoffMs(round, clock.random()));
    }
    throw new TriadError("TRIAD_BODY_UNAVAILABLE", "a part of an output could not be read from any coordinator", { hash: name });
  }
}
