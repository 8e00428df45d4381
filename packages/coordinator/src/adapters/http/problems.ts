/** From what zod found wrong to what a user is told: every problem with its place, in one line and as data. */
import { TriadError } from "@triad/protocol";
import { PROBLEMS_MAX, QUOTED_LENGTH_MAX } from "./http-limits.ts";

export interface Problem {
  /** Dotted path; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** The part of an issue that is needed here; zod's own and fastify's wrapping of it both have it. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly code: string;
  readonly message: string;
  readonly keys?: readonly string[];
  /** Issues of the key itself, where a record's key does not fit. */
  readonly issues?: readonly { readonly message: string }[];
}

/** What a user wrote, short enough for a message and a log line. */
export function quoted(text: string): string {
  const short = text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text;
  return JSON.stringify(short.toWellFormed());
}

function shortPath(path: readonly PropertyKey[]): string {
  const dotted = path.map(String).join(".").toWellFormed();
  return dotted.length > QUOTED_LENGTH_MAX ? `${dotted.slice(0, QUOTED_LENGTH_MAX)}…` : dotted;
}

function problemsOfIssue(issue: Issue): readonly Problem[] {
  if (issue.code === "unrecognized_keys" && issue.keys) {
    return issue.keys.slice(0, PROBLEMS_MAX).map((key) => ({ path: shortPath([...issue.path, key]), message: "unknown field" }));
  }
  if (issue.code === "invalid_key") return [{ path: shortPath(issue.path), message: issue.issues?.[0]?.message ?? issue.message }];
  return [{ path: shortPath(issue.path), message: issue.message }];
}

/** A 400 that names each problem; `where` is the part of the request: body, query, headers. */
export function badRequest(where: string, issues: readonly Issue[]): TriadError {
  const problems = issues.slice(0, PROBLEMS_MAX).flatMap(problemsOfIssue).slice(0, PROBLEMS_MAX);
  const lines = problems.map(({ path, message }) => `${path === "" ? where : path}: ${message}`);
  return new TriadError("TRIAD_BAD_REQUEST", lines.slice(0, 8).join("; ") || `The ${where} does not fit.`, problems);
}
