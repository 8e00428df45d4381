/**
 * Recorded answers by key, from a file of JSON lines `{"key": …, "text": …, "usage"?: {"tokensIn": …, "tokensOut": …}}`. What was not recorded is
 * TRIAD_REPLAY_MISS: a replay never makes anything up. Streaming gives the recorded text word by word.
 */
import { readFileSync } from "node:fs";
import { TriadError } from "@triad/protocol";
import { z } from "zod";
import type { Model, ModelAnswer, ModelRequest } from "../../services/model.ts";

const count = z.number().int().min(0);
const lineSchema = z.object({
  key: z.string().min(1),
  text: z.string(),
  usage: z.object({ tokensIn: count.default(0), tokensOut: count.default(0) }).optional(),
});

/** @throws TriadError TRIAD_MODEL_UNKNOWN where the file is missing or a line does not fit. */
export function replayModel(file: URL): Model {
  const answers = readAnswers(file);
  const answerOf = (request: ModelRequest, signal: AbortSignal): ModelAnswer => {
    signal.throwIfAborted();
    const answer = answers.get(request.key);
    if (answer === undefined) throw new TriadError("TRIAD_REPLAY_MISS", `no recorded answer for the key "${request.key.slice(0, 128)}"`);
    return answer;
  };
  return {
    label: "replay",
    generate: async (request, signal) => answerOf(request, signal),
    stream: async (request, signal, piece) => {
      const answer = answerOf(request, signal);
      for (const word of answer.text.match(/\s*\S+\s*$|\s*\S+/g) ?? []) piece(word);
      return answer;
    },
  };
}

function readAnswers(file: URL): ReadonlyMap<string, ModelAnswer> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new TriadError("TRIAD_MODEL_UNKNOWN", `the replay file ${file.pathname} cannot be read`, undefined, { cause });
  }
  const answers = new Map<string, ModelAnswer>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const parsed = lineSchema.safeParse(jsonOf(line));
    if (!parsed.success)
      throw new TriadError("TRIAD_MODEL_UNKNOWN", `the replay file ${file.pathname} has no {key, text} on line ${index + 1}`);
    const { key, text: answer, usage } = parsed.data;
    answers.set(key, { text: answer, tokensIn: usage?.tokensIn ?? 0, tokensOut: usage?.tokensOut ?? 0 });
  }
  return answers;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Reported by the caller with its line number.
    return undefined;
  }
}
