/** `triad agents`: every agent with its triple, a line a skill. */
import { type ClusterFlags, connectCluster } from "../connect.ts";
import { EXIT } from "../exit-code.ts";
import { data, json, table } from "../output.ts";

export async function runAgents(flags: ClusterFlags & { readonly json?: boolean }): Promise<number> {
  const agents = await (await connectCluster(flags)).agents();
  if (flags.json === true) {
    json({ agents });
    return EXIT.done;
  }
  const rows = agents.flatMap((agent) => {
    const skills = Object.entries(agent.triple.capabilities);
    const head = [agent.id, agent.status, agent.workers.join(","), agent.actors, `v${agent.triple.prompt.version}`];
    if (skills.length === 0) return [[...head, "", "", "", "", ""]];
    return skills.map(([skill, s], line) => [
      ...(line === 0 ? head : ["", "", "", "", ""]),
      skill,
      s.quality.toFixed(3),
      s.done.toFixed(3),
      String(s.samples),
      s.latencyMs.toFixed(1),
    ]);
  });
  data(table(["AGENT", "STATUS", "WORKERS", "ACTORS", "PROMPT", "SKILL", "QUALITY", "DONE", "SAMPLES", "LATENCY MS"], rows));
  return EXIT.done;
}
