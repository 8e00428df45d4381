/**
 * Loads a team file as the threads of a worker do, and ends: `up` asks this of a process of its own before it starts anything. A lone team
 * file, outside of any checkout, finds `@triad/*` as it does there.
 */
import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isErrorCode, TriadError } from "@triad/protocol/words";
import { EXIT, messageOf } from "../exit-code.ts";

export async function runCheckTeam(word: string): Promise<number> {
  const file = resolve(word);
  if (!existsSync(file)) throw new TriadError("TRIAD_TEAM_NOT_FOUND", `there is no team file ${file}`);
  resolveTriadFromHere();
  const { manifestOf } = await import("@triad/agent-worker");
  let team: unknown;
  try {
    team = ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw unloadable(file, cause);
  }
  if (typeof team !== "object" || team === null)
    throw new TriadError("TRIAD_TEAM_INVALID", `${file} must \`export default defineTeam({…})\``);
  try {
    manifestOf(team as Parameters<typeof manifestOf>[0]);
  } catch (cause) {
    throw unloadable(file, cause);
  }
  return EXIT.done;
}

/** By name and code, not by class: a team may bring a copy of the package of its own. What is no error of ours is the team's. */
function unloadable(file: string, cause: unknown): TriadError {
  const own = cause instanceof Error && cause.name === "TriadError";
  const code = own && "code" in cause && isErrorCode(cause.code) ? cause.code : "TRIAD_TEAM_INVALID";
  const why = own ? messageOf(cause) : `${cause instanceof Error ? cause.name : "it threw"}: ${messageOf(cause)}`;
  return new TriadError(code, `${file} can't be loaded: ${why}`, undefined, { cause });
}

function resolveTriadFromHere(): void {
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!specifier.startsWith("@triad/")) throw error;
        return next(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
}
