/** A model from the name that an agent declares: `replay:FILE`, `openai:NAME` or `openai-compatible:URL#NAME`. */
import { TriadError } from "@triad/protocol";
import type { Model } from "../../services/model.ts";
import { replayModel } from "./replay-model.ts";

export interface ModelSurroundings {
  /** Relative files are looked for beside the team. */
  readonly teamUrl: string;
  /** Keys are read here, never from a team file: OPENAI_API_KEY, TRIAD_MODEL_API_KEY. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** @throws TriadError TRIAD_MODEL_UNKNOWN, TRIAD_MODEL_FAILED */
export async function createModel(declared: string, around: ModelSurroundings): Promise<Model> {
  const colon = declared.indexOf(":");
  const kind = declared.slice(0, Math.max(0, colon));
  const rest = declared.slice(colon + 1);
  if (kind === "replay" && rest !== "") return replayModel(new URL(rest, around.teamUrl));
  if (kind === "openai" && rest !== "") {
    const { openAiModel } = await sdk();
    return openAiModel(rest, around.env["OPENAI_API_KEY"]);
  }
  if (kind === "openai-compatible") {
    const hash = rest.lastIndexOf("#");
    const url = rest.slice(0, Math.max(0, hash));
    const name = rest.slice(hash + 1);
    if (hash > 0 && name !== "" && URL.canParse(url)) {
      const { openAiCompatibleModel } = await sdk();
      return openAiCompatibleModel(url, name, around.env["TRIAD_MODEL_API_KEY"]);
    }
  }
  throw new TriadError("TRIAD_MODEL_UNKNOWN", `"${declared}" is no model; use replay:FILE, openai:NAME or openai-compatible:URL#NAME`);
}

/** Loaded when the first model is asked for: the SDK costs a thread several megabytes, and most threads run plain code. */
function sdk(): Promise<typeof import("./ai-sdk-model.ts")> {
  return import("./ai-sdk-model.ts");
}
