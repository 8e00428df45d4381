/** `triad tasks show`: a task, its committed steps, and how it ended. */
import { type ClusterFlags, connectCluster } from "../connect.ts";
import { EXIT } from "../exit-code.ts";
import { clip, data, json, styled, table } from "../output.ts";

/** Characters of a step's output in the table; the whole of it is in --json. */
const OUTPUT_SHOWN = 60;

export async function runTasksShow(id: string, flags: ClusterFlags & { readonly json?: boolean }): Promise<number> {
  const task = await (await connectCluster(flags)).task(id);
  if (flags.json === true) {
    json(task);
    return EXIT.done;
  }
  data(`${styled("bold", task.task)}  ${task.status}  in conversation ${task.conversation}`);
  if (task.steps.length > 0) {
    const rows = task.steps.map((s) => [
      s.n,
      s.agent,
      s.worker,
      s.attempt,
      s.outcome,
      s.routing.score.toFixed(3),
      clip(s.output, OUTPUT_SHOWN),
    ]);
    data(`\n${table(["STEP", "AGENT", "WORKER", "ATTEMPT", "OUTCOME", "SCORE", "OUTPUT"], rows)}`);
  }
  const facts = Object.entries(task.facts);
  if (facts.length > 0)
    data(
      `\n${table(
        ["FACT", "VALUE"],
        facts.map(([name, value]) => [name, clip(JSON.stringify(value), OUTPUT_SHOWN)]),
      )}`,
    );
  const waiting = task.waitingFor ?? [];
  if (waiting.length > 0) {
    const rows = waiting.map(({ n, name, step, agent, question }) => [
      n,
      name,
      step,
      agent,
      clip(question ?? "did it happen?", OUTPUT_SHOWN),
    ]);
    data(`\n${table(["WAITS AT", "EFFECT", "STEP", "AGENT", "FOR"], rows)}`);
  }
  if (task.output !== undefined) data(`\n${task.output}`);
  if (task.error !== undefined) data(`\n${styled("red", task.error.code)}: ${task.error.message}`);
  return EXIT.done;
}
