/** `triad explain`: a dry-run routing decision, every candidate's score in parts. */
import { type ClusterFlags, connectCluster } from "../connect.ts";
import { EXIT } from "../exit-code.ts";
import { data, json, styled, table } from "../output.ts";
import { requirementsOf } from "./requirements.ts";

export async function runExplain(
  text: string,
  flags: ClusterFlags & { readonly require?: readonly string[]; readonly json?: boolean },
): Promise<number> {
  const requirements = requirementsOf(flags.require);
  const view = await (await connectCluster(flags)).explain({ input: text, ...requirements });
  if (flags.json === true) {
    json(view);
    return EXIT.done;
  }
  const parts = [...new Set(view.candidates.flatMap((candidate) => Object.keys(candidate.parts)))];
  const rows = view.candidates.map((c, rank) => [
    rank === 0 ? styled("green", c.agent) : c.agent,
    c.score.toFixed(3),
    ...parts.map((part) => (c.parts[part] ?? 0).toFixed(3)),
  ]);
  data(rows.length === 0 ? "no agent is a candidate" : table(["AGENT", "SCORE", ...parts.map((part) => part.toUpperCase())], rows));
  return EXIT.done;
}
