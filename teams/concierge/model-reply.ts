/** A step of a domain's agent by a real model instead of rules: it is asked for slots and a reply as JSON, and what it gives is checked. */
import type { Turn } from "@triad/agent-worker";
import { TriadError } from "@triad/protocol";
import type { Domain } from "./data/dialogue.ts";

const INSTRUCTION = `Answer with one JSON object and nothing else: {"slots": {"<name>": "<value>"}, "reply": "<what you say to the guest>"}.
Slots are what the guest has settled for your desk, values in lower case: area, pricerange, stars, type, name, day, people, stay, time, leaveAt,
arriveBy, departure, destination, food, internet, parking, department. Take over from the known facts what the guest refers to.`;

const SLOT_NAME = /^[A-Za-z]{1,32}$/;
const SLOTS_MAX = 32;

/** The first JSON object in a text, or undefined. Models like to put words around it. */
function objectIn(text: string): unknown {
  const start = text.indexOf("{");
  const end = text.lastIndexOf("}");
  if (start < 0 || end <= start) return undefined;
  try {
    return JSON.parse(text.slice(start, end + 1));
  } catch {
    // Not JSON: the caller says so in its own words.
    return undefined;
  }
}

export async function replyByModel(
  self: Domain,
  turn: Turn,
  prompt: string,
): Promise<{ readonly output: string; readonly facts: Readonly<Record<string, string>> }> {
  const { text } = await turn.generate({ prompt: `${prompt}\n\n${INSTRUCTION}`, stream: true, temperature: 0 });
  const answer = objectIn(text);
  if (typeof answer !== "object" || answer === null || !("reply" in answer) || typeof answer.reply !== "string") {
    throw new TriadError("TRIAD_MODEL_FAILED", "the model did not answer with the JSON that it was asked for", {
      text: text.slice(0, 500),
    });
  }
  const slots = "slots" in answer && typeof answer.slots === "object" && answer.slots !== null ? Object.entries(answer.slots) : [];
  const facts: Record<string, string> = {};
  for (const [slot, value] of slots.slice(0, SLOTS_MAX)) {
    if (SLOT_NAME.test(slot) && typeof value === "string" && value !== "") facts[`${self}.${slot}`] = value.toLowerCase();
  }
  return { output: answer.reply, facts };
}
