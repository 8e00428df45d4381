/** Loads a team file and says in one line what is wrong with it. The file is the operator's own code; it runs in step threads only. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TriadError } from "@triad/protocol";
import { isTeam, type TeamDefinition } from "../../define.ts";

/** @throws TriadError TRIAD_TEAM_NOT_FOUND, TRIAD_TEAM_INVALID, TRIAD_TEMPLATE_INVALID */
export async function loadTeam(teamUrl: string): Promise<TeamDefinition> {
  const path = fileURLToPath(teamUrl);
  if (!existsSync(path)) throw new TriadError("TRIAD_TEAM_NOT_FOUND", `there is no team file at ${path}`);
  let module: Record<string, unknown>;
  try {
    module = (await import(teamUrl)) as Record<string, unknown>;
  } catch (cause) {
    if (isTriadError(cause)) throw new TriadError(cause.code, `${path}: ${cause.message}`, cause.details, { cause });
    const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new TriadError("TRIAD_TEAM_INVALID", `the team file ${path} cannot be loaded: ${oneLine(message)}`, undefined, { cause });
  }
  const team = module["default"] ?? module["team"];
  if (isTeam(team)) return team;
  throw new TriadError("TRIAD_TEAM_INVALID", `the team file ${path} must \`export default defineTeam({…})\``);
}

/** By name and code: a team may bring a copy of the package of its own. */
function isTriadError(error: unknown): error is TriadError {
  return error instanceof Error && error.name === "TriadError" && "code" in error;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").slice(0, 500);
}
