/** /v1/tasks: submit, read, wait, cancel, feedback. The event stream has a file of its own. */
import { randomBytes } from "node:crypto";
import { isId, limits, mintId, TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CoordinatorApi, SubmitRequest } from "../../../services/state-manager/api.ts";
import { acceptedSchema, feedbackAnswerSchema, taskSchema } from "../answer-schemas.ts";
import { BODY_ERRORS, errorAnswers, jsonAnswer } from "../error-schema.ts";
import type { HeldRequests } from "../held-requests.ts";
import type { LargeAnswers } from "../large-answers.ts";
import { feedbackBodySchema, idParamsSchema, type SubmitBody, submitBodySchema, taskQuerySchema } from "../request-schemas.ts";

/** An id that cannot exist is not found, like any other that does not. */
export function taskId(text: string): string {
  if (!isId(text)) throw new TriadError("TRIAD_TASK_NOT_FOUND");
  return text;
}

/** The limit is on what the log will hold, in UTF-8, however the body spelt it. */
function checkSize(body: SubmitBody): void {
  const observed = (body.observations ?? []).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const bytes = Buffer.byteLength(body.input) + Buffer.byteLength(JSON.stringify(body.facts ?? {})) + observed;
  if (bytes <= limits.INLINE_BODY_BYTES_MAX) return;
  const message = `Input, facts and observations are ${bytes} bytes; at most ${limits.INLINE_BODY_BYTES_MAX} are taken.`;
  throw new TriadError("TRIAD_BODY_TOO_LARGE", message, { bytes, bytesMax: limits.INLINE_BODY_BYTES_MAX });
}

/** What the contract has and this version does not: said before anything is committed. */
function checkBuilt({ strategy, budgetUsd }: SubmitBody): void {
  if (budgetUsd !== undefined) throw new TriadError("TRIAD_NOT_AVAILABLE", "`budgetUsd` is not built yet.", { field: "budgetUsd" });
  if (strategy?.kind !== "ensemble" || (strategy.aggregate !== "merge" && strategy.aggregate !== "judge")) return;
  const message = `\`strategy.aggregate: "${strategy.aggregate}"\` is not built yet; first, majority and weighted are.`;
  throw new TriadError("TRIAD_NOT_AVAILABLE", message, { field: "strategy.aggregate" });
}

/** Without weights there is nothing to require. */
function toSubmitRequest({ budgetUsd: _, requires, ...rest }: SubmitBody): SubmitRequest {
  return requires && Object.keys(requires).length > 0 ? { ...rest, requires } : rest;
}

const tags = ["tasks"];

export function registerTaskRoutes(server: FastifyInstance, api: CoordinatorApi, held: HeldRequests, large: LargeAnswers): void {
  registerSubmit(server, api);
  registerRead(server, api, held, large);
  registerCancel(server, api, large);
  registerFeedback(server, api);
}

function registerSubmit(server: FastifyInstance, api: CoordinatorApi): void {
  server.withTypeProvider<ZodTypeProvider>().post("/v1/tasks", {
    schema: {
      tags,
      operationId: "submitTask",
      summary: "Submit a task; answered once it is on disk on a majority.",
      body: submitBodySchema,
      response: {
        202: jsonAnswer("Accepted: never lost, never 404 before retention.", acceptedSchema),
        ...errorAnswers(
          ...BODY_ERRORS,
          "TRIAD_SKILL_UNKNOWN",
          "TRIAD_NO_CANDIDATE",
          "TRIAD_ENSEMBLE_TOO_SMALL",
          "TRIAD_IDEMPOTENCY_CONFLICT",
          "TRIAD_TASK_CONFLICT",
          "TRIAD_QUEUE_FULL",
          "TRIAD_NOT_AVAILABLE",
          "TRIAD_NO_TEAM",
          "TRIAD_UNKNOWN_OUTCOME",
        ),
      },
    },
    handler: async (request, reply) => {
      checkSize(request.body);
      checkBuilt(request.body);
      return reply.code(202).send(await api.submit(toSubmitRequest(request.body)));
    },
  });
}

function registerRead(server: FastifyInstance, api: CoordinatorApi, held: HeldRequests, large: LargeAnswers): void {
  server.withTypeProvider<ZodTypeProvider>().get("/v1/tasks/:id", {
    schema: {
      tags,
      operationId: "getTask",
      summary: "A task with its committed steps; `wait` holds the request until it has ended.",
      params: idParamsSchema,
      querystring: taskQuerySchema,
      response: { 200: jsonAnswer("The task.", taskSchema), ...errorAnswers("TRIAD_TASK_NOT_FOUND") },
    },
    handler: async (request, reply) => {
      const id = taskId(request.params.id);
      const waitMs = request.query.wait ?? 0;
      if (waitMs === 0) return large.send(reply, await api.task(id));
      const { signal, release } = held.hold(reply.raw);
      try {
        return large.send(reply, await api.taskWhenEnded(id, waitMs, signal));
      } finally {
        release();
      }
    },
  });
}

function registerCancel(server: FastifyInstance, api: CoordinatorApi, large: LargeAnswers): void {
  server.withTypeProvider<ZodTypeProvider>().delete("/v1/tasks/:id", {
    schema: {
      tags,
      operationId: "cancelTask",
      summary: "Cancel; a task that has ended is answered as it is.",
      params: idParamsSchema,
      response: { 200: jsonAnswer("The task after it.", taskSchema), ...errorAnswers("TRIAD_TASK_NOT_FOUND", "TRIAD_UNKNOWN_OUTCOME") },
    },
    handler: async (request, reply) => large.send(reply, await api.cancel(taskId(request.params.id))),
  });
}

function registerFeedback(server: FastifyInstance, api: CoordinatorApi): void {
  server.withTypeProvider<ZodTypeProvider>().post("/v1/tasks/:id/feedback", {
    schema: {
      tags,
      operationId: "giveFeedback",
      summary: "How good it was; teaches the capability matrix and changes nothing else.",
      params: idParamsSchema,
      body: feedbackBodySchema,
      response: {
        200: jsonAnswer("Committed.", feedbackAnswerSchema),
        ...errorAnswers(...BODY_ERRORS, "TRIAD_TASK_NOT_FOUND", "TRIAD_UNKNOWN_OUTCOME"),
      },
    },
    handler: async (request) => {
      const { idempotencyKey, ...feedback } = request.body;
      await api.feedback(taskId(request.params.id), feedback, idempotencyKey ?? mintId("request", randomBytes));
      return { ok: true as const };
    },
  });
}
