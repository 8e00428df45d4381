/**
 * What a command and a message may look like when they arrive as bytes: the checks behind decodeMessage and decodeCommands.
 * Types stand in commands.ts and messages.ts; the compiler holds these schemas against them.
 */
import { z } from "zod";
import { bodyRefSchema, hashSchema, storedBodySchema } from "./body-schemas.ts";
import type { Command, CommandResult } from "./commands.ts";
import { type FactsDelta, isFactName, isJson } from "./json.ts";
import * as limits from "./limits.ts";
import type { Message } from "./messages.ts";
import { bytesMax, finite, id, json, list, optional, share, table, text, token, vectorOf, whole } from "./schema-parts.ts";
import type { EffectOutcome, Fact, JournalEntry, NextMove, Pick, Requirements, RoutingDecision, Strategy, TaskError } from "./task.ts";
import type { TranscriptEvent } from "./transcript.ts";
import { CONTEXT_DIM, ROUTING_DIM, type TeamManifest } from "./triple.ts";

export const factsDeltaSchema: z.ZodType<FactsDelta> = z.custom<FactsDelta>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length <= limits.FACT_NAMES_MAX &&
    Object.keys(value).every((name) => isFactName(name)) &&
    isJson(value),
  "not facts",
);

const factName = z.string().refine((name) => isFactName(name), "not a fact's name");
/** Skill or agent names as keys: bounded, none that touches a prototype. */
const nameKey = z.string().refine((name) => isFactName(name, limits.NAME_LENGTH_MAX), "not a name");
export const requirementsSchema: z.ZodType<Requirements> = z
  .record(nameKey, z.number().min(0).max(1e6))
  .refine((value) => Object.keys(value).length <= limits.SKILLS_MAX, "too many skills");
/** The same in a frame. The one above is what HTTP shows in its OpenAPI document, which knows no custom types. */
const requirements = table(nameKey, z.number().min(0).max(1e6), limits.SKILLS_MAX);

export const strategySchema: z.ZodType<Strategy> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("single") }),
  z.object({
    kind: z.literal("ensemble"),
    agents: z.number().int().min(1).max(limits.ENSEMBLE_MAX),
    aggregate: z.enum(["first", "majority", "weighted", "merge", "judge"]),
    quorum: optional(z.number().int().min(1).max(limits.ENSEMBLE_MAX)),
  }),
]);

const inline = text(limits.INLINE_BODY_BYTES_MAX);
const body = z.union([inline, bodyRefSchema]);
const taskErrorSchema: z.ZodType<TaskError> = z.object({ code: text(64), message: text(8192), details: optional(json) });

const routingSchema: z.ZodType<RoutingDecision> = z.object({
  score: finite,
  runnerUp: text(limits.NAME_LENGTH_MAX).nullable(),
  candidates: list(
    z.object({
      agent: token,
      score: finite,
      parts: z.object({ time: finite, cost: finite, affinity: finite, quality: finite, incumbent: finite }),
    }),
    8,
  ),
  reason: z.enum(["best", "nearTie", "incumbent", "only", "named", "explore", "ensemble", "retry", "lost"]),
});

const pickSchema: z.ZodType<Pick> = z.object({
  task: id,
  step: whole,
  member: whole.max(limits.ENSEMBLE_MAX),
  agent: token,
  worker: token,
  workerToken: whole,
  requires: requirements,
  routing: routingSchema,
  voteWeight: optional(whole),
  alone: optional(z.boolean()),
});
const assign = list(pickSchema, limits.ASSIGNMENTS_MAX);

const manifestSchema: z.ZodType<TeamManifest> = z.object({
  name: token,
  skills: list(token, limits.SKILLS_MAX),
  negotiation: z.object({
    alpha: z.union([z.literal("auto"), z.number().gt(0).max(1e6)]),
    lambda: z.number().min(0).max(1e6),
    beta: z.number().gt(0).max(1e6),
    weights: z.enum(["uniform", "trust"]),
    stepPolicy: z.enum(["reject", "clamp"]),
  }),
  agents: list(
    z.object({
      name: token,
      prompt: z.object({ template: text(limits.TEMPLATE_BYTES_MAX), version: whole }),
      capabilities: table(nameKey, share, limits.SKILLS_MAX),
      examples: list(text(limits.EXAMPLE_LENGTH_MAX), limits.EXAMPLES_MAX),
      model: optional(text(512)),
      timeoutMs: z.number().int().min(1).max(limits.TIMEOUT_MS_MAX),
      retry: z.object({
        attempts: z.number().int().min(1).max(limits.RETRY_ATTEMPTS_MAX),
        backoffMs: whole.max(limits.RETRY_BACKOFF_MS_MAX),
      }),
      concurrency: z.number().int().min(1).max(limits.CONCURRENCY_MAX),
    }),
    limits.AGENTS_MAX,
    1,
  ),
  idf: bytesMax(ROUTING_DIM * 4).refine((value) => value.length === 0 || value.length === ROUTING_DIM * 4, "not an idf table"),
  prototypes: table(nameKey, list(vectorOf(ROUTING_DIM), limits.PROTOTYPES_MAX), limits.AGENTS_MAX),
});

