/**
 * What a step may return, made and checked. The makers behind `turn.handoff` and `turn.finish` brand their results, so that an object which
 * merely looks like one is refused: a forgotten `return` or a hand-made result is a TRIAD_STEP_INVALID, never a made-up step.
 */
import { type FactsDelta, isFactName, isJson, limits, type NextMove, type Requirements, TriadError, utf8Length } from "@triad/protocol";
import type { FinishResult, HandoffOptions, HandoffResult, ResultOptions, StepResult } from "../turn.ts";

const RESULT: unique symbol = Symbol.for("triad.step-result") as never;

export interface CheckedResult {
  readonly output: string;
  readonly facts: FactsDelta;
  readonly quality: number | undefined;
  readonly next: NextMove;
  /** Of output and facts. */
  readonly bytes: number;
}

export function finishResult(options: ResultOptions): FinishResult {
  return brand({ kind: "finish", ...partsOf(options) });
}

export function handoffResult(options: HandoffOptions): HandoffResult {
  const { to, requires } = options;
  return brand({
    kind: "handoff",
    ...partsOf(options),
    ...(to === undefined ? {} : { to }),
    ...(requires === undefined ? {} : { requires: { ...requires } }),
  });
}

function brand<T extends StepResult>(result: T): T {
  return Object.freeze(Object.defineProperty(result, RESULT, { value: true }));
}

function partsOf(options: ResultOptions): { output: string; facts: FactsDelta; quality?: number } {
  if (typeof options !== "object" || options === null) throw invalid("handoff and finish take an object");
  const parts = { output: outputOf(options.output), facts: factsOf(options.facts) };
  if (options.quality === undefined) return parts;
  if (!(typeof options.quality === "number" && options.quality >= 0 && options.quality <= 1)) throw invalid("quality must be in [0, 1]");
  return { ...parts, quality: options.quality };
}

function outputOf(output: unknown): string {
  if (output === undefined || output === null) return "";
  if (typeof output === "string") return output;
  if (!isJson(output)) throw new TriadError("TRIAD_BODY_INVALID", "the step's output is neither text nor plain JSON");
  return JSON.stringify(output);
}

function factsOf(facts: unknown): FactsDelta {
  if (facts === undefined || facts === null) return {};
  if (typeof facts !== "object" || Array.isArray(facts))
    throw new TriadError("TRIAD_BODY_INVALID", "facts must be an object of name → value");
  const names = Object.keys(facts);
  if (names.length > limits.FACT_NAMES_MAX) {
    throw new TriadError("TRIAD_BODY_TOO_LARGE", `${names.length} facts in one step; at most ${limits.FACT_NAMES_MAX}`);
  }
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (!isFactName(name, limits.FACT_NAME_LENGTH_MAX)) {
      throw new TriadError("TRIAD_BODY_INVALID", `"${name.slice(0, 80)}" cannot be the name of a fact`);
    }
    // As in JSON: a name without a value is not there. `null` removes.
    if (value === undefined) continue;
    if (!isJson(value)) throw new TriadError("TRIAD_BODY_INVALID", `the fact "${name}" is not plain JSON`);
    kept[name] = value;
  }
  return kept as FactsDelta;
}

/**
 * The result of a step, checked against its place.
 * @throws TriadError TRIAD_STEP_INVALID, TRIAD_BODY_TOO_LARGE
 */
export function checkResult(returned: unknown, ensemble: boolean): CheckedResult {
  if (!isResult(returned)) {
    const what = returned === undefined ? "nothing" : `a value of type ${returned === null ? "null" : typeof returned}`;
    throw invalid(`the step returned ${what}; it must return turn.handoff(…) or turn.finish(…)`);
  }
  if (ensemble && returned.kind !== "finish") throw invalid("a member of an ensemble may only finish");
  const outputBytes = utf8Length(returned.output);
  const factBytes = utf8Length(JSON.stringify(returned.facts));
  checkBytes("the step's output is", outputBytes, limits.BODY_BYTES_MAX);
  checkBytes("the step's facts are", factBytes, limits.INLINE_BODY_BYTES_MAX);
  const { output, facts, quality } = returned;
  return { output, facts, quality, next: nextOf(returned), bytes: outputBytes + factBytes };
}

function checkBytes(what: string, bytes: number, bytesMax: number): void {
  if (bytes > bytesMax) throw new TriadError("TRIAD_BODY_TOO_LARGE", `${what} ${bytes} bytes; at most ${bytesMax}`, { bytes, bytesMax });
}

function isResult(value: unknown): value is StepResult {
  return typeof value === "object" && value !== null && RESULT in value;
}

function nextOf(result: StepResult): NextMove {
  if (result.kind === "finish") return { kind: "finish" };
  const { to, requires } = result;
  if (to === undefined && requires === undefined) throw invalid("handoff needs `to` or `requires`");
  if (to !== undefined && (typeof to !== "string" || to === "" || to.length > limits.NAME_LENGTH_MAX)) {
    throw invalid(`handoff: \`to\` must be an agent's name of at most ${limits.NAME_LENGTH_MAX} characters`);
  }
  if (requires !== undefined) checkRequires(requires);
  return { kind: "handoff", ...(to === undefined ? {} : { to }), ...(requires === undefined ? {} : { requires }) };
}

const WEIGHT_MAX = 1e6;

function checkRequires(requires: Requirements): void {
  const entries = Object.entries(requires);
  if (entries.length === 0 || entries.length > limits.SKILLS_MAX) throw invalid("handoff: `requires` must name at least one skill");
  for (const [name, weight] of entries) {
    if (!isFactName(name, limits.NAME_LENGTH_MAX)) throw invalid(`handoff: "${name.slice(0, 80)}" is not a skill's name`);
    if (!(typeof weight === "number" && weight >= 0 && weight <= WEIGHT_MAX)) {
      throw invalid(`handoff: the weight of "${name}" must be a number in [0, ${WEIGHT_MAX}]`);
    }
  }
}

function invalid(message: string): TriadError {
  return new TriadError("TRIAD_STEP_INVALID", message);
}
