/**
 * Asks a model on behalf of a step: every call of it, and every call of a tool that it asks for, is an effect of its own, so that an answer that was
 * recorded is never paid again and a tool's work never done again. Kept apart from providers (the model's port) and from the prompt (turn.ts).
 *
 * G1 what the model is asked in a round follows from recorded values alone: the same in every start. A tool that throws therefore fails the step;
 * an error that the model should hear of is returned by the tool as its value.
 */
import { type Json, limits, TriadError } from "@triad/protocol";
import type { Generated, GenerateOptions, Tool } from "../turn.ts";
import type { EffectJournal } from "./effect-journal.ts";
import type { Model, ModelAnswer, ModelRequest, ToolCall, ToolRound } from "./model.ts";
import type { ModelCall } from "./ports.ts";

const ROUNDS_DEFAULT = 8;
const TOOL_PREFIX = "tool:";

export interface GenerationPorts {
  readonly effects: EffectJournal;
  /** As the agent declares it; the model itself is loaded when it is first called. */
  readonly declared: string | undefined;
  readonly price: { readonly inputUsdPerMillion: number; readonly outputUsdPerMillion: number };
  model(): Promise<Model>;
  signal(): AbortSignal;
  nowMs(): number;
  emit(text: string): void;
  modelCalled(call: ModelCall): void;
}

type Answer = Generated & { readonly calls?: readonly ToolCall[] };

export async function generate(asked: ModelRequest, options: GenerateOptions, ports: GenerationPorts): Promise<Generated> {
  const { tools = {}, roundsMax = ROUNDS_DEFAULT } = options;
  for (const name of Object.keys(tools)) checkName(name);
  const specs = Object.entries(tools).map(([name, { description, inputSchema }]) => ({
    name,
    description: description ?? "",
    inputSchema,
  }));
  const rounds: ToolRound[] = [];
  const spent = { tokensIn: 0, tokensOut: 0, costUsd: 0 };
  for (;;) {
    const request = { ...asked, ...(specs.length === 0 ? {} : { tools: specs, rounds: [...rounds] }) };
    const answer = await askOnce(request, options, ports);
    spent.tokensIn += answer.tokensIn;
    spent.tokensOut += answer.tokensOut;
    spent.costUsd += answer.costUsd;
    const { text, calls = [] } = answer;
    if (calls.length === 0) return { text, ...spent };
    if (rounds.length + 1 >= roundsMax) {
      throw new TriadError("TRIAD_MODEL_FAILED", `the model still asked for tools in round ${roundsMax}`, { retryable: false, roundsMax });
    }
    rounds.push({ text, calls, results: await Promise.all(calls.map((call) => callTool(call, tools, options, ports))) });
  }
}

async function askOnce(request: ModelRequest, options: GenerateOptions, ports: GenerationPorts): Promise<Answer> {
  const stream = options.stream === true;
  // A schema is code; its tool's name stands for it.
  const { tools, ...rest } = request;
  const input = { model: ports.declared, ...rest, ...(tools === undefined ? {} : { tools: tools.map(({ name }) => name) }) };
  let isCalled = false;
  const recorded = await ports.effects.run({ name: "generate", input, onDoubt: options.onDoubt ?? "sameKey" }, (idempotencyKey) => {
    isCalled = true;
    return callModel({ ...request, idempotencyKey }, stream, ports);
  });
  const answer = recorded as unknown as Answer;
  // Whoever watches sees the pieces of a call, or the answer of an earlier one at once.
  if (!isCalled && stream) ports.emit(answer.text);
  return answer;
}

async function callModel(request: ModelRequest, stream: boolean, ports: GenerationPorts): Promise<Answer> {
  const model = await ports.model();
  const startedAtMs = ports.nowMs();
  const called = (ok: boolean, { tokensIn, tokensOut }: Pick<ModelAnswer, "tokensIn" | "tokensOut">, costUsd: number): void => {
    const seconds = (ports.nowMs() - startedAtMs) / 1000;
    ports.modelCalled({ model: model.label, ok, tokensIn, tokensOut, costUsd, seconds });
  };
  try {
    const answer = stream
      ? await model.stream(request, ports.signal(), (piece) => ports.emit(piece))
      : await model.generate(request, ports.signal());
    const { inputUsdPerMillion, outputUsdPerMillion } = ports.price;
    const costUsd = (answer.tokensIn * inputUsdPerMillion + answer.tokensOut * outputUsdPerMillion) / 1e6;
    called(true, answer, costUsd);
    return { ...answer, costUsd };
  } catch (error) {
    called(false, { tokensIn: 0, tokensOut: 0 }, 0);
    throw error;
  }
}

/** Places are given in the order in which the model named its calls. */
async function callTool(
  call: ToolCall,
  tools: Readonly<Record<string, Tool>>,
  options: GenerateOptions,
  ports: GenerationPorts,
): Promise<Json> {
  const tool = Object.hasOwn(tools, call.name) ? tools[call.name] : undefined;
  if (tool === undefined || call.problem !== undefined) return { error: call.problem ?? `there is no tool "${call.name}"` };
  const onDoubt = tool.onDoubt ?? options.onDoubt ?? "sameKey";
  const result = await ports.effects.run({ name: `${TOOL_PREFIX}${call.name}`, input: call.input, onDoubt }, (key) =>
    tool.execute(call.input as never, { key, toolCallId: call.id, abortSignal: ports.signal() }),
  );
  return result ?? null;
}

function checkName(name: string): void {
  const most = limits.NAME_LENGTH_MAX - TOOL_PREFIX.length;
  if (name.length > most)
    throw new TriadError("TRIAD_STEP_INVALID", `the name of a tool is at most ${most} characters: "${name.slice(0, 80)}"`);
}
