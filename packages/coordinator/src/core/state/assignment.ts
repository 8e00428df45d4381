/**
 * Who holds a step: assigning a waiting member, and taking an assignment away. Fences are made here and nowhere else.
 */
import { limits, type Pick, type Requirements, type TaskError } from "@triad/protocol";
import type { Application } from "./application.ts";
import type { Member, OpenStep, TaskRecord, WorkerRecord } from "./records.ts";

/** A member that waits for its first assignment. */
export function newMember(member: number, agent: string | null): Member {
  return {
    member,
    agent,
    state: "waiting",
    attempt: 1,
    start: 0,
    retryAt: 0,
    alone: false,
    fence: 0,
    worker: "",
    workerToken: 0,
    assignedAt: 0,
    requires: {},
    routing: null,
    voteWeight: 0,
    because: "new",
    error: null,
  };
}

/** The members that a new step starts with: one, or as many as the ensemble has. */
export function newStep(n: number, requires: Requirements | null, named: string | null, members: number): OpenStep {
  return { n, requires, named, members: Array.from({ length: members }, (_, i) => newMember(i, named)) };
}

export function replaceMember(task: TaskRecord, changed: Member): TaskRecord {
  const step = task.step;
  if (step === null) return task;
  return { ...task, step: { ...step, members: step.members.map((m) => (m.member === changed.member ? changed : m)) } };
}

function holds(worker: WorkerRecord | undefined, token: number): boolean {
  return worker !== undefined && worker.state === "up" && worker.token === token;
}

/**
 * Gives waiting members of the task's open step what the leader picked for them. A pick that no longer fits (another step, a worker whose
 * token is dead, an agent that the member is not kept for) is left out: the member goes on waiting and the leader assigns again.
 */
export function assignPicks(app: Application, task: TaskRecord, picks: readonly Pick[]): TaskRecord {
  let current = task;
  for (const pick of picks) {
    if (pick.task !== task.id || current.step === null || pick.step !== current.step.n) continue;
    const member = current.step.members[pick.member];
    if (member === undefined || member.state !== "waiting" || member.retryAt > app.at) continue;
    if (member.agent !== null && member.agent !== pick.agent) continue;
    if (app.tx.agent(pick.agent) === undefined || !holds(app.tx.worker(pick.worker), pick.workerToken)) continue;
    if (current.step.members.some((other) => other.member !== member.member && other.agent === pick.agent)) continue;
    current = assignOne(app, current, member, pick);
  }
  if (current.step?.members.some((member) => member.state === "waiting")) app.emit({ kind: "waiting", task: current.id });
  return current;
}

function assignOne(app: Application, task: TaskRecord, member: Member, pick: Pick): TaskRecord {
  const fence = app.nextFence();
  const assigned: Member = {
    ...member,
    state: "assigned",
    agent: pick.agent,
    start: member.start + 1,
    retryAt: 0,
    fence,
    worker: pick.worker,
    workerToken: pick.workerToken,
    assignedAt: app.at,
    requires: pick.requires,
    // A later start keeps the decision that chose the agent: what routed it is what learning refers to.
    routing: member.routing ?? pick.routing,
    voteWeight: member.start === 0 ? (pick.voteWeight ?? 0) : member.voteWeight,
  };
  app.emit({ kind: "routed", pick, fence, attempt: assigned.attempt, start: assigned.start });
  const next = replaceMember(task.firstAgent === null ? { ...task, firstAgent: pick.agent } : task, assigned);
  return app.tell(next, {
    event: "routed",
    step: pick.step,
    member: pick.member,
    agent: pick.agent,
    worker: pick.worker,
    attempt: assigned.attempt,
    fence,
  });
}

/** The reason why a step cannot be begun again, or the member that waits for its next start. */
export type Released = { readonly member: Member } | { readonly unstable: TaskError };

/** Takes an assignment away without using an attempt: its worker or thread was lost. */
export function releaseLost(app: Application, member: Member, alone: boolean): Released {
  app.emit({ kind: "attempt", agent: member.agent ?? "", outcome: "lost", serviceMs: 0 });
  if (member.start >= limits.STARTS_MAX) {
    return {
      unstable: {
        code: "TRIAD_STEP_UNSTABLE",
        message: `the step was begun ${member.start} times and lost its worker or thread each time`,
      },
    };
  }
  return {
    member: { ...member, state: "waiting", fence: 0, worker: member.worker, workerToken: 0, alone: member.alone || alone, because: "lost" },
  };
}

/** Voids every assignment of a step but one, so that their workers are told to abort. */
export function voidOthers(app: Application, step: OpenStep, except: number): void {
  for (const member of step.members) {
    if (member.state === "assigned" && member.member !== except) app.emit({ kind: "voided", worker: member.worker, fence: member.fence });
  }
}
