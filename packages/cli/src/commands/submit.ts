/** `triad submit`: one task, its answer on stdout. Exit 1 where the task ends without completing, with its error on stderr. */
import { type SubmitRequest, type Task, TaskFailedError, type TaskView } from "@triad/client";
import { limits, TriadError } from "@triad/protocol/words";
import { type ClusterFlags, connectCluster } from "../connect.ts";
import { EXIT, errorLine } from "../exit-code.ts";
import { data, json, note } from "../output.ts";
import { parseDurationMs, parseWhole } from "../values.ts";
import { requirementsOf } from "./requirements.ts";

export interface SubmitFlags extends ClusterFlags {
  readonly conversation?: string;
  readonly require?: readonly string[];
  readonly strategy: string;
  readonly agents?: string;
  readonly aggregate?: string;
  readonly deadline?: string;
  readonly key?: string;
  readonly stream?: boolean;
  readonly json?: boolean;
}

export async function runSubmit(text: string, flags: SubmitFlags): Promise<number> {
  const request = requestOf(text, flags);
  const client = await connectCluster(flags);
  const task = await client.submit(request);
  if (process.stderr.isTTY) note(`task ${task.id} in conversation ${task.conversation}`);
  const streamed = flags.stream === true ? await stream(task, flags.json === true) : undefined;
  const view = await task.ended();
  if (flags.json === true) json(view);
  else if (view.status === "completed") answer(view, streamed);
  if (view.status === "completed") return EXIT.done;
  if (streamed?.midLine) data("");
  note(errorLine(new TaskFailedError(view)));
  return EXIT.failed;
}

function requestOf(text: string, flags: SubmitFlags): SubmitRequest {
  if (text === "") throw new TriadError("TRIAD_USAGE", "the input is empty");
  const deadline = flags.deadline === undefined ? undefined : parseDurationMs(flags.deadline);
  if (deadline?.ok === false) throw new TriadError("TRIAD_USAGE", `--deadline ${deadline.problem}`);
  return {
    input: text,
    ...(flags.conversation === undefined ? {} : { conversation: flags.conversation }),
    ...requirementsOf(flags.require),
    ...strategyOf(flags),
    ...(deadline === undefined ? {} : { deadlineMs: deadline.value }),
    ...(flags.key === undefined ? {} : { idempotencyKey: flags.key }),
  };
}

const AGGREGATES = ["first", "majority", "weighted", "merge", "judge"] as const;

function strategyOf(flags: SubmitFlags): Pick<SubmitRequest, "strategy"> {
  if (flags.strategy === "single") {
    if (flags.agents !== undefined || flags.aggregate !== undefined)
      throw new TriadError("TRIAD_USAGE", "--agents and --aggregate go with --strategy ensemble");
    return {};
  }
  if (flags.strategy !== "ensemble") throw new TriadError("TRIAD_USAGE", `--strategy must be single or ensemble, not "${flags.strategy}"`);
  const agents = parseWhole(flags.agents ?? String(limits.ENSEMBLE_DEFAULT), 1, limits.ENSEMBLE_MAX);
  if (!agents.ok) throw new TriadError("TRIAD_USAGE", `--agents ${agents.problem}`);
  const aggregate = AGGREGATES.find((one) => one === (flags.aggregate ?? "weighted"));
  if (aggregate === undefined)
    throw new TriadError("TRIAD_USAGE", `--aggregate must be one of ${AGGREGATES.join(", ")}, not "${flags.aggregate}"`);
  return { strategy: { kind: "ensemble", agents: agents.value, aggregate } };
}

interface Streamed {
  /** Text of the last step that streamed: where it is the output already, it is not printed again. */
  readonly text: string;
  readonly midLine: boolean;
}

/** Prints deltas as they come (with --json every event, one a line), to the task's end. */
async function stream(task: Task, asJson: boolean): Promise<Streamed> {
  let text = "";
  let fresh = true;
  let midLine = false;
  for await (const event of task.events()) {
    if (asJson) {
      data(JSON.stringify(event));
      continue;
    }
    if (event.event === "started") fresh = true;
    if (event.event !== "delta") continue;
    const delta = deltaText(event.data);
    if (fresh && midLine) process.stdout.write("\n");
    text = fresh ? delta : text + delta;
    fresh = false;
    process.stdout.write(delta);
    midLine = !text.endsWith("\n") && text !== "";
  }
  return { text, midLine };
}

function deltaText(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "object" && value !== null && "text" in value && typeof value.text === "string" ? value.text : "";
}

function answer(view: TaskView, streamed: Streamed | undefined): void {
  if (streamed?.midLine) data("");
  if (streamed === undefined || streamed.text.trim() !== (view.output ?? "").trim()) data(view.output ?? "");
}
