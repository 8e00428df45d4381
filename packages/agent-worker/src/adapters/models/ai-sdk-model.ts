/**
 * Models behind the Vercel AI SDK. A model object is always passed, never a bare name: a name would go to a hosted gateway.
 * The SDK's own retries are off: a failed call fails the step, and the leader decides about the next attempt.
 */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { TriadError } from "@triad/protocol";
import {
  APICallError,
  type FlexibleSchema,
  generateText,
  type JSONValue,
  type LanguageModel,
  type ModelMessage,
  streamText,
  type ToolSet,
  tool,
} from "ai";
import type { Model, ModelAnswer, ModelRequest, ToolCall, ToolRound } from "../../services/model.ts";

export function openAiModel(name: string, apiKey: string | undefined): Model {
  if (apiKey === undefined || apiKey === "") throw failed(`openai:${name}: set OPENAI_API_KEY`, { retryable: false });
  return sdkModel(`openai:${name}`, createOpenAI({ apiKey })(name));
}

export function openAiCompatibleModel(url: string, name: string, apiKey: string | undefined): Model {
  const provider = createOpenAICompatible({
    name: "openai-compatible",
    baseURL: url.replace(/\/+$/, ""),
    includeUsage: true,
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKey }),
  });
  return sdkModel(`openai-compatible:${name}`, provider(name));
}

function sdkModel(label: string, model: LanguageModel): Model {
  return {
    label,
    generate: async (request, signal) => {
      try {
        const { text, usage, toolCalls } = await generateText({ model, ...optionsOf(request), abortSignal: signal, maxRetries: 0 });
        return answerOf(text, usage, toolCalls);
      } catch (error) {
        throw asModelError(label, error, signal);
      }
    },
    stream: async (request, signal, piece) => {
      try {
        return await streamed(model, request, signal, piece);
      } catch (error) {
        throw asModelError(label, error, signal);
      }
    },
  };
}

async function streamed(
  model: LanguageModel,
  request: ModelRequest,
  signal: AbortSignal,
  piece: (text: string) => void,
): Promise<ModelAnswer> {
  // The SDK prints errors of a stream unless it is given a listener; the error itself arrives as a part of the stream.
  const result = streamText({ model, ...optionsOf(request), abortSignal: signal, maxRetries: 0, onError: () => undefined });
  let text = "";
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") {
      text += part.text;
      piece(part.text);
    } else if (part.type === "error") {
      throw part.error;
    } else if (part.type === "abort") {
      throw signal.reason ?? new Error("aborted");
    }
  }
  return answerOf(text, await result.usage, await result.toolCalls);
}

interface CallOptions {
  readonly messages: ModelMessage[];
  readonly tools?: ToolSet;
  readonly instructions?: string;
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
  readonly headers?: Record<string, string>;
}

function optionsOf(request: ModelRequest): CallOptions {
  return {
    messages: [{ role: "user", content: request.prompt }, ...(request.rounds ?? []).flatMap(messagesOf)],
    ...(request.tools === undefined ? {} : { tools: toolSetOf(request.tools) }),
    ...(request.idempotencyKey === undefined ? {} : { headers: { "idempotency-key": request.idempotencyKey } }),
    ...(request.system === undefined ? {} : { instructions: request.system }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.outputTokensMax === undefined ? {} : { maxOutputTokens: request.outputTokensMax }),
  };
}

/** Without `execute`: the SDK only passes on what the model asks for, and the step calls it as an effect. */
function toolSetOf(tools: NonNullable<ModelRequest["tools"]>): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [name, tool({ description, inputSchema: inputSchema as FlexibleSchema<unknown> })]),
  );
}

function messagesOf({ text, calls, results }: ToolRound): ModelMessage[] {
  return [
    {
      role: "assistant",
      content: [
        ...(text === "" ? [] : [{ type: "text" as const, text }]),
        ...calls.map(({ id, name, input }) => ({ type: "tool-call" as const, toolCallId: id, toolName: name, input })),
      ],
    },
    {
      role: "tool",
      content: calls.map(({ id, name }, i) => ({
        type: "tool-result" as const,
        toolCallId: id,
        toolName: name,
        output: { type: "json" as const, value: (results[i] ?? null) as JSONValue },
      })),
    },
  ];
}

interface SdkToolCall {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
  readonly invalid?: boolean | undefined;
  readonly error?: unknown;
}

function callOf({ toolCallId: id, toolName: name, input, invalid, error }: SdkToolCall): ToolCall {
  const call = { id, name, input: (input ?? null) as ToolCall["input"] };
  return invalid === true ? { ...call, problem: error instanceof Error ? error.message : String(error) } : call;
}

function answerOf(
  text: string,
  usage: { inputTokens: number | undefined; outputTokens: number | undefined },
  toolCalls: readonly SdkToolCall[],
): ModelAnswer {
  const answer = { text, tokensIn: usage.inputTokens ?? 0, tokensOut: usage.outputTokens ?? 0 };
  return toolCalls.length === 0 ? answer : { ...answer, calls: toolCalls.map(callOf) };
}

/** An abort stays what it is; everything else becomes TRIAD_MODEL_FAILED that says whether another attempt may help. */
function asModelError(label: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (APICallError.isInstance(error)) {
    const status = error.statusCode ?? null;
    return failed(
      `${label}: ${status === null ? "" : `status ${status}: `}${error.message}`,
      { status, retryable: error.isRetryable },
      error,
    );
  }
  return failed(`${label}: ${error instanceof Error ? error.message : String(error)}`, { retryable: true }, error);
}

function failed(message: string, details: { status?: number | null; retryable: boolean }, cause?: unknown): TriadError {
  return new TriadError("TRIAD_MODEL_FAILED", message, details, { cause });
}
