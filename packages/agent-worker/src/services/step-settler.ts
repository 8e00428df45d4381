/**
 * Carries a step's commands to the leader and tells the pool when its end was answered; counts what was refused because others own the step now.
 * An output that is too large for the log is stored before its reference is proposed. A step's failure or loss goes after the outcomes of its effects: whoever runs it next must know of them.
 */
import { type BodyRef, type Command, type CommandResult, type LiveEvent, limits, subjectsOf, utf8Length } from "@triad/protocol";
import type { Logger } from "pino";
import type { BodyUploader } from "./body-uploader.ts";
import type { Bus, EffectCommand, Proposer, StepSink, WorkerMetrics } from "./ports.ts";
import { COMMAND_BYTES, type SizedCommand } from "./step-command.ts";

export interface StepSettlerOptions {
  readonly bus: Bus;
  readonly link: Proposer;
  readonly uploader: BodyUploader;
  readonly cluster: string;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  settled(fence: number): void;
}

type StepCommand = Exclude<Extract<Command, { fence: number }>, EffectCommand>;

export function stepSettler(options: StepSettlerOptions): StepSink {
  const { bus, link, uploader, metrics, log } = options;
  const subjects = subjectsOf(options.cluster);
  /** Commands of effects that are not answered yet, by the fence of their step. */
  const unrecorded = new Map<number, Set<Promise<CommandResult>>>();
  /** Outputs on their way to the coordinators, by the fence of their step. */
  const uploads = new Map<number, AbortController>();
  return {
    settle: (command, bytes) => {
      if (isStepCommand(command)) void settle(command, bytes);
    },
    abandon: (fence) => uploads.get(fence)?.abort(),
    record,
    live: (event: LiveEvent) => bus.publish(subjects.taskEvents(event.task), event),
  };

  async function record(command: EffectCommand, bytes: number): Promise<CommandResult> {
    const { fence } = command;
    const answer = link.propose(command, bytes);
    const open = unrecorded.get(fence) ?? new Set();
    unrecorded.set(fence, open.add(answer));
    const result = await answer;
    open.delete(answer);
    if (open.size === 0) unrecorded.delete(fence);
    if (result.outcome === "fenced") metrics.fencedWrites(1);
    return result;
  }

  async function settle(command: StepCommand, bytes: number): Promise<void> {
    if (command.type !== "StepFinished") await Promise.all(unrecorded.get(command.fence) ?? []);
    const stored = await withStoredOutput(command, bytes);
    if (stored === undefined) return options.settled(command.fence);
    const result = await link.propose(stored.command, stored.bytes);
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

  /** The command as the log can hold it; undefined where the step was ended before its output was stored. */
  async function withStoredOutput(command: StepCommand, bytes: number): Promise<SizedCommand | undefined> {
    if (command.type !== "StepFinished" || typeof command.output !== "string" || bytes <= COMMAND_BYTES + limits.INLINE_BODY_BYTES_MAX) {
      return { command, bytes };
    }
    const { fence, output } = command;
    const controller = new AbortController();
    uploads.set(fence, controller);
    try {
      const body: BodyRef = await uploader.upload(output, controller.signal);
      const reference = utf8Length(body.head) + body.chunks.length * CHUNK_NAME_BYTES;
      return { command: { ...command, output: body }, bytes: bytes - utf8Length(output) + reference };
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      throw error;
    } finally {
      uploads.delete(fence);
    }
  }
}

/** Of a chunk's hash in a command. */
const CHUNK_NAME_BYTES = 66;

function isStepCommand(command: Command): command is StepCommand {
  return command.type === "StepFinished" || command.type === "StepFailed" || command.type === "StepLost";
}
