/** Records of Φ as users see them (interface.md 3): pure functions from a consistent read to the answers of the API. */
import { type Fact, floatsFromBytes, type Json, type Requirements, type RoutingDecision, type TranscriptEvent } from "@triad/protocol";
import { factsOf } from "../../core/state/facts.ts";
import { asked } from "../../core/state/journal.ts";
import { keys } from "../../core/state/keys.ts";
import type { AgentRecord, ConversationTaskRecord, StepMember, StepRecord, TaskEventRecord, TaskRecord } from "../../core/state/records.ts";
import { type StateReader, Transaction } from "../../core/state/transaction.ts";
import { verifyChain } from "../../core/transcript/transcript.ts";
import type { Sha256 } from "../ports.ts";
import type { AgentView, ConversationView, ExplainView, MemberView, StepView, TaskStreamEvent, TaskView, WaitingView } from "./api.ts";
import type { TextOf } from "./whole-texts.ts";

const iso = (ms: number): string => new Date(ms).toISOString();

function stepView(step: StepRecord, textOf: TextOf): StepView {
  return {
    n: step.n,
    agent: step.agent,
    worker: step.worker,
    attempt: step.attempt,
    outcome: step.outcome,
    output: textOf(step.output),
    ...(typeof step.output === "string" ? {} : { body: { ref: step.output.ref, bytes: step.output.bytes } }),
    facts: step.facts,
    routing: step.routing,
    agreement: step.agreement,
    startedAt: iso(step.startedAt),
    finishedAt: iso(step.finishedAt),
    ...(step.members === null ? {} : { members: step.members.map((member) => memberView(member, textOf)) }),
  };
}

function memberView({ agent, worker, output, weight, outcome }: StepMember, textOf: TextOf): MemberView {
  return { agent, worker, output: output === null ? null : textOf(output), weight, outcome };
}

/** Facts of a task: those of its request and of its own steps, the latest value each. */
function taskFacts(state: StateReader, id: string, steps: readonly StepRecord[]): Record<string, Json> {
  const facts: Record<string, Json> = {};
  const deltas = [new Transaction(state).input(id)?.facts ?? {}, ...steps.map((step) => step.facts)];
  for (const delta of deltas) {
    for (const [name, value] of Object.entries(delta)) {
      if (value === null) delete facts[name];
      else facts[name] = value;
    }
  }
  return facts;
}

/** What the task waits for a person to say. */
function waitingFor(state: StateReader, { id, step }: TaskRecord): readonly WaitingView[] {
  if (step === null) return [];
  return asked(new Transaction(state), id, step).map(({ member, effect: { n, name, question } }) => {
    const { member: number, agent } = member;
    return { n, name, step: step.n, member: number, agent: agent ?? "", ...(question === null ? {} : { question }) };
  });
}

export function taskView(state: StateReader, task: TaskRecord, textOf: TextOf): TaskView {
  const steps = [...state.list(keys.steps(task.id)).values()] as StepRecord[];
  const output = task.output === null ? {} : { output: textOf(task.output) };
  // Newest first: where not all stored texts fit an answer, it is the latest that are shown whole.
  const views = steps.toReversed().map((step) => stepView(step, textOf));
  return {
    task: task.id,
    conversation: task.conversation,
    status: task.status,
    ...output,
    facts: taskFacts(state, task.id, steps),
    steps: views.reverse(),
    ...(task.agreement === null ? {} : { agreement: task.agreement }),
    ...(task.missing === null ? {} : { partial: { missing: task.missing } }),
    ...(task.error === null ? {} : { error: task.error }),
    ...(task.status === "waiting" ? { waitingFor: waitingFor(state, task) } : {}),
    openedAt: iso(task.openedAt),
    ...(task.endedAt === null ? {} : { endedAt: iso(task.endedAt) }),
  };
}

/** An event with its whole text. Its id is over the beginning and `body` (docs/state.md, Large outputs), whatever is shown here. */
function eventView(event: TranscriptEvent, textOf: TextOf): TranscriptEvent {
  return event.body === undefined ? event : { ...event, text: textOf({ ...event.body, head: event.text }) };
}

export function conversationView(state: StateReader, id: string, sha256: Sha256 | undefined, textOf: TextOf): ConversationView | undefined {
  const tx = new Transaction(state);
  const conversation = tx.conversation(id);
  if (conversation === undefined) return undefined;
  const events = [...state.list(keys.events(id)).values()] as TranscriptEvent[];
  const facts: Record<string, Json> = {};
  const provenance: Record<string, Omit<Fact, "value">> = {};
  for (const [name, { value, ...rest }] of Object.entries(factsOf(tx, id))) {
    facts[name] = value;
    provenance[name] = rest;
  }
  const tasks = ([...state.list(keys.conversationTasks(id)).values()] as ConversationTaskRecord[]).flatMap(({ task }) => {
    const record = tx.task(task);
    return record === undefined ? [] : [{ task, status: record.status }];
  });
  const shown = events.toReversed().map((event) => eventView(event, textOf));
  const view = { conversation: id, root: conversation.root, events: shown.reverse(), facts, provenance, tasks };
  if (sha256 === undefined) return view;
  const verdict = verifyChain(events, conversation.root, sha256);
  return { ...view, verified: verdict.verified && events.length === conversation.events };
}

export function agentView(agent: AgentRecord, workers: readonly string[], actors: number): AgentView {
  const profile = floatsFromBytes(agent.profile);
  let square = 0;
  for (const x of profile) square += x * x;
  const capabilities: Record<string, AgentView["triple"]["capabilities"][string]> = {};
  for (const [skill, { quality, done, samples, latencyMs, costUsd }] of Object.entries(agent.skills)) {
    capabilities[skill] = { quality, done, samples, latencyMs, costUsd };
  }
  return {
    id: agent.manifest.name,
    workers,
    actors,
    status: workers.length > 0 ? "up" : "down",
    triple: {
      prompt: agent.manifest.prompt,
      context: { dim: profile.length, norm: Math.sqrt(square), steps: agent.steps },
      capabilities,
    },
  };
}

export function explainView(agent: string, decision: RoutingDecision, requires: Requirements | undefined): ExplainView {
  const { score, runnerUp, reason, candidates } = decision;
  return { agent, score, runnerUp, reason, requires: requires ?? null, candidates };
}

/** A committed event as the stream shows it; its number is the id that Last-Event-ID names. */
export function streamEvent(task: string, record: TaskEventRecord): TaskStreamEvent {
  const data: Record<string, Json> = { task, at: iso(record.at) };
  if (record.step > 0) data["step"] = record.step;
  if (record.agent !== "") data["agent"] = record.agent;
  if (record.worker !== "") data["worker"] = record.worker;
  if (record.attempt > 0) data["attempt"] = record.attempt;
  if (record.text !== "") data[record.event === "waiting" ? "effect" : "error"] = record.text;
  return { id: record.n, event: record.event, data };
}
