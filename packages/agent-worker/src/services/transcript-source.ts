/** Reads older pages of a transcript from whichever coordinator answers (state.md 5: recall, paged). */
import { subjectsOf, type TranscriptEvent, TriadError } from "@triad/protocol";
import { backoffMs, pause } from "./backoff.ts";
import { bodySource } from "./body-source.ts";
import type { CoordinatorDirectory } from "./coordinator-directory.ts";
import type { Bus, Clock, TranscriptReader } from "./ports.ts";

const REPLY_MS = 500;
/** Across an election; then the step hears of it. */
const READ_MS = 5_000;

export function transcriptSource(bus: Bus, clock: Clock, directory: CoordinatorDirectory): TranscriptReader {
  const subjects = subjectsOf(directory.cluster);
  return {
    readBody: bodySource(bus, clock, directory),
    read: async (conversation, from, to) => readPage(conversation, from, to),
  };

  async function readPage(conversation: string, from: number, to: number): Promise<readonly TranscriptEvent[]> {
    const untilMs = clock.nowMs() + READ_MS;
    let last = "no coordinator is known";
    for (let round = 0; clock.nowMs() < untilMs; round++) {
      const target = round === 0 ? directory.target() : directory.any();
      if (target !== undefined) {
        const answer = await bus.request(subjects.read(target), { kind: "readTranscript", conversation, from, to }, REPLY_MS);
        if (answer.kind === "reply" && answer.message.kind === "transcript") return answer.message.events;
        last = answer.kind === "reply" && answer.message.kind === "refused" ? answer.message.message : answer.kind;
      }
      await pause(clock, backoffMs(round, clock.random()));
    }
    throw new TriadError("TRIAD_CLUSTER_UNREACHABLE", `events ${from} to ${to} of the conversation could not be read: ${last}`);
  }
}
