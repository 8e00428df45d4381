/**
 * Chooses who takes a waiting step: gathers what the pure router needs (rows of M, live load, affinities), lets it decide, and has the worker
 * directory find a place. Both choices become data in the entry. Nothing here waits or writes.
 */
import { limits, type Pick, type Requirements } from "@triad/protocol";
import { bestAffinity, lastTurnAffinity } from "../../core/routing/prototypes.ts";
import {
  type RoutedAgent,
  type RoutingCandidate,
  type RoutingRequest,
  route,
  routeEnsemble,
  routeNamed,
} from "../../core/routing/router.ts";
import type { AgentRecord, Member, OpenStep, TaskRecord } from "../../core/state/records.ts";
import type { Transaction } from "../../core/state/transaction.ts";
import type { Load } from "../consensus-engine/load.ts";
import type { WorkerDirectory } from "../worker-directory/worker-directory.ts";

export interface RouterPorts {
  readonly load: Load;
  readonly directory: WorkerDirectory;
  /** Uniform in [0, 1): the share of traffic that new agents get. */
  readonly rng: () => number;
}

/** What became of a task that waits: picks for its members, and the agent that one of them was given to and that has no room; "" for no agent at all. */
export interface Placement {
  readonly picks: readonly Pick[];
  readonly full: string | undefined;
}

interface Text {
  readonly embedding: Uint8Array | null;
  readonly lastTurn: Uint8Array | null;
  readonly incumbent: string | null;
}

export class Router {
  private readonly ports: RouterPorts;

  constructor(ports: RouterPorts) {
    this.ports = ports;
  }

  /** Candidates of the whole team as the pure router takes them. `extra` are picks of the same entry. */
  candidates(tx: Transaction, text: Text, extra: readonly Pick[]): readonly RoutingCandidate[] {
    const found: RoutingCandidate[] = [];
    for (const name of tx.team()?.agents ?? []) {
      const agent = tx.agent(name);
      if (agent === undefined) continue;
      found.push({
        agent: name,
        skills: agent.skills,
        inFlight: this.ports.load.stepsOf(name, extra),
        capacity: this.ports.directory.capacity(tx, agent),
        affinity: text.embedding === null ? 0 : bestAffinity(text.embedding, agent.prototypes),
        lastTurnAffinity: text.embedding === null ? 0 : lastTurnAffinity(text.lastTurn ?? undefined, agent.prototypes),
        hasExamples: agent.prototypes.length > 0,
      });
    }
    return found;
  }

  /** A dry run for a text or requirements: the decision without a step. Undefined where no agent can take it. */
  explain(tx: Transaction, requires: Requirements | undefined, text: Text): RoutedAgent | undefined {
    const request: RoutingRequest = {
      requires,
      hasText: text.embedding !== null,
      incumbent: text.incumbent ?? undefined,
      // Never explores: what is explained is what the figures say.
      explore: 1,
    };
    const routed = route(request, this.candidates(tx, textFor(requires ?? null, text), []));
    return "refused" in routed ? undefined : routed;
  }

  /** How many distinct agents could answer this request: what an ensemble may ask for. */
  available(tx: Transaction, requires: Requirements | undefined, embedding: Uint8Array | null): number {
    const text = { embedding, lastTurn: null, incumbent: null };
    const candidates = this.candidates(tx, textFor(requires ?? null, text), []);
    const request = { requires, hasText: embedding !== null, incumbent: undefined };
    const outcome = routeEnsemble(request, candidates, limits.AGENTS_MAX + 1);
    return "refused" in outcome ? outcome.available : outcome.picks.length;
  }

  /** Picks for every member of the task's open step that waits, is due and finds a place; `extra` are picks of the same entry so far. */
  picksFor(tx: Transaction, task: TaskRecord, at: number, extra: readonly Pick[]): readonly Pick[] {
    return this.placementOf(tx, task, at, extra).picks;
  }

  /** The same, and who stands in the way where somebody found none. */
  placementOf(tx: Transaction, task: TaskRecord, at: number, extra: readonly Pick[]): Placement {
    const { step } = task;
    if (step === null) return NOTHING_TO_PLACE;
    const due = step.members.filter(
      (member) => member.state === "waiting" && member.retryAt <= at && !this.ports.load.isPicked(task.id, step.n, member.member),
    );
    if (due.length === 0) return NOTHING_TO_PLACE;
    const fresh = due.filter((member) => member.agent === null);
    const whole = task.strategy.kind === "ensemble" && fresh.length === step.members.length;
    const picks: Pick[] = [];
    let full: string | undefined;
    const note = (found: Pick | string): void => {
      if (typeof found === "string") full ??= found;
      else picks.push(found);
    };
    if (whole) for (const found of this.ensemble(tx, task, step, extra)) note(found);
    else for (const member of due) note(this.pickOne(tx, task, step, member, [...extra, ...picks]));
    return { picks, full };
  }