const nextSchema: z.ZodType<NextMove> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("finish") }),
  z.object({ kind: z.literal("handoff"), to: optional(text(limits.NAME_LENGTH_MAX)), requires: optional(requirements) }),
]);

const step = { task: id, step: whole, member: whole.max(limits.ENSEMBLE_MAX), fence: whole };

const place = z.number().int().min(1).max(limits.EFFECTS_MAX);
const effectName = text(limits.NAME_LENGTH_MAX).min(1);
const effectOutcome: z.ZodType<EffectOutcome> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("returned"), value: inline }),
  z.object({ kind: z.literal("threw"), error: taskErrorSchema }),
]);
const journalEntry: z.ZodType<JournalEntry> = z.object({
  n: place,
  name: effectName,
  inputDigest: text(64),
  attempt: whole,
  outcome: effectOutcome,
});

export const commandSchema: z.ZodType<Command> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("RegisterTeam"), manifest: manifestSchema, digest: text(64) }),
  z.object({
    type: z.literal("RegisterWorker"),
    worker: token,
    bootId: token,
    digest: text(64),
    pid: whole,
    threads: whole.max(4096),
    http: text(512),
  }),
  z.object({ type: z.literal("DrainWorker"), worker: token }),
  z.object({ type: z.literal("WorkerLost"), worker: token, token: whole, reason: z.enum(["silent", "left"]) }),
  z.object({
    type: z.literal("OpenTask"),
    task: id,
    conversation: id,
    key: optional(text(limits.KEY_LENGTH_MAX)),
    requestDigest: text(64),
    input: inline,
    observations: list(z.object({ by: text(limits.NAME_LENGTH_MAX), text: inline }), limits.OBSERVATIONS_MAX),
    embedding: optional(vectorOf(ROUTING_DIM)),
    requires: optional(requirements),
    strategy: strategySchema,
    facts: factsDeltaSchema,
    deadlineAt: optional(whole),
    maxTransitions: whole.max(limits.MAX_TRANSITIONS_MAX),
    assign,
  }),
  z.object({
    type: z.literal("StepFinished"),
    ...step,
    output: body,
    facts: factsDeltaSchema,
    evidence: optional(z.object({ vector: vectorOf(CONTEXT_DIM), scale: z.number().min(0).max(1e6) })),
    quality: optional(share),
    usage: z.object({ tokensIn: whole, tokensOut: whole, costUsd: z.number().min(0).max(1e9) }),
    serviceMs: z.number().min(0).max(1e12),
    view: optional(
      z.object({
        factTokens: whole,
        textTokens: whole,
        factsShown: whole,
        factsLeftOut: whole,
        eventsShown: whole,
        eventsLeftOut: whole,
      }),
    ),
    next: nextSchema,
    assign,
  }),
  z.object({
    type: z.literal("StepFailed"),
    ...step,
    cause: z.enum(["threw", "timeout", "invalid", "killed"]),
    terminal: z.boolean(),
    error: taskErrorSchema,
    retryAt: whole,
    assign,
  }),
  z.object({ type: z.literal("StepLost"), ...step, alone: z.boolean(), assign }),
  z.object({
    type: z.literal("EffectIntended"),
    ...step,
    n: place,
    name: effectName,
    inputDigest: text(64),
    onDoubt: z.enum(["sameKey", "repeat", "ask"]),
    question: optional(text(limits.QUESTION_LENGTH_MAX)),
  }),
  z.object({ type: z.literal("EffectDone"), ...step, n: place, outcome: effectOutcome }),
  z.object({
    type: z.literal("EffectResolved"),
    task: id,
    n: place,
    member: optional(whole.max(limits.ENSEMBLE_MAX)),
    verdict: z.discriminatedUnion("kind", [z.object({ kind: z.literal("done"), value: inline }), z.object({ kind: z.literal("repeat") })]),
    request: text(limits.KEY_LENGTH_MAX),
    assign,
  }),
  z.object({ type: z.literal("Assign"), assign: list(pickSchema, limits.ASSIGNMENTS_MAX, 1) }),
  z.object({
    type: z.literal("EndTask"),
    task: id,
    status: z.enum(["cancelled", "expired", "failed"]),
    error: optional(taskErrorSchema),
    assign,
  }),
  z.object({ type: z.literal("Feedback"), task: id, step: optional(whole), quality: share, request: text(limits.KEY_LENGTH_MAX) }),
  z.object({ type: z.literal("SetConfig"), retentionMs: optional(whole), keyTtlMs: optional(whole) }),
  z.object({ type: z.literal("Tick") }),
]);

