/** `--require skill=weight`, repeated, as a task's requirements. */
import { TriadError } from "@triad/protocol/words";
import { parseRequirement } from "../values.ts";

export function requirementsOf(words: readonly string[] | undefined): { requires?: Record<string, number> } {
  if (words === undefined || words.length === 0) return {};
  const parsed = words.map(parseRequirement);
  const problems = parsed.flatMap((one) => (one.ok ? [] : [`--require ${one.problem}`]));
  if (problems.length > 0) throw new TriadError("TRIAD_USAGE", problems.join("; "));
  const entries = parsed.flatMap((one) => (one.ok ? [one.value] : []));
  const doubled = entries.find(([skill], index) => entries.findIndex(([other]) => other === skill) !== index);
  if (doubled !== undefined) throw new TriadError("TRIAD_USAGE", `--require names ${doubled[0]} twice`);
  return { requires: Object.fromEntries(entries) };
}
