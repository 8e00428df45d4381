/** What an operator's tools ask: metrics, liveness, readiness, the description of all routes. */
import { TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { CoordinatorApi } from "../../../services/state-manager/api.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import { statusSchema } from "../answer-schemas.ts";
import { errorAnswers, jsonAnswer, textAnswer } from "../error-schema.ts";

export function registerOperationsRoutes(server: FastifyInstance, api: CoordinatorApi, metrics: Metrics): void {
  const tags = ["operations"];

  server.get("/metrics", {
    schema: {
      tags,
      operationId: "getMetrics",
      summary: "Prometheus text.",
      response: { 200: textAnswer("The metrics.", "text/plain"), ...errorAnswers() },
    },
    handler: async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  });

  // Probes carry no token: they tell nothing but yes or no.
  server.get("/healthz", {
    config: { open: true },
    schema: {
      tags,
      operationId: "getHealth",
      summary: "Liveness: the process answers.",
      security: [],
      response: { 200: jsonAnswer("Alive.", statusSchema) },
    },
    handler: () => Promise.resolve({ status: "ok" }),
  });

  server.get("/readyz", {
    config: { open: true },
    schema: {
      tags,
      operationId: "getReadiness",
      summary: "Ready: there is a leader, and what it committed is applied here.",
      security: [],
      response: { 200: jsonAnswer("Ready.", statusSchema), ...errorAnswers("TRIAD_NOT_READY") },
    },
    handler: async () => {
      if (!api.ready()) throw new TriadError("TRIAD_NOT_READY");
      return { status: "ready" };
    },
  });

  server.get("/openapi.json", { config: { open: true }, schema: { hide: true }, handler: async () => server.swagger() });
}
