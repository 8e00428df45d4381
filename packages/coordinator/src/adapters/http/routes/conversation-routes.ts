/** /v1/conversations: transcript, facts and the hash chain that holds them. */
import { isId, TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CoordinatorApi } from "../../../services/state-manager/api.ts";
import { conversationSchema } from "../answer-schemas.ts";
import { errorAnswers, jsonAnswer } from "../error-schema.ts";
import { conversationQuerySchema, idParamsSchema } from "../request-schemas.ts";

export function registerConversationRoutes(server: FastifyInstance, api: CoordinatorApi): void {
  server.withTypeProvider<ZodTypeProvider>().get("/v1/conversations/:id", {
    schema: {
      tags: ["conversations"],
      operationId: "getConversation",
      summary: "A conversation; `verify=true` recomputes its chain.",
      params: idParamsSchema,
      querystring: conversationQuerySchema,
      response: { 200: jsonAnswer("The conversation.", conversationSchema), ...errorAnswers("TRIAD_CONVERSATION_NOT_FOUND") },
    },
    handler: async (request) => {
      const { id } = request.params;
      if (!isId(id)) throw new TriadError("TRIAD_CONVERSATION_NOT_FOUND");
      return await api.conversation(id, { verify: request.query.verify === "true" });
    },
  });
}
