/** Loads a team file as a worker would, and ends: `up` asks this of a process of its own before it starts anything. */
import { resolve } from "node:path";
import { EXIT } from "../exit-code.ts";

export async function runCheckTeam(file: string): Promise<number> {
  const { loadTeam } = await import("@triad/agent-worker/main");
  await loadTeam(resolve(file));
  return EXIT.done;
}
