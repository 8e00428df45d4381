/** /v1/cluster and the drain of a worker. */
import { isToken, TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CoordinatorApi } from "../../../services/state-manager/api.ts";
import { clusterSchema, drainSchema } from "../answer-schemas.ts";
import { BODY_ERRORS, errorAnswers, jsonAnswer } from "../error-schema.ts";
import { badRequest, type Issue } from "../problems.ts";
import { emptyBodySchema, idParamsSchema } from "../request-schemas.ts";

export function registerClusterRoutes(server: FastifyInstance, api: CoordinatorApi): void {
  const routes = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cluster"];

  routes.get("/v1/cluster", {
    schema: {
      tags,
      operationId: "getCluster",
      summary: "Coordinators, workers and counts, as this coordinator last heard them; answered without a leader too.",
      response: { 200: jsonAnswer("The cluster.", clusterSchema), ...errorAnswers() },
    },
    handler: () => Promise.resolve(api.cluster()),
  });

  routes.post("/v1/workers/:id/drain", {
    schema: {
      tags,
      operationId: "drainWorker",
      summary: "No new work there; it ends when what it runs has ended.",
      params: idParamsSchema,
      response: {
        202: jsonAnswer("Draining.", drainSchema),
        ...errorAnswers(...BODY_ERRORS, "TRIAD_WORKER_NOT_FOUND", "TRIAD_UNKNOWN_OUTCOME"),
      },
    },
    handler: async (request, reply) => {
      const body = emptyBodySchema.safeParse(request.body);
      if (!body.success) throw badRequest("body", body.error.issues as readonly Issue[]);
      if (!isToken(request.params.id)) throw new TriadError("TRIAD_WORKER_NOT_FOUND");
      return reply.code(202).send(await api.drainWorker(request.params.id));
    },
  });
}
