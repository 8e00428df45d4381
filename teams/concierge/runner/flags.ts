/** What the demo may be told, checked with every problem listed at once. */
import { parseArgs } from "node:util";

export interface DemoFlags {
  readonly dialogues: number | undefined;
  readonly concurrency: number;
  readonly nlu: "rules" | "oracle";
  readonly model: string | undefined;
  readonly chaos: boolean;
  readonly keep: boolean;
  readonly json: string | undefined;
}

export const DIALOGUES_DEFAULT = 200;
const DIALOGUES_MAX = 100_000;
const CONCURRENCY_DEFAULT = 24;
const CONCURRENCY_MAX = 256;

export const DEMO_HELP = `Usage: scripts/demo [options]

Brings up 3 coordinators and 2 workers over a real nats-server, carries real conversations from agent to agent, proves that nothing was lost,
prints a summary and stops everything.

  --dialogues N      conversations to run (default ${DIALOGUES_DEFAULT}, or all there are)
  --concurrency N    conversations at once (default ${CONCURRENCY_DEFAULT})
  --nlu rules|oracle how agents read a turn: by its words (default), or by the gold acts of the current turn
  --model NAME       a real model instead of rules: openai-compatible:URL#name or openai:name
  --chaos            kill -9 leaders and workers in turn and pause one more, while conversations run
  --keep             leave the cluster up and print its addresses
  --json FILE        write the summary as JSON
  --help             show this

Data: TRIAD_DATA_DIR, else ../shared/data; where neither has multiwoz21, the project's own conversations. The summary says which.`;

export type ParsedFlags = { readonly flags: DemoFlags } | { readonly help: true } | { readonly problems: readonly string[] };

function whole(text: string | undefined, name: string, most: number, problems: string[]): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  problems.push(`--${name} takes a whole number from 1 to ${most}, not "${text}"`);
  return undefined;
}

export function parseFlags(argv: readonly string[]): ParsedFlags {
  let values: Readonly<Record<string, string | boolean | undefined>>;
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        dialogues: { type: "string" },
        concurrency: { type: "string" },
        nlu: { type: "string" },
        model: { type: "string" },
        chaos: { type: "boolean" },
        keep: { type: "boolean" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    return { problems: [error instanceof Error ? error.message : String(error)] };
  }
  if (values["help"] === true) return { help: true };
  const problems: string[] = [];
  const text = (name: string): string | undefined => (typeof values[name] === "string" ? (values[name] as string) : undefined);
  const dialogues = whole(text("dialogues"), "dialogues", DIALOGUES_MAX, problems);
  const concurrency = whole(text("concurrency"), "concurrency", CONCURRENCY_MAX, problems) ?? CONCURRENCY_DEFAULT;
  const nlu = text("nlu") ?? "rules";
  if (nlu !== "rules" && nlu !== "oracle") problems.push(`--nlu takes rules or oracle, not "${nlu}"`);
  const model = text("model");
  if (model !== undefined && !/^(openai|openai-compatible|replay):./.test(model)) {
    problems.push(`--model takes openai:NAME, openai-compatible:URL#NAME or replay:FILE, not "${model}"`);
  }
  if (problems.length > 0) return { problems };
  const keep = values["keep"] === true;
  const chaos = values["chaos"] === true;
  return { flags: { dialogues, concurrency, nlu: nlu as "rules" | "oracle", model, chaos, keep, json: text("json") } };
}
