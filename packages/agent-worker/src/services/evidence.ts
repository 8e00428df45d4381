/** What a step settled, as a vector (state.md 9.1): the text of its facts where it set any, else what it said. */
import { CONTEXT_DIM, embedText, type FactsDelta, quantiseScaled } from "@triad/protocol";

/** Enough to tell topics apart; the embedding's cost grows with the text. */
const EVIDENCE_LENGTH_MAX = 2048;

export function evidenceOf(output: string, facts: FactsDelta): { readonly vector: Uint8Array; readonly scale: number } {
  return quantiseScaled(embedText(evidenceText(output, facts), CONTEXT_DIM));
}

export function evidenceText(output: string, facts: FactsDelta): string {
  let text = "";
  for (const [name, value] of Object.entries(facts)) {
    if (value === null) continue;
    const said = typeof value === "string" ? value : JSON.stringify(value);
    text += `${name} ${said.slice(0, EVIDENCE_LENGTH_MAX)} `;
    if (text.length >= EVIDENCE_LENGTH_MAX) break;
  }
  return (text === "" ? output : text).slice(0, EVIDENCE_LENGTH_MAX);
}
