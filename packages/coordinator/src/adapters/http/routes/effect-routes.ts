/** /v1/tasks/:id/effects/:n: a person's word on an effect in doubt, or on a question, that a step waits for. */
import { randomBytes } from "node:crypto";
import { type EffectVerdict, limits, mintId, TriadError, utf8Length } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CoordinatorApi } from "../../../services/state-manager/api.ts";
import { taskSchema } from "../answer-schemas.ts";
import { BODY_ERRORS, errorAnswers, jsonAnswer } from "../error-schema.ts";
import type { LargeAnswers } from "../large-answers.ts";
import { type EffectBody, effectBodySchema, effectParamsSchema } from "../request-schemas.ts";
import { taskId } from "./task-routes.ts";

/** A place that no effect can have is waited at by nobody, like any other that is free. */
function placeOf(text: string): number {
  const n = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 0;
  if (n === 0 || n > limits.EFFECTS_MAX) throw new TriadError("TRIAD_EFFECT_NOT_WAITING");
  return n;
}

function verdictOf(body: EffectBody): EffectVerdict {
  if (body.done === undefined) return { kind: "repeat" };
  const value = JSON.stringify(body.done);
  const bytes = utf8Length(value);
  if (bytes <= limits.INLINE_BODY_BYTES_MAX) return { kind: "done", value };
  throw new TriadError("TRIAD_BODY_TOO_LARGE", `\`done\` is ${bytes} bytes; at most ${limits.INLINE_BODY_BYTES_MAX} are taken.`, {
    bytes,
    bytesMax: limits.INLINE_BODY_BYTES_MAX,
  });
}

export function registerEffectRoutes(server: FastifyInstance, api: CoordinatorApi, large: LargeAnswers): void {
  server.withTypeProvider<ZodTypeProvider>().post("/v1/tasks/:id/effects/:n", {
    schema: {
      tags: ["tasks"],
      operationId: "resolveEffect",
      summary: "Say what became of an effect that a waiting task asks about, or answer its question; the step goes on.",
      params: effectParamsSchema,
      body: effectBodySchema,
      response: {
        200: jsonAnswer("The task after it.", taskSchema),
        ...errorAnswers(...BODY_ERRORS, "TRIAD_TASK_NOT_FOUND", "TRIAD_EFFECT_NOT_WAITING", "TRIAD_UNKNOWN_OUTCOME"),
      },
    },
    handler: async (request, reply) => {
      const { member, idempotencyKey } = request.body;
      const id = taskId(request.params.id);
      const effect = { n: placeOf(request.params.n), ...(member === undefined ? {} : { member }) };
      const name = idempotencyKey ?? mintId("request", randomBytes);
      return large.send(reply, await api.resolveEffect(id, effect, verdictOf(request.body), name));
    },
  });
}
