/** Teams and workers: who may take part. A token is one registration of a worker; with it die all assignments that it held. */
import {
  type AgentManifest,
  type CommandResult,
  type DrainWorker,
  encodeCanonical,
  limits,
  type RegisterTeam,
  type RegisterWorker,
  type SkillStatistics,
  type TeamManifest,
  type WorkerLost,
} from "@triad/protocol";
import { initialStatistics } from "../routing/statistics.ts";
import { resolveAlpha } from "../transition/team-weights.ts";
import { type Application, ok, refused } from "./application.ts";
import { unservable } from "./candidates.ts";
import { keys } from "./keys.ts";
import type { AgentRecord, TaskRecord, TeamRecord, WorkerRecord } from "./records.ts";
import { loseAssignment } from "./steps.ts";
import { endTask } from "./task-lifecycle.ts";

/** The digest that names a team: SHA-256 over the canonical manifest. */
export function digestOf(manifest: TeamManifest, sha256: (bytes: Uint8Array) => string): string {
  return sha256(encodeCanonical(manifest as never));
}

export function registerTeam(app: Application, command: RegisterTeam): CommandResult {
  const { tx } = app;
  const { manifest, digest } = command;
  const current = tx.team();
  if (current?.digest === digest) return { outcome: "duplicate" };
  if (digestOf(manifest, app.sha256) !== digest) return refused("TRIAD_TEAM_INVALID", "the digest is not that of the manifest");
  const alpha = resolveAlpha(manifest.negotiation);
  if (!alpha.ok) {
    return refused("TRIAD_STEP_TOO_LARGE", `alpha ${manifest.negotiation.alpha} is above the proven bound ${alpha.alphaMax}`, {
      alphaMax: alpha.alphaMax,
    });
  }
  const holder = current === undefined ? undefined : tx.workers().find((w) => w.state !== "down" && w.digest === current.digest);
  if (holder !== undefined) {
    return refused("TRIAD_TEAM_VERSION", `worker ${holder.id} still runs another version of the team "${current?.name}"`);
  }
  const conflict = manifest.agents.find((agent) => {
    const before = tx.agent(agent.name)?.manifest.prompt;
    return before !== undefined && before.version === agent.prompt.version && before.template !== agent.prompt.template;
  });
  if (conflict !== undefined) {
    const message = `the prompt of "${conflict.name}" has changed: raise its version above ${conflict.prompt.version}`;
    return refused("TRIAD_TEMPLATE_CONFLICT", message);
  }
  install(app, manifest, digest, alpha.alpha, current);
  app.emit({ kind: "team" });
  return ok;
}

function install(app: Application, manifest: TeamManifest, digest: string, alpha: number, current: TeamRecord | undefined): void {
  const { tx } = app;
  const names = manifest.agents.map((agent) => agent.name);
  for (const agent of manifest.agents) tx.put(keys.agent(agent.name), agentRecord(agent, manifest, tx.agent(agent.name)));
  const gone = (current?.agents ?? []).filter((name) => !names.includes(name));
  for (const name of gone) tx.remove(keys.agent(name));
  const { lambda, beta } = manifest.negotiation;
  tx.put(keys.team, {
    name: manifest.name,
    digest,
    skills: manifest.skills,
    negotiation: manifest.negotiation,
    alpha,
    lipschitzBound: 2 * lambda + beta,
    idf: manifest.idf,
    agents: names,
  });
  for (const task of openTasks(app)) failIfGone(app, task, gone);
}

/** What was learned stays, by agent and skill; a skill that is new starts from what is declared. */
function agentRecord(manifest: AgentManifest, team: TeamManifest, before: AgentRecord | undefined): AgentRecord {
  const skills: Record<string, SkillStatistics> = {};
  for (const skill of Object.keys(manifest.capabilities).sort()) {
    skills[skill] = before?.skills[skill] ?? initialStatistics(manifest.capabilities[skill] ?? 0);
  }
  const declared = team.prototypes[manifest.name] ?? [];
  const sameExamples = before !== undefined && JSON.stringify(before.manifest.examples) === JSON.stringify(manifest.examples);
  return {
    manifest,
    skills,
    prototypes: sameExamples && before.prototypes.length > 0 ? before.prototypes : declared,
    profile: before?.profile ?? new Uint8Array(0),
    steps: before?.steps ?? 0,
  };
}

