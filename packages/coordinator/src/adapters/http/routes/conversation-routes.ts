/** /v1/conversations: transcript, facts and the hash chain that holds them. */
import { isId, TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CoordinatorApi } from "../../../services/state-manager/api.ts";
import { conversationSchema } from "../answer-schemas.ts";
import { errorAnswers, jsonAnswer } from "../error-schema.ts";
import type { LargeAnswers } from "../large-answers.ts";
import { conversationQuerySchema, idParamsSchema } from "../request-schemas.ts";

export function registerConversationRoutes(server: FastifyInstance, api: CoordinatorApi, large: LargeAnswers): void {
  server.withTypeProvider<ZodTypeProvider>().get("/v1/conversations/:id", {
    schema: {
      tags: ["conversations"],
      operationId: "getConversation",
      summary: "A conversation; `verify=true` recomputes its chain.",
      params: idParamsSchema,
      querystring: conversationQuerySchema,
      response: { 200: jsonAnswer("The conversation.", conversationSchema), ...errorAnswers("TRIAD_CONVERSATION_NOT_FOUND") },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      if (!isId(id)) throw new TriadError("TRIAD_CONVERSATION_NOT_FOUND");
      return large.send(reply, await api.conversation(id, { verify: request.query.verify === "true" }));
    },
  });
}
