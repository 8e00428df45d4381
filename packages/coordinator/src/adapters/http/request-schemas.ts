/**
 * What requests may look like. Strict: a field that is not known is refused by name, since a typo in `deadlineMs` that is silently dropped
 * costs more than a 400. Kept apart from what the rest of the system makes of a request; types come from the port, and the compiler holds
 * these schemas against them.
 */
import { isFactName, isId, isJson, type Json, limits, type Observation, type Requirements, type Strategy } from "@triad/protocol";
import { z } from "zod";
import type { SubmitRequest } from "../../services/state-manager/api.ts";
import { parseDurationMs } from "./duration.ts";
import { DEADLINE_MS_MAX } from "./http-limits.ts";

/** Text that survives UTF-8: two different lone surrogates would become the same bytes in the log. */
const text = z.string().refine((value) => value.isWellFormed(), "holds a lone surrogate, which is not Unicode text");
const inputText = text.min(1, "must not be empty").describe("What is asked, as text.");

const skillName = text.refine((name) => isFactName(name, limits.NAME_LENGTH_MAX), "not the name of a skill");
const requirements: z.ZodType<Requirements> = z
  .record(skillName, z.number().min(0).max(1e6))
  .refine((weights) => Object.keys(weights).length <= limits.SKILLS_MAX, `more than ${limits.SKILLS_MAX} skills`)
  .refine((weights) => Object.keys(weights).length === 0 || Object.values(weights).some((weight) => weight > 0), "all weights are 0")
  .describe("Skill → weight ≥ 0; weights are relative to each other.");

function wellFormed(value: Json): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(wellFormed);
  return Object.entries(value).every(([name, item]) => name.isWellFormed() && wellFormed(item));
}

const factName = text.refine((name) => isFactName(name, limits.FACT_NAME_LENGTH_MAX), "not a name for a fact");
const factValue = z.custom<Json>((value) => isJson(value) && wellFormed(value), "not plain JSON, or nested deeper than 32");
const facts: z.ZodType<Readonly<Record<string, Json>>> = z
  .record(factName, factValue)
  .refine((value) => Object.keys(value).length <= limits.FACT_NAMES_MAX, `more than ${limits.FACT_NAMES_MAX} names`)
  .describe("Facts by name; null removes one.");

const observation: z.ZodType<Observation> = z.strictObject({ by: text.min(1).max(limits.NAME_LENGTH_MAX), text });

const memberCount = z.number().int().min(1).max(limits.ENSEMBLE_MAX);
const strategy: z.ZodType<Strategy> = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("single") }),
    z.strictObject({
      kind: z.literal("ensemble"),
      agents: memberCount.default(limits.ENSEMBLE_DEFAULT),
      aggregate: z.enum(["first", "majority", "weighted", "merge", "judge"]).default("weighted"),
      quorum: z.exactOptional(memberCount),
    }),
  ])
  .refine((value) => value.kind === "single" || (value.quorum ?? 1) <= value.agents, {
    path: ["quorum"],
    message: "more than `agents`",
  });

const conversationId = z.string().refine(isId, "not an id: letters, digits and ._:~- (at most 128, the first a letter or digit)");
const idempotencyKey = text.min(1).max(limits.KEY_LENGTH_MAX);

/** POST /v1/tasks; `budgetUsd` is part of the contract and not built yet. */
export type SubmitBody = SubmitRequest & { readonly budgetUsd?: number };
export const submitBodySchema: z.ZodType<SubmitBody> = z.strictObject({
  input: inputText,
  conversation: z.exactOptional(conversationId),
  requires: z.exactOptional(requirements),
  strategy: z.exactOptional(strategy),
  deadlineMs: z.exactOptional(z.number().int().min(1).max(DEADLINE_MS_MAX)),
  maxTransitions: z.exactOptional(z.number().int().min(0).max(limits.MAX_TRANSITIONS_MAX)),
  budgetUsd: z.exactOptional(z.number().min(0)),
  facts: z.exactOptional(facts),
  observations: z.exactOptional(z.array(observation).max(limits.OBSERVATIONS_MAX)),
  idempotencyKey: z.exactOptional(idempotencyKey),
});

/** POST /v1/tasks/:id/feedback; the key makes a repetition teach once. */
export interface FeedbackBody {
  readonly quality: number;
  readonly step?: number;
  readonly idempotencyKey?: string;
}
export const feedbackBodySchema: z.ZodType<FeedbackBody> = z.strictObject({
  quality: z.number().min(0).max(1).describe("How good it was, 0 to 1."),
  step: z.exactOptional(z.number().int().min(1)),
  idempotencyKey: z.exactOptional(idempotencyKey),
});

/** POST /v1/tasks/:id/effects/:n: either what the effect gave, or that it is to be called again. */
export interface EffectBody {
  readonly done?: Json;
  readonly repeat?: true;
  readonly member?: number;
  readonly idempotencyKey?: string;
}
export const effectBodySchema: z.ZodType<EffectBody> = z
  .strictObject({
    done: z.exactOptional(factValue).describe("It happened, and gave this."),
    repeat: z.exactOptional(z.literal(true)).describe("It is to be called again, under a new key."),
    member: z.exactOptional(z.number().int().min(0).max(limits.ENSEMBLE_MAX)),
    idempotencyKey: z.exactOptional(idempotencyKey),
  })
  .refine((body) => (body.done === undefined) !== (body.repeat === undefined), "give `done` or `repeat`, one of them");

/** POST /v1/routing/explain */
export interface ExplainBody {
  readonly input: string;
  readonly requires?: Requirements;
  readonly conversation?: string;
}
export const explainBodySchema: z.ZodType<ExplainBody> = z.strictObject({
  input: inputText,
  requires: z.exactOptional(requirements),
  conversation: z.exactOptional(conversationId),
});

/** A route without parameters in its body: absent, null or `{}`. */
export const emptyBodySchema: z.ZodType<unknown> = z.strictObject({}).nullish();

/** Ids in paths are any text here: one that cannot be an id belongs to nothing, and is a 404 like any other. */
export const idParamsSchema: z.ZodType<{ readonly id: string }> = z.object({ id: z.string() });

export const effectParamsSchema: z.ZodType<{ readonly id: string; readonly n: string }> = z.object({ id: z.string(), n: z.string() });

const waitMs = z
  .string()
  .describe("How long to hold the request until the task has ended: 500ms, 30s, 1m; at most 60s.")
  .transform((value, context) => {
    const ms = parseDurationMs(value);
    if (ms !== undefined && ms <= limits.WAIT_MS_MAX) return ms;
    context.addIssue(ms === undefined ? "not a duration; write 500ms, 30s or 1m" : `longer than ${limits.WAIT_MS_MAX / 1000}s`);
    return z.NEVER;
  });
export const taskQuerySchema: z.ZodType<{ readonly wait?: number }> = z.strictObject({ wait: z.exactOptional(waitMs) });

export const conversationQuerySchema: z.ZodType<{ readonly verify?: "true" | "false" }> = z.strictObject({
  verify: z.exactOptional(z.enum(["true", "false"])).describe("Recompute the hash chain and add `verified`."),
});

/** Number of the last event that a reader has seen; 0 = none. */
export const eventsHeadersSchema: z.ZodType<{ readonly "last-event-id"?: number | undefined }> = z.object({
  "last-event-id": z
    .string()
    .regex(/^\d{0,15}$/, "not the id of an event")
    .transform(Number)
    .optional(),
});
