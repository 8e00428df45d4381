/** GET /v1/tasks/:id/events: the live side of a task. Until the first byte, a refusal is an ordinary JSON error; after it, see event-stream. */
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CoordinatorApi } from "../../../services/state-manager/api.ts";
import { errorAnswers, textAnswer } from "../error-schema.ts";
import { type EventStreamOptions, pumpEvents } from "../event-stream.ts";
import type { HeldRequests } from "../held-requests.ts";
import { eventsHeadersSchema, idParamsSchema } from "../request-schemas.ts";
import { taskId } from "./task-routes.ts";

export function registerTaskEventRoutes(
  server: FastifyInstance,
  api: CoordinatorApi,
  held: HeldRequests,
  options: EventStreamOptions,
): void {
  server.withTypeProvider<ZodTypeProvider>().get("/v1/tasks/:id/events", {
    // A HEAD of a stream would open it and send nothing, for as long as the task runs.
    exposeHeadRoute: false,
    schema: {
      tags: ["tasks"],
      operationId: "streamTaskEvents",
      summary: "Server-sent events: accepted, routed, started, delta, step, completed, failed, cancelled, expired.",
      description:
        "Committed events carry an id; `Last-Event-ID` resumes after it at any coordinator. `started` and `delta` are live only.",
      params: idParamsSchema,
      headers: eventsHeadersSchema,
      response: { 200: textAnswer("The events, until the task's last.", "text/event-stream"), ...errorAnswers("TRIAD_TASK_NOT_FOUND") },
    },
    handler: async (request, reply) => {
      const id = taskId(request.params.id);
      const { signal, release } = held.hold(reply.raw);
      try {
        const events = await api.taskEvents(id, request.headers["last-event-id"] ?? 0, signal);
        reply.hijack();
        const outcome = await pumpEvents(reply.raw, events, signal, options);
        if (outcome.kind === "failed") request.log.error({ err: outcome.error, task: id }, "event stream failed");
        else request.log.debug({ task: id, outcome: outcome.kind }, "event stream closed");
      } finally {
        release();
      }
      return reply;
    },
  });
}
