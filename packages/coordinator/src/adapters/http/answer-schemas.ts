/**
 * What answers look like, for /openapi.json and for tests. Answers are not checked against them at run time: a coordinator that refused to
 * show a committed task because of a documentation slip would lose what it promised to keep. The compiler holds them against the port.
 */
import type { Json, Requirements, RoutingDecision, TaskError, TranscriptEvent } from "@triad/protocol";
import { z } from "zod";
import type {
  Accepted,
  AgentView,
  ClusterView,
  ConversationView,
  ExplainView,
  MemberView,
  StepView,
  TaskView,
  WaitingView,
} from "../../services/state-manager/api.ts";

const optional = <T extends z.ZodType>(type: T) => z.exactOptional(type);
const whole = z.number().int().min(0);
const json = z.unknown() as z.ZodType<Json>;
const facts: z.ZodType<Readonly<Record<string, Json>>> = z.record(z.string(), json);
const requires: z.ZodType<Requirements> = z.record(z.string(), z.number());
const taskStatus = z.enum(["running", "waiting", "completed", "failed", "cancelled", "expired"]);
const time = z.string().describe("ISO 8601, log time.");

export const acceptedSchema: z.ZodType<Accepted> = z
  .object({
    task: z.string(),
    conversation: z.string(),
    status: z.literal("accepted"),
    commitIndex: whole.describe("Index of the log entry that holds the task, on disk on a majority."),
  })
  .meta({ id: "Accepted" });

const candidates = z.array(
  z.object({
    agent: z.string(),
    score: z.number(),
    parts: z
      .object({ time: z.number(), cost: z.number(), affinity: z.number(), quality: z.number(), incumbent: z.number() })
      .describe("They add up to the score."),
  }),
);
const reason = z.enum(["best", "nearTie", "incumbent", "only", "named", "explore", "ensemble", "retry", "lost"]);
const routingSchema: z.ZodType<RoutingDecision> = z.object({
  score: z.number(),
  runnerUp: z.string().nullable(),
  candidates,
  reason,
});

const memberSchema: z.ZodType<MemberView> = z.object({
  agent: z.string(),
  worker: z.string(),
  output: z.string().nullable(),
  weight: z.number(),
  outcome: z.string(),
});

const stepSchema: z.ZodType<StepView> = z
  .object({
    n: whole,
    agent: z.string(),
    worker: z.string(),
    attempt: whole.describe("From 1."),
    outcome: z.string(),
    output: z.string(),
    body: optional(z.object({ ref: z.string().describe("SHA-256 of the whole output."), bytes: whole })).describe(
      "Where the output is stored apart; `output` is shorter than `bytes` where the answer would grow too large.",
    ),
    facts,
    routing: routingSchema,
    agreement: z.number(),
    startedAt: time,
    finishedAt: time,
    members: optional(z.array(memberSchema)),
  })
  .meta({ id: "Step" });

const taskErrorSchema: z.ZodType<TaskError> = z.object({ code: z.string(), message: z.string(), details: optional(json) });

const waitingSchema: z.ZodType<WaitingView> = z.object({
  n: whole.describe("Place of the effect within its step; the number in POST /v1/tasks/:id/effects/:n."),
  name: z.string(),
  step: whole,
  member: whole,
  agent: z.string(),
  question: optional(z.string()),
});

export const taskSchema: z.ZodType<TaskView> = z
  .object({
    task: z.string(),
    conversation: z.string(),
    status: taskStatus,
    output: optional(z.string()),
    facts,
    steps: z.array(stepSchema).describe("One entry a committed step."),
    agreement: optional(z.number()),
    partial: optional(z.object({ missing: z.array(z.number()) })),
    error: optional(taskErrorSchema),
    waitingFor: optional(z.array(waitingSchema)).describe("While the status is `waiting`: what a person is to say."),
    openedAt: time,
    endedAt: optional(time),
  })
  .meta({ id: "Task" });

const transcriptEventSchema: z.ZodType<TranscriptEvent> = z.object({
  seq: whole,
  prev: z.string(),
  id: z.string().describe("SHA-256 over the event's canonical bytes and the id before it."),
  type: z.enum(["observed", "opened", "step", "ended"]),
  at: whole,
  task: z.string(),
  step: whole,
  by: z.string(),
  text: z.string(),
  body: optional(z.object({ ref: z.string(), bytes: whole, chunks: z.array(z.string()) })).describe(
    "Where the output is stored apart. The id is over this and the beginning of the text.",
  ),
  facts,
});

export const conversationSchema: z.ZodType<ConversationView> = z
  .object({
    conversation: z.string(),
    root: z.string(),
    events: z.array(transcriptEventSchema),
    facts,
    provenance: z.record(z.string(), z.object({ version: whole, task: z.string(), step: whole, agent: z.string() })),
    tasks: z.array(z.object({ task: z.string(), status: taskStatus })),
    verified: optional(z.boolean()),
  })
  .meta({ id: "Conversation" });

export const agentSchema: z.ZodType<AgentView> = z
  .object({
    id: z.string(),
    workers: z.array(z.string()),
    actors: whole.describe("Conversations in which it has a step running."),
    status: z.enum(["up", "down"]),
    triple: z.object({
      prompt: z.object({ template: z.string(), version: whole }),
      context: z.object({ dim: whole, norm: z.number(), steps: whole }),
      capabilities: z.record(
        z.string(),
        z.object({ quality: z.number(), done: z.number(), samples: whole, latencyMs: z.number(), costUsd: z.number() }),
      ),
    }),
  })
  .meta({ id: "Agent" });
export const agentsSchema: z.ZodType<{ readonly agents: readonly AgentView[] }> = z.object({ agents: z.array(agentSchema) });

export const explainSchema: z.ZodType<ExplainView> = z
  .object({
    agent: z.string(),
    score: z.number(),
    runnerUp: z.string().nullable(),
    reason: z.string(),
    requires: requires.nullable(),
    candidates,
  })
  .meta({ id: "Explanation" });

export const clusterSchema: z.ZodType<ClusterView> = z
  .object({
    cluster: z.string(),
    leader: z.string().nullable(),
    term: whole,
    coordinators: z.array(
      z.object({
        id: z.string(),
        pid: whole.nullable().describe("null until this coordinator has heard of that one."),
        role: z.enum(["leader", "follower", "candidate", "down"]),
        term: whole,
        commitIndex: whole,
        appliedIndex: whole,
        http: z.string(),
        stateHash: z.string(),
      }),
    ),
    workers: z.array(
      z.object({
        id: z.string(),
        pid: whole,
        state: z.enum(["up", "draining", "down"]),
        threads: whole,
        agents: whole,
        inFlight: whole,
        http: z.string().describe("Where it serves /metrics and /healthz; empty where it serves none."),
      }),
    ),
    tasks: z.object({ running: whole, completed: whole, failed: whole }),
  })
  .meta({ id: "Cluster" });

export const drainSchema: z.ZodType<{ readonly id: string; readonly state: string }> = z.object({ id: z.string(), state: z.string() });
export const feedbackAnswerSchema: z.ZodType<{ readonly ok: true }> = z.object({ ok: z.literal(true) });
export const statusSchema: z.ZodType<{ readonly status: string }> = z.object({ status: z.string() });
