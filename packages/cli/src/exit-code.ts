/** Exit codes of the contract, and how an error reaches the user: one line on stderr, never a stack for what the user can mend. */
import { inspect } from "node:util";
import { type ErrorCode, TriadError } from "@triad/protocol/words";

export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  TRIAD_USAGE: EXIT.usage,
  TRIAD_CONFIG_INVALID: EXIT.usage,
  TRIAD_TOKEN_REQUIRED: EXIT.usage,
  TRIAD_CLUSTER_UNREACHABLE: EXIT.unreachable,
};

export function exitCodeOf(error: unknown): ExitCode {
  return (error instanceof TriadError ? BY_CODE[error.code] : undefined) ?? EXIT.failed;
}

/** `error TRIAD_…: message`, in one line. What is not a TriadError is a mistake of ours: its stack shows only with TRIAD_DEBUG. */
export function errorLine(error: unknown): string {
  const [code, message] = error instanceof TriadError ? [error.code, error.message] : ["TRIAD_INTERNAL", messageOf(error)];
  const line = `error ${code}: ${message.replaceAll(/\s*\n\s*/g, "; ")}`;
  return process.env.TRIAD_DEBUG ? `${line}\n${inspect(error)}` : line;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
