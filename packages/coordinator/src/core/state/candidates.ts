/** Whether the team could take a step at all: what nobody can ever take must end, not wait. */
import type { Requirements, TaskError } from "@triad/protocol";
import type { Application } from "./application.ts";
import type { TaskRecord } from "./records.ts";

/** The agents that declare all of the required skills. */
export function candidatesFor(app: Pick<Application, "tx">, requires: Requirements): number {
  const needed = Object.keys(requires).filter((skill) => (requires[skill] ?? 0) > 0);
  let count = 0;
  for (const name of app.tx.team()?.agents ?? []) {
    const skills = app.tx.agent(name)?.skills ?? {};
    if (needed.every((skill) => Object.hasOwn(skills, skill))) count++;
  }
  return count;
}

/** Why the team, as it is now, can never take a step of this task that requires this; undefined where it can. */
export function unservable(app: Pick<Application, "tx">, task: TaskRecord, requires: Requirements | null): TaskError | undefined {
  const candidates = candidatesFor(app, requires ?? {});
  if (candidates === 0) return { code: "TRIAD_NO_CANDIDATE", message: "no agent of the team has all of the required skills" };
  if (task.strategy.kind === "ensemble" && candidates < task.strategy.agents) {
    return { code: "TRIAD_ENSEMBLE_TOO_SMALL", message: `${task.strategy.agents} agents are asked for and ${candidates} can answer` };
  }
  return undefined;
}
