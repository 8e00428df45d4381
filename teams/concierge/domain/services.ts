/** The tools of hospital and police, and what `general` says when nothing is asked of anybody. Pure. */

import { THANKS } from "../nlu/domain-of-turn.ts";
import { knownFact } from "../nlu/frame.ts";
import { normaliseText } from "../nlu/text.ts";
import type { Answer, ToolInput } from "./answer.ts";

export function answerHospital({ facts, tables }: ToolInput): Answer {
  const department = knownFact(facts, "hospital.department");
  const ward = tables.hospital.find((row) => row.department === department) ?? tables.hospital[0];
  if (!ward) return { output: "I know of no hospital here.", facts: {} };
  if (department === undefined)
    return { output: `The hospital is at ${ward.address}, ${ward.postcode}. Which department do you need?`, facts: {} };
  return {
    output: `The ${ward.department} is at ${ward.address}, ${ward.postcode}. Its phone number is ${ward.phone}.`,
    facts: { "hospital.phone": ward.phone },
  };
}

export function answerPolice({ tables }: ToolInput): Answer {
  const [station] = tables.police;
  if (!station) return { output: "I know of no police station here.", facts: {} };
  return {
    output: `${station.name} is at ${station.address}, ${station.postcode}. Its phone number is ${station.phone}.`,
    facts: { "police.phone": station.phone },
  };
}

export function answerGeneral(userText: string): Answer {
  const thanked = THANKS.test(normaliseText(userText));
  return {
    output: thanked
      ? "You are welcome. Goodbye!"
      : "Hello! I can help with hotels, restaurants, attractions, trains, taxis, the hospital and the police.",
    facts: {},
  };
}
