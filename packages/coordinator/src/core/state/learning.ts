/**
 * What a committed step teaches: the capability matrix, the routing prototypes, and the negotiated contexts of the conversation's team
 * (state.md 8 and 9). Loss of a worker, cancel and deadline teach nothing.
 */
import { CONTEXT_DIM, floatsFromBytes, floatsToBytes, limits, type Requirements, type SkillStatistics } from "@triad/protocol";
import { teachPrototypes } from "../routing/prototypes.ts";
import { observeCommitted, observeFailed, observeQuality, type StepMeasure, skillShares } from "../routing/statistics.ts";
import { foldEvidence, PROFILE_SHARE } from "../transition/evidence.ts";
import { negotiate, type TeamMember } from "../transition/negotiation.ts";
import type { Application } from "./application.ts";
import { keys } from "./keys.ts";
import type { AgentRecord, ContextRecord, ConversationRecord, TaskRecord, TeamRecord } from "./records.ts";

function updateSkills(
  app: Application,
  name: string,
  requires: Requirements,
  update: (stats: SkillStatistics, share: number) => SkillStatistics,
  more: Partial<AgentRecord> = {},
): void {
  const agent = app.tx.agent(name);
  if (agent === undefined) return;
  const skills: Record<string, SkillStatistics> = { ...agent.skills };
  for (const { skill, share } of skillShares(requires)) {
    const stats = skills[skill];
    if (stats !== undefined) skills[skill] = update(stats, share);
  }
  app.tx.put(keys.agent(name), { ...agent, ...more, skills });
}

/** A committed step: done, latency, cost, samples, and quality where the agent judged it itself. */
export function learnCommitted(app: Application, name: string, requires: Requirements, measure: StepMeasure, quality: number | null): void {
  const steps = (app.tx.agent(name)?.steps ?? 0) + 1;
  const update = (stats: SkillStatistics, share: number): SkillStatistics => {
    const committed = observeCommitted(stats, share, measure);
    return quality === null ? committed : observeQuality(committed, share, quality);
  };
  updateSkills(app, name, requires, update, { steps });
}

/** An attempt that threw, timed out or ended its thread. */
export function learnFailed(app: Application, name: string, requires: Requirements): void {
  updateSkills(app, name, requires, observeFailed);
}

/** A judgement from outside. */
export function learnQuality(app: Application, name: string, requires: Requirements, quality: number): void {
  updateSkills(app, name, requires, (stats, share) => observeQuality(stats, share, quality));
}

/** A turn that was handed on teaches the agent that settled it: its text becomes, or moves, one of that agent's prototypes. */
export function learnRouting(app: Application, task: TaskRecord, settledBy: string): void {
  if (task.handoffs === 0 || task.requires !== null || task.firstAgent === settledBy) return;
  const embedding = app.tx.input(task.id)?.embedding ?? null;
  const agent = app.tx.agent(settledBy);
  if (embedding === null || agent === undefined) return;
  const prototypes = teachPrototypes(agent.prototypes, embedding);
  if (prototypes !== agent.prototypes) app.tx.put(keys.agent(settledBy), { ...agent, prototypes });
}

/** The agent's profile moves slowly towards what it settles: an average over its conversations. */
function foldProfile(app: Application, name: string, evidence: { readonly vector: Uint8Array; readonly scale: number }): void {
  const agent = app.tx.agent(name);
  if (agent === undefined) return;
  const before = agent.profile.length === 0 ? undefined : floatsFromBytes(agent.profile);
  app.tx.put(keys.agent(name), { ...agent, profile: floatsToBytes(foldEvidence(before, evidence.vector, evidence.scale, PROFILE_SHARE)) });
}

const NOTHING = new Float32Array(0);
const ZEROS = new Float32Array(CONTEXT_DIM);

function memberOf(app: Application, conversation: string, name: string): TeamMember {
  const agent = app.tx.agent(name);
  const known = app.tx.context(conversation, name);
  let quality = 0;
  let rows = 0;
  for (const skill of Object.keys(agent?.skills ?? {}).sort()) {
    quality += agent?.skills[skill]?.quality ?? 0;
    rows++;
  }
  const profile = agent === undefined || agent.profile.length === 0 ? ZEROS : floatsFromBytes(agent.profile);
  return {
    agent: name,
    context: known === undefined ? NOTHING : floatsFromBytes(known.context),
    evidence: known === undefined ? profile : floatsFromBytes(known.evidence),
    quality: rows === 0 ? 1 : quality / rows,
  };
}

/** The latest members with a committed step, the finisher last, and the receiver. */
function teamAfter(conversation: ConversationRecord, finisher: string): readonly string[] {
  return [...conversation.team.filter((name) => name !== finisher), finisher].slice(-limits.TEAM_MEMBERS_MAX);
}

/**
 * One negotiated transition of the conversation's team: evidence folds into the finisher's E, the finisher takes its rounds, then the
 * receiver. Gives the conversation with its team, and the agreement in [0, 1].
 */
export function negotiateStep(
  app: Application,
  team: TeamRecord,
  conversation: ConversationRecord,
  finisher: string,
  receiver: string | undefined,
  evidence: { readonly vector: Uint8Array; readonly scale: number } | null,
): { readonly conversation: ConversationRecord; readonly agreement: number } {
  const names = teamAfter(conversation, finisher);
  if (app.rehearsal) return { conversation: { ...conversation, team: names }, agreement: 0 };
  const before = app.tx.context(conversation.id, finisher);
  if (evidence !== null) foldProfile(app, finisher, evidence);
  const all = receiver === undefined || names.includes(receiver) ? names : [...names.slice(-limits.TEAM_MEMBERS_MAX + 1), receiver];
  const members = all.map((name) => {
    const member = memberOf(app, conversation.id, name);
    if (name !== finisher || evidence === null) return member;
    const current = before === undefined ? undefined : floatsFromBytes(before.evidence);
    return { ...member, evidence: foldEvidence(current, evidence.vector, evidence.scale) };
  });
  const { lambda, beta, weights, stepPolicy } = team.negotiation;
  const outcome = negotiate(members, finisher, receiver, { alpha: team.alpha, lambda, beta, weights, stepPolicy });
  for (const member of members) {
    const moved = outcome.contexts.get(member.agent);
    if (moved === undefined) continue;
    const record: ContextRecord = { context: floatsToBytes(moved), evidence: floatsToBytes(member.evidence) };
    app.tx.put(keys.context(conversation.id, member.agent), record);
  }
  // Only a full team loses a member: listing the stored contexts would cost more than all the rest here.
  if (conversation.team.length >= limits.TEAM_MEMBERS_MAX) forget(app, conversation, all);
  app.emit({ kind: "negotiated", agreement: outcome.agreement, rejected: outcome.rejected });
  return { conversation: { ...conversation, team: names }, agreement: outcome.agreement };
}

/** Contexts of agents that have fallen out of the team of the latest eight are dropped: a newcomer starts at its profile again. */
function forget(app: Application, conversation: ConversationRecord, kept: readonly string[]): void {
  const prefix = keys.contexts(conversation.id);
  for (const key of app.tx.list(prefix).keys()) if (!kept.includes(key.slice(prefix.length))) app.tx.remove(key);
}
