/** Routes of the contract that this version does not build: a typed 501, never a made-up answer. A route leaves this file when it is built. */
import { TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import { errorAnswers } from "../error-schema.ts";

interface UnbuiltRoute {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly operationId: string;
  /** What is missing, in a user's words. */
  readonly part: string;
  /** Answered without a token, as it will be once it is built: a page or a card that tells how to log in. */
  readonly open?: boolean;
}

const UNBUILT: readonly UnbuiltRoute[] = [
  { method: "POST", url: "/v1/chat/completions", operationId: "createChatCompletion", part: "The OpenAI-compatible door" },
  { method: "GET", url: "/v1/models", operationId: "listModels", part: "The OpenAI-compatible door" },
  { method: "GET", url: "/.well-known/agent-card.json", operationId: "getAgentCard", part: "The A2A door", open: true },
  { method: "POST", url: "/a2a", operationId: "callA2a", part: "The A2A door" },
  { method: "GET", url: "/", operationId: "getDashboard", part: "The dashboard", open: true },
];

export function registerUnbuiltRoutes(server: FastifyInstance): void {
  for (const { method, url, operationId, part, open } of UNBUILT) {
    server.route({
      method,
      url,
      config: { open: open === true },
      schema: { tags: ["not built yet"], operationId, summary: `${part}.`, response: errorAnswers("TRIAD_NOT_AVAILABLE") },
      // Before the body is read: whatever it holds, the answer is the same.
      onRequest: async () => {
        throw new TriadError("TRIAD_NOT_AVAILABLE", `${part} is not built yet; see /openapi.json for what is.`, {
          route: `${method} ${url}`,
        });
      },
      handler: () => undefined,
    });
  }
}
