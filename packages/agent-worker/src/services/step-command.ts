/** The command by which a step's end is proposed to the leader. What is the leader's part (assignments, retry time) is left empty. */
import type { Command, Dispatch } from "@triad/protocol";
import type { StepOutcome } from "./ports.ts";
import { killedFailure } from "./step-failure.ts";

export interface SizedCommand {
  readonly command: Command;
  /** Estimate on the wire, for batching. */
  readonly bytes: number;
}

/** Of a command without output and facts: ids, evidence (260 B), numbers and names. */
export const COMMAND_BYTES = 768;
/** UTF-8 of an error's message at its longest, with details. */
const FAILED_BYTES = 16_384;

/** Undefined: nothing is to be committed. */
export function commandOfOutcome(dispatch: Dispatch, outcome: StepOutcome): SizedCommand | undefined {
  const { task, step, member, fence } = dispatch;
  const id = { task, step, member, fence };
  switch (outcome.kind) {
    case "aborted":
      return undefined;
    case "failed": {
      const { cause, terminal, error } = outcome;
      return { command: { type: "StepFailed", ...id, cause, terminal, error, retryAt: 0, assign: [] }, bytes: FAILED_BYTES };
    }
    case "finished": {
      const { kind: _, bytes, ...result } = outcome;
      return { command: { type: "StepFinished", ...id, ...result, assign: [] }, bytes: COMMAND_BYTES + bytes };
    }
  }
}

/** `lost`: it died with others and starts again alone, its attempt unspent. Else the death was its own. */
export function commandOfDeath(dispatch: Dispatch, outcome: "killed" | "lost" | "again", reason: string): SizedCommand {
  const { task, step, member, fence } = dispatch;
  const id = { task, step, member, fence };
  if (outcome !== "killed") return { command: { type: "StepLost", ...id, alone: true, assign: [] }, bytes: COMMAND_BYTES };
  return { command: { type: "StepFailed", ...id, ...killedFailure(reason), retryAt: 0, assign: [] }, bytes: FAILED_BYTES };
}
