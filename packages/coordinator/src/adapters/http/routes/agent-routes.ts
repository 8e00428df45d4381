/** /v1/agents and /v1/routing/explain: the team, its triples, and how it would be chosen from. */
import { isToken, TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CoordinatorApi } from "../../../services/state-manager/api.ts";
import { agentSchema, agentsSchema, explainSchema } from "../answer-schemas.ts";
import { BODY_ERRORS, errorAnswers, jsonAnswer } from "../error-schema.ts";
import { explainBodySchema, idParamsSchema } from "../request-schemas.ts";

export function registerAgentRoutes(server: FastifyInstance, api: CoordinatorApi): void {
  const routes = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["agents"];

  routes.get("/v1/agents", {
    schema: {
      tags,
      operationId: "listAgents",
      summary: "The agents of the team with their triples.",
      response: { 200: jsonAnswer("The agents.", agentsSchema), ...errorAnswers("TRIAD_NO_TEAM") },
    },
    handler: async () => ({ agents: await api.agents() }),
  });

  routes.get("/v1/agents/:id", {
    schema: {
      tags,
      operationId: "getAgent",
      summary: "One agent; its id is its name.",
      params: idParamsSchema,
      response: { 200: jsonAnswer("The agent.", agentSchema), ...errorAnswers("TRIAD_AGENT_UNKNOWN", "TRIAD_NO_TEAM") },
    },
    handler: async (request) => {
      if (!isToken(request.params.id)) throw new TriadError("TRIAD_AGENT_UNKNOWN");
      return await api.agent(request.params.id);
    },
  });

  routes.post("/v1/routing/explain", {
    schema: {
      tags,
      operationId: "explainRouting",
      summary: "Who would take it and why; changes nothing.",
      body: explainBodySchema,
      response: {
        200: jsonAnswer("The decision with every candidate's score in parts.", explainSchema),
        ...errorAnswers(...BODY_ERRORS, "TRIAD_SKILL_UNKNOWN", "TRIAD_NO_CANDIDATE", "TRIAD_NO_TEAM"),
      },
    },
    handler: async (request) => {
      const { requires, ...rest } = request.body;
      return await api.explain(requires && Object.keys(requires).length > 0 ? { ...rest, requires } : rest);
    },
  });
}
