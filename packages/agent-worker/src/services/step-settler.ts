/** Carries a step's command to the leader and tells the pool when it was answered; counts what was refused because others own the step now. */
import { type Command, type LiveEvent, limits, subjectsOf } from "@triad/protocol";
import type { Logger } from "pino";
import type { Bus, Proposer, StepSink, WorkerMetrics } from "./ports.ts";
import { COMMAND_BYTES } from "./step-command.ts";

export interface StepSettlerOptions {
  readonly bus: Bus;
  readonly link: Proposer;
  readonly cluster: string;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  settled(fence: number): void;
}

type StepCommand = Extract<Command, { fence: number }>;

export function stepSettler(options: StepSettlerOptions): StepSink {
  const { bus, link, metrics, log } = options;
  const subjects = subjectsOf(options.cluster);
  return {
    settle: (command, bytes) => {
      if ("fence" in command) void settle(command, bytes);
    },
    live: (event: LiveEvent) => bus.publish(subjects.taskEvents(event.task), event),
  };

  async function settle(command: StepCommand, bytes: number): Promise<void> {
    const result = await link.propose(command, bytes);
    if (result.outcome === "fenced") metrics.fencedWrites(1);
    if (result.outcome === "refused" && command.type === "StepFinished") {
      // The cluster can't take this result, now or later: the step fails for that reason instead of hanging.
      const { task, step, member, fence } = command;
      const error = { code: result.code ?? "TRIAD_STEP_INVALID", message: result.message ?? "the cluster refused the step's result" };
      log.error({ code: error.code, fence }, error.message);
      await link.propose(
        { type: "StepFailed", task, step, member, fence, cause: "invalid", terminal: true, error, retryAt: 0, assign: [] },
        COMMAND_BYTES + limits.NAME_LENGTH_MAX,
      );
    }
    options.settled(command.fence);
  }
}