const resultSchema: z.ZodType<CommandResult> = z.object({
  outcome: z.enum(["ok", "duplicate", "conflict", "fenced", "ended", "refused"]),
  code: optional(text(64)),
  message: optional(text(8192)),
  details: optional(z.unknown()),
  task: optional(text(128)),
  conversation: optional(text(128)),
  status: optional(text(32)),
  token: optional(whole),
  effect: optional(z.object({ round: whole, parked: z.boolean() })),
  index: optional(whole),
});

const eventSchema: z.ZodType<TranscriptEvent> = z.object({
  seq: whole,
  prev: text(64),
  id: text(64),
  type: z.enum(["observed", "opened", "step", "ended"]),
  at: whole,
  task: text(128),
  step: whole,
  by: text(limits.NAME_LENGTH_MAX),
  text: inline,
  body: optional(storedBodySchema),
  facts: factsDeltaSchema,
});

const factSchema: z.ZodType<Fact> = z.object({
  value: json,
  version: whole,
  task: text(128),
  step: whole,
  agent: text(limits.NAME_LENGTH_MAX),
});

const inbox = { term: whole, leader: token };
const refused = z.object({ kind: z.literal("refused"), code: text(64), message: text(8192) });

export const messageSchema: z.ZodType<Message> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("propose"), from: token, commands: list(commandSchema, limits.ENTRY_COMMANDS_MAX, 1) }),
  z.object({ kind: z.literal("proposed"), results: list(resultSchema, limits.ENTRY_COMMANDS_MAX) }),
  z.object({ kind: z.literal("notLeader"), leader: text(limits.NAME_LENGTH_MAX) }),
  refused,
  z.object({
    kind: z.literal("dispatch"),
    ...inbox,
    items: list(
      z.object({
        no: whole,
        ...step,
        attempt: whole,
        start: whole,
        alone: z.boolean(),
        conversation: id,
        agent: token,
        input: inline,
        requires: requirements,
        facts: table(factName, factSchema, limits.FACT_NAMES_MAX),
        events: list(eventSchema, 4096),
        eventsTotal: whole,
        root: text(64),
        context: bytesMax(CONTEXT_DIM * 4),
        deadlineAt: optional(whole),
        ensemble: z.boolean(),
        effects: optional(list(journalEntry, limits.EFFECTS_MAX)),
      }),
      limits.ASSIGNMENTS_MAX,
      1,
    ),
  }),
  z.object({ kind: z.literal("abort"), ...inbox, fences: list(whole, 65_536) }),
  z.object({ kind: z.literal("reregister"), ...inbox, token: whole }),
  z.object({ kind: z.literal("replaced"), ...inbox, bootId: token }),
  z.object({ kind: z.literal("drain"), ...inbox }),
  z.object({
    kind: z.literal("heartbeat"),
    worker: token,
    bootId: token,
    token: whole,
    echoTerm: whole,
    echoNo: whole,
    fences: list(whole, 65_536),
    threads: whole,
    inFlight: whole,
    lagMs: z.number().min(0),
  }),
  z.object({
    kind: z.literal("status"),
    id: token,
    node: token,
    bootId: token,
    pid: whole,
    http: text(512),
    term: whole,
    role: z.enum(["leader", "follower", "candidate"]),
    leader: text(limits.NAME_LENGTH_MAX),
    commitIndex: whole,
    appliedIndex: whole,
    stateHash: text(64),
    checkIndex: whole,
    checkHash: text(64),
  }),
  z.object({ kind: z.literal("discover") }),
  z.object({
    kind: z.literal("discovered"),
    cluster: token,
    id: token,
    leader: text(limits.NAME_LENGTH_MAX),
    term: whole,
    http: text(512),
  }),
  z.object({ kind: z.literal("readTranscript"), conversation: id, from: whole, to: whole }),
  z.object({ kind: z.literal("transcript"), events: list(eventSchema, 4096) }),
  z.object({ kind: z.literal("chunkPut"), hash: hashSchema, bytes: bytesMax(limits.CHUNK_BYTES_MAX) }),
  z.object({ kind: z.literal("chunkGet"), hash: hashSchema, scope: z.enum(["here", "anywhere"]) }),
  z.object({ kind: z.literal("chunkStored"), hash: hashSchema, voters: whole, graceMs: whole }),
  z.object({ kind: z.literal("chunk"), hash: hashSchema, bytes: bytesMax(limits.CHUNK_BYTES_MAX) }),
  z.object({
    kind: z.literal("live"),
    ...step,
    attempt: whole,
    start: whole,
    n: whole,
    event: z.enum(["started", "delta"]),
    agent: token,
    worker: token,
    text: text(limits.DELTA_BYTES_MAX),
  }),
  z.object({
    kind: z.literal("decisions"),
    index: whole,
    term: whole,
    decisions: list(
      z.object({
        ...step,
        agent: token,
        worker: token,
        score: finite,
        runnerUp: text(limits.NAME_LENGTH_MAX).nullable(),
        reason: text(32),
      }),
      65_536,
    ),
  }),
  z.object({ kind: z.literal("commit"), index: whole, term: whole, commands: whole }),
]);
