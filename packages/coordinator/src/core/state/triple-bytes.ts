/** How much the agents' triples take as state: prompt, profile, prototypes and rows of M, in bytes of their stored form. */
import { utf8Length } from "@triad/protocol";
import { type StateReader, Transaction } from "./transaction.ts";

/** A row of M: seven numbers (triple.ts, SkillStatistics), eight bytes each at most. */
const ROW_BYTES = 56;

export function tripleBytes(state: StateReader): number {
  const tx = new Transaction(state);
  let bytes = 0;
  for (const name of tx.team()?.agents ?? []) {
    const agent = tx.agent(name);
    if (agent === undefined) continue;
    bytes += utf8Length(agent.manifest.prompt.template) + agent.profile.length + ROW_BYTES * Object.keys(agent.skills).length;
    for (const prototype of agent.prototypes) bytes += prototype.length;
  }
  return bytes;
}
