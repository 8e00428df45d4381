/**
 * Models behind the Vercel AI SDK. A model object is always passed, never a bare name: a name would go to a hosted gateway.
 * The SDK's own retries are off: a failed call fails the step, and the leader decides about the next attempt.
 */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { TriadError } from "@triad/protocol";
import { APICallError, generateText, type LanguageModel, streamText } from "ai";
import type { Model, ModelAnswer, ModelRequest } from "../../services/model.ts";

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
        const { text, usage } = await generateText({ model, ...optionsOf(request), abortSignal: signal, maxRetries: 0 });
        return answerOf(text, usage);
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
  return answerOf(text, await result.usage);
}

interface CallOptions {
  readonly prompt: string;
  readonly instructions?: string;
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
  readonly headers?: Record<string, string>;
}

function optionsOf(request: ModelRequest): CallOptions {
  return {
    prompt: request.prompt,
    ...(request.idempotencyKey === undefined ? {} : { headers: { "idempotency-key": request.idempotencyKey } }),
    ...(request.system === undefined ? {} : { instructions: request.system }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.outputTokensMax === undefined ? {} : { maxOutputTokens: request.outputTokensMax }),
  };
}

function answerOf(text: string, usage: { inputTokens: number | undefined; outputTokens: number | undefined }): ModelAnswer {
  return { text, tokensIn: usage.inputTokens ?? 0, tokensOut: usage.outputTokens ?? 0 };
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
