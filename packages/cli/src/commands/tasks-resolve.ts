/** `triad tasks resolve`: a person's word on what a waiting task asks about; its step goes on. */
import { TriadError } from "@triad/protocol/words";
import { type ClusterFlags, connectCluster } from "../connect.ts";
import { EXIT } from "../exit-code.ts";
import { data, json } from "../output.ts";
import { parseWhole } from "../values.ts";

export interface ResolveFlags extends ClusterFlags {
  readonly json?: boolean;
  readonly done?: string;
  readonly repeat?: boolean;
  readonly member?: string;
}

/** What a place and a member's number can be at most; the coordinator knows which are waited at. */
const NUMBER_MAX = 999_999;

export async function runTasksResolve(id: string, place: string, flags: ResolveFlags): Promise<number> {
  const n = wholeOf("N", place, 1);
  const member = flags.member === undefined ? undefined : wholeOf("--member", flags.member, 0);
  if ((flags.done === undefined) === (flags.repeat !== true)) {
    throw new TriadError("TRIAD_USAGE", "tasks resolve: give --done VALUE (what the effect gave) or --repeat (call it again), one of them");
  }
  const word = flags.done === undefined ? ({ repeat: true } as const) : { done: saidValue(flags.done) };
  const client = await connectCluster(flags);
  const task = await client.resolveEffect(id, n, member === undefined ? word : { ...word, member });
  if (flags.json === true) json(task);
  else data(`${task.task}  ${task.status}`);
  return EXIT.done;
}

function wholeOf(what: string, word: string, min: number): number {
  const parsed = parseWhole(word, min, NUMBER_MAX);
  if (!parsed.ok) throw new TriadError("TRIAD_USAGE", `tasks resolve: ${what} ${parsed.problem}`);
  return parsed.value;
}

/** JSON where it is JSON, else the text as it stands: `--done 7`, `--done '{"paid": true}'`, `--done "the blue one"`. */
function saidValue(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}