  private textOf(tx: Transaction, task: TaskRecord): Text {
    const conversation = tx.conversation(task.conversation);
    return {
      embedding: tx.input(task.id)?.embedding ?? null,
      lastTurn: conversation?.lastTurn ?? null,
      incumbent: conversation?.lastAgent ?? null,
    };
  }

  /** The pick, or the agent that has no room for it. */
  private pickOne(tx: Transaction, task: TaskRecord, step: OpenStep, member: Member, extra: readonly Pick[]): Pick | string {
    const text = this.textOf(tx, task);
    const taken = step.members.flatMap((other) => (other.member !== member.member && other.agent !== null ? [other.agent] : []));
    const inEntry = extra.filter((pick) => pick.task === task.id).map((pick) => pick.agent);
    // Whoever has just handed on is no incumbent of the step that it gives away.
    const incumbent = step.n > 1 ? undefined : (text.incumbent ?? undefined);
    const request: RoutingRequest = {
      requires: step.requires ?? undefined,
      hasText: text.embedding !== null,
      incumbent,
      exclude: [...taken, ...inEntry],
      explore: this.ports.rng(),
    };
    const candidates = this.candidates(tx, textFor(step.requires, member.agent === null ? text : { ...text, embedding: null }), extra);
    const routed = member.agent === null ? route(request, candidates) : routeNamed(member.agent, request, candidates);
    if ("refused" in routed) return "";
    // A later start keeps what the first was chosen for.
    const kept = member.start > 0 && member.routing !== null;
    const decision = kept
      ? { ...routed.decision, reason: member.because === "retry" ? ("retry" as const) : ("lost" as const) }
      : routed.decision;
    const requires = kept ? member.requires : routed.requires;
    return this.place(tx, task, step, member, { ...routed, decision, requires }, extra) ?? routed.agent;
  }

  private ensemble(tx: Transaction, task: TaskRecord, step: OpenStep, extra: readonly Pick[]): readonly (Pick | string)[] {
    const text = this.textOf(tx, task);
    const request = { requires: step.requires ?? undefined, hasText: text.embedding !== null, incumbent: undefined };
    const candidates = this.candidates(tx, textFor(step.requires, text), extra);
    const outcome = routeEnsemble(request, candidates, step.members.length);
    if ("refused" in outcome) return [""];
    const picks: Pick[] = [];
    const full: string[] = [];
    for (const [i, routed] of outcome.picks.entries()) {
      const member = step.members[i];
      if (member === undefined) continue;
      const pick = this.place(tx, task, step, member, routed, [...extra, ...picks]);
      if (pick === undefined) full.push(routed.agent);
      else picks.push({ ...pick, voteWeight: routed.voteWeight });
    }
    return [...picks, ...full];
  }

  private place(
    tx: Transaction,
    task: TaskRecord,
    step: OpenStep,
    member: Member,
    routed: RoutedAgent,
    extra: readonly Pick[],
  ): Pick | undefined {
    const agent: AgentRecord | undefined = tx.agent(routed.agent);
    if (agent === undefined) return undefined;
    const conversation = tx.conversation(task.conversation);
    const avoid = member.because === "new" ? null : member.worker;
    const worker = this.ports.directory.choose(tx, agent, this.ports.load, extra, conversation?.lastWorker ?? null, avoid);
    if (worker === undefined) return undefined;
    return {
      task: task.id,
      step: step.n,
      member: member.member,
      agent: routed.agent,
      worker: worker.id,
      workerToken: worker.token,
      requires: routed.requires,
      routing: routed.decision,
      ...(member.alone ? { alone: true } : {}),
    };
  }
}

const NOTHING_TO_PLACE: Placement = { picks: [], full: undefined };

/** Affinities cost a pass over every prototype: only where a text decides are they worth it. */
function textFor(requires: Requirements | null, text: Text): Text {
  return requires === null || Object.keys(requires).length === 0 ? text : { ...text, embedding: null };
}