function openTasks(app: Application): readonly TaskRecord[] {
  const found: TaskRecord[] = [];
  for (const key of app.tx.list(keys.opens).keys()) {
    const task = app.tx.task(key.slice(keys.opens.length));
    if (task !== undefined) found.push(task);
  }
  return found;
}

/** A step that is kept for an agent that the new team has not got, or that nobody in it could take, cannot go on. */
function failIfGone(app: Application, seen: TaskRecord, gone: readonly string[]): void {
  // An earlier failure may have started this one: look again.
  const task = app.tx.task(seen.id);
  const conversation = task === undefined ? undefined : app.tx.conversation(task.conversation);
  if (task === undefined || task.step === null || conversation === undefined) return;
  const lost = task.step.members.find((member) => member.agent !== null && gone.includes(member.agent));
  const open = task.step.members.some((member) => member.agent === null);
  const error =
    lost !== undefined
      ? { code: "TRIAD_AGENT_UNKNOWN", message: `agent "${lost.agent}" is no longer in the team` }
      : open
        ? unservable(app, task, task.step.requires)
        : undefined;
  if (error !== undefined) endTask(app, task, conversation, "failed", { error, picks: [] });
}

export function registerWorker(app: Application, command: RegisterWorker): CommandResult {
  const { tx } = app;
  const team = tx.team();
  if (team === undefined) return refused("TRIAD_NO_TEAM", "register the team first");
  if (team.digest !== command.digest) return refused("TRIAD_TEAM_VERSION", `the cluster runs another version of the team "${team.name}"`);
  const before = tx.worker(command.worker);
  if (before !== undefined && before.state !== "down" && before.bootId === command.bootId) {
    return { outcome: "duplicate", token: before.token };
  }
  const { worker: id, bootId, digest, pid, threads, http } = command;
  tx.put(keys.worker(id), { id, bootId, token: app.seq, digest, pid, threads, http, state: "up" });
  app.emit({ kind: "worker", worker: id });
  loseAll(app, id, app.seq);
  return { outcome: "ok", token: app.seq };
}

/** Every assignment that the worker holds under another token than `token` is lost. */
function loseAll(app: Application, worker: string, token: number): void {
  for (const seen of openTasks(app)) {
    for (let i = 0; i < (seen.step?.members.length ?? 0); i++) {
      const task = app.tx.task(seen.id);
      const member = task?.step?.members[i];
      if (task === undefined || member?.state !== "assigned" || member.worker !== worker || member.workerToken === token) continue;
      loseAssignment(app, task, member, false, []);
    }
  }
}

export function drainWorker(app: Application, command: DrainWorker): CommandResult {
  const worker = app.tx.worker(command.worker);
  if (worker === undefined) return refused("TRIAD_WORKER_NOT_FOUND", `no worker ${command.worker}`);
  if (worker.state !== "up") return { outcome: "duplicate", status: worker.state };
  app.tx.put(keys.worker(worker.id), { ...worker, state: "draining" });
  app.emit({ kind: "worker", worker: worker.id });
  return { ...ok, status: "draining" };
}

export function workerLost(app: Application, command: WorkerLost): CommandResult {
  const worker: WorkerRecord | undefined = app.tx.worker(command.worker);
  if (worker === undefined || worker.token !== command.token || worker.state === "down") return { outcome: "duplicate" };
  app.tx.put(keys.worker(worker.id), { ...worker, state: "down" });
  app.emit({ kind: "worker", worker: worker.id });
  loseAll(app, worker.id, -1);
  forgetOldest(app);
  return ok;
}

/** Workers that left for good would be listed for ever: beyond the bound the oldest registrations go. */
function forgetOldest(app: Application): void {
  const down = app.tx.workers().filter((worker) => worker.state === "down");
  const most = down.length - limits.DOWN_WORKERS_KEPT;
  if (most <= 0) return;
  for (const { id } of down.sort((a, b) => a.token - b.token).slice(0, most)) app.tx.remove(keys.worker(id));
}
