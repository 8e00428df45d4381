/**
 * One step of a domain's agent as a pure function: words and facts in, an utterance and changed facts out. The agents
 * of the team call nothing else of this half; cluster, transcript and hand-off are theirs.
 *
 * R1: facts in, facts out. What another domain settled arrives by `facts` (the committed conversation); there is no
 *     other memory. R2: the same input gives the same result, references and cars included, so a step may run again.
 */
import type { Domain, GoldAct } from "../data/dialogue.ts";
import type { Tables } from "../data/tables.ts";
import type { Facts, Frame } from "../nlu/frame.ts";
import { readOracle } from "../nlu/oracle.ts";
import { readRules } from "../nlu/rules.ts";
import type { Answer, ToolInput } from "./answer.ts";
import { answerTaxi } from "./rides.ts";
import { answerGeneral, answerHospital, answerPolice } from "./services.ts";
import { changedFacts, settledFacts, trailWith, withObserved } from "./settle.ts";
import { answerTrain } from "./trains.ts";
import { answerVenue } from "./venues.ts";

export interface TurnInput {
  readonly userText: string;
  /** What the user was last told: the recorded utterance, or the agent's own where there is no recording. */
  readonly lastSystemText?: string | undefined;
  readonly facts: Facts;
  /** Gold acts of this turn under `--nlu oracle`; without them the words are read by rules. */
  readonly acts?: readonly GoldAct[] | undefined;
}

export interface Response {
  readonly output: string;
  /** Facts that changed with this turn, by name. */
  readonly facts: Readonly<Record<string, string>>;
  readonly frame: Frame;
}

type Tool = (input: ToolInput, userText: string) => Answer;

const TOOLS: Readonly<Record<Domain, Tool>> = {
  hotel: (input) => answerVenue("hotel", input),
  restaurant: (input) => answerVenue("restaurant", input),
  attraction: (input) => answerVenue("attraction", input),
  train: answerTrain,
  taxi: answerTaxi,
  hospital: answerHospital,
  police: answerPolice,
  general: (_input, userText) => answerGeneral(userText),
};

/** What the agent of `domain` does with a turn. */
export function respond(domain: Domain, input: TurnInput, tables: Tables): Response {
  const { userText, lastSystemText, acts } = input;
  const { facts: known, observed } = withObserved(input.facts, lastSystemText, tables);
  const words = { userText, lastSystemText };
  const frame = acts ? readOracle(domain, words, acts, known, tables) : readRules(domain, words, known, tables);
  const settled = settledFacts(frame);
  const answer = TOOLS[domain]({ frame, facts: { ...known, ...settled }, tables }, userText);
  const trail = trailWith(input.facts, domain);
  const next = { ...observed, ...answer.facts, ...settled, ...(trail === "" ? {} : { trail }) };
  return { output: answer.output, facts: changedFacts(input.facts, next), frame };
}
