/**
 * The State Manager: takes requests at whichever coordinator the client reached, gives a task its first state, and answers from Φ. Writes go
 * to the leader; reads are linearizable: they wait until this coordinator has applied everything that was acknowledged before they began.
 */
import {
  type CommandResult,
  type EffectVerdict,
  embedText,
  encodeCanonical,
  errorFromBody,
  floatsFromBytes,
  limits,
  mintId,
  type OpenTask,
  quantiseRouting,
  type Requirements,
  ROUTING_DIM,
  type StoredBody,
  TriadError,
} from "@triad/protocol";
import type { AgentRecord, TaskRecord } from "../../core/state/records.ts";
import { type StateReader, Transaction } from "../../core/state/transaction.ts";
import type { ConsensusEngine } from "../consensus-engine/consensus-engine.ts";
import type { Clock, Messenger, Sha256 } from "../ports.ts";
import { ReadIndexError } from "../raft-driver/ports.ts";
import { TaskStream } from "../response-aggregator/task-stream.ts";
import { TaskWaiters } from "../response-aggregator/task-waiters.ts";
import type {
  Accepted,
  AgentView,
  ClusterView,
  ConversationView,
  CoordinatorApi,
  ExplainView,
  SubmitRequest,
  TaskStreamEvent,
  TaskView,
} from "./api.ts";
import type { ClusterKnowledge } from "./cluster-view.ts";
import { LeaderClient } from "./leader-client.ts";
import { agentView, conversationView, explainView, taskView } from "./views.ts";
import { withWholeTexts } from "./whole-texts.ts";

export interface StateManagerPorts {
  readonly self: string;
  readonly state: StateReader;
  readonly engine: ConsensusEngine;
  readonly knowledge: ClusterKnowledge;
  readonly clock: Clock;
  readonly messenger: Messenger;
  readonly sha256: Sha256;
  readonly randomBytes: (count: number) => Uint8Array;
  /** The barrier of a linearizable read: resolves with the index to have applied. Rejects with ReadIndexError. */
  readonly readIndex: () => Promise<number>;
  /** The whole of a text that is stored in chunks. Rejects with TRIAD_BODY_UNAVAILABLE. */
  readonly readBody: (body: StoredBody) => Promise<string>;
}

const READ_PAUSE_MS = 40;

export class StateManager implements CoordinatorApi {
  private readonly ports: StateManagerPorts;
  private readonly leader: LeaderClient;
  private readonly waiters: TaskWaiters;
  private idf: { readonly digest: string; readonly table: Float32Array | undefined } = { digest: "", table: undefined };

  constructor(ports: StateManagerPorts) {
    this.ports = ports;
    const { self, clock, messenger, engine } = ports;
    this.leader = new LeaderClient({
      self,
      clock,
      messenger,
      leads: () => engine.leads,
      leader: () => engine.leader,
      propose: (command) => engine.propose(command),
    });
    this.waiters = new TaskWaiters(clock, (listener) => engine.onApplied(listener));
  }

  async submit(request: SubmitRequest): Promise<Accepted> {
    const { conversation: wanted, idempotencyKey, ...rest } = request;
    // Minted once: every repetition to whichever leader carries the same ids.
    const task = mintId("task", this.ports.randomBytes);
    const conversation = wanted ?? mintId("conversation", this.ports.randomBytes);
    const requestDigest = this.ports.sha256(encodeCanonical({ ...rest, conversation: wanted ?? null } as never));
    // A coordinator that has not applied the team yet would send the text without what routes it.
    if (new Transaction(this.ports.state).team() === undefined) await this.barrier();
    const embedding = this.embed(request.input, request.requires);
    const command: OpenTask = {
      type: "OpenTask",
      task,
      conversation,
      ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
      requestDigest,
      input: request.input,
      observations: request.observations ?? [],
      ...(embedding === undefined ? {} : { embedding }),
      ...(request.requires === undefined ? {} : { requires: request.requires }),
      strategy: request.strategy ?? { kind: "single" },
      facts: request.facts ?? {},
      ...(request.deadlineMs === undefined ? {} : { deadlineAt: this.ports.clock.wallMs() + request.deadlineMs }),
      maxTransitions: request.maxTransitions ?? limits.MAX_TRANSITIONS_DEFAULT,
      assign: [],
    };
    const result = accepted(await this.leader.propose(command));
    return {
      task: result.task ?? task,
      conversation: result.conversation ?? conversation,
      status: "accepted",
      commitIndex: result.index ?? 0,
    };
  }

  /** Only where a text decides: an embedding is a kilobyte in the log. */
  private embed(input: string, requires: Requirements | undefined): Uint8Array | undefined {
    const team = new Transaction(this.ports.state).team();
    if (team === undefined || team.idf.length === 0 || (requires !== undefined && Object.keys(requires).length > 0)) return undefined;
    if (this.idf.digest !== team.digest) this.idf = { digest: team.digest, table: floatsFromBytes(team.idf) };
    return quantiseRouting(embedText(input, ROUTING_DIM, this.idf.table));
  }

  /** Waits until this coordinator has applied all that was acknowledged before the call; keeps trying across an election. */
  private async barrier(): Promise<void> {
    const endMs = this.ports.clock.monotonicMs() + limits.FORWARD_MS;
    for (;;) {
      try {
        await this.ports.engine.whenApplied(await this.ports.readIndex());
        return;
      } catch (error) {
        if (!(error instanceof ReadIndexError)) throw error;
        if (error.reason === "stopped" || this.ports.clock.monotonicMs() + READ_PAUSE_MS >= endMs) {
          throw new TriadError("TRIAD_NO_LEADER", "no leader could be reached in time", undefined, { cause: error });
        }
      }
      await new Promise<void>((resolve) => {
        this.ports.clock.schedule(READ_PAUSE_MS, resolve);
      });
    }
  }

  private found(id: string): TaskRecord {
    const task = new Transaction(this.ports.state).task(id);
    if (task === undefined) throw new TriadError("TRIAD_TASK_NOT_FOUND", `no task ${id}`);
    return task;
  }

  private view(id: string): Promise<TaskView> {
    return withWholeTexts((textOf) => taskView(this.ports.state, this.found(id), textOf), this.ports.readBody);
  }

  async task(id: string): Promise<TaskView> {
    await this.barrier();
    return this.view(id);
  }

  async taskWhenEnded(id: string, waitMs: number, signal: AbortSignal): Promise<TaskView> {
    await this.barrier();
    if (this.found(id).phase !== "ended") await this.waiters.ended(id, waitMs, signal);
    return this.view(id);
  }

  async taskEvents(id: string, afterId: number, signal: AbortSignal): Promise<AsyncIterable<TaskStreamEvent>> {
    await this.barrier();
    this.found(id);
    const { state, clock, messenger, engine } = this.ports;
    return new TaskStream(id, afterId, { state, clock, messenger, onApplied: (listener) => engine.onApplied(listener) }, signal);
  }

  async cancel(id: string): Promise<TaskView> {
    const error = { code: "TRIAD_CANCELLED", message: "the task was cancelled" };
    await this.write({ type: "EndTask", task: id, status: "cancelled", error, assign: [] });
    return this.view(id);
  }

  async feedback(id: string, feedback: { readonly quality: number; readonly step?: number }, request: string): Promise<void> {
    await this.write({ type: "Feedback", task: id, ...feedback, request });
  }

  async resolveEffect(
    id: string,
    effect: { readonly n: number; readonly member?: number },
    verdict: EffectVerdict,
    request: string,
  ): Promise<TaskView> {
    const result = await this.write({ type: "EffectResolved", task: id, ...effect, verdict, request, assign: [] });
    if (result.outcome === "ended") throw new TriadError("TRIAD_EFFECT_NOT_WAITING", `task ${id} has ended`);
    return this.view(id);
  }

  async drainWorker(id: string): Promise<{ readonly id: string; readonly state: string }> {
    const result = await this.write({ type: "DrainWorker", worker: id });
    return { id, state: result.status ?? "draining" };
  }

  /** Proposes and waits until its effect can be read here. An end that had come before is no refusal. */
  private async write(command: Parameters<LeaderClient["propose"]>[0]): Promise<CommandResult> {
    const result = await this.leader.propose(command);
    const taken = result.outcome === "ended" ? result : accepted(result);
    await this.ports.engine.whenApplied(result.index ?? 0);
    return taken;
  }

  async conversation(id: string, options: { readonly verify: boolean }): Promise<ConversationView> {
    await this.barrier();
    const sha256 = options.verify ? this.ports.sha256 : undefined;
    const view = await withWholeTexts((textOf) => conversationView(this.ports.state, id, sha256, textOf), this.ports.readBody);
    if (view === undefined) throw new TriadError("TRIAD_CONVERSATION_NOT_FOUND", `no conversation ${id}`);
    return view;
  }

  async agents(): Promise<readonly AgentView[]> {
    await this.barrier();
    const tx = new Transaction(this.ports.state);
    return (tx.team()?.agents ?? []).flatMap((name) => {
      const agent = tx.agent(name);
      return agent === undefined ? [] : [this.viewOf(tx, agent)];
    });
  }

  async agent(id: string): Promise<AgentView> {
    await this.barrier();
    const tx = new Transaction(this.ports.state);
    const agent = tx.agent(id);
    if (agent === undefined) throw new TriadError("TRIAD_AGENT_UNKNOWN", `no agent "${id}" in the team`);
    return this.viewOf(tx, agent);
  }

  private viewOf(tx: Transaction, agent: AgentRecord): AgentView {
    const workers = tx.workers().flatMap((worker) => (worker.state === "up" ? [worker.id] : []));
    return agentView(agent, workers, this.ports.engine.index.stepsOf(agent.manifest.name));
  }

  async explain(request: {
    readonly input: string;
    readonly requires?: Requirements;
    readonly conversation?: string;
  }): Promise<ExplainView> {
    await this.barrier();
    const tx = new Transaction(this.ports.state);
    const team = tx.team();
    if (team === undefined) throw new TriadError("TRIAD_NO_TEAM", "no team is registered yet");
    const unknown = Object.keys(request.requires ?? {}).filter((skill) => !team.skills.includes(skill));
    if (unknown.length > 0) throw new TriadError("TRIAD_SKILL_UNKNOWN", `unknown skill: ${unknown.join(", ")}`);
    const conversation = request.conversation === undefined ? undefined : tx.conversation(request.conversation);
    const text = {
      embedding: this.embed(request.input, request.requires) ?? null,
      lastTurn: conversation?.lastTurn ?? null,
      incumbent: conversation?.lastAgent ?? null,
    };
    const routed = this.ports.engine.router.explain(tx, request.requires, text);
    if (routed === undefined) throw new TriadError("TRIAD_NO_CANDIDATE", "no agent of the team can take this");
    return explainView(routed.agent, routed.decision, request.requires);
  }

  cluster(): ClusterView {
    return this.ports.knowledge.view();
  }

  ready(): boolean {
    const { engine } = this.ports;
    return engine.leader !== "" && engine.caughtUp;
  }
}

/** The result, where the command took effect now or before; else the error that it stands for. */
function accepted(result: CommandResult): CommandResult {
  if (result.outcome === "ok" || result.outcome === "duplicate") return result;
  throw errorFromBody({
    code: result.code ?? "TRIAD_INTERNAL",
    message: result.message ?? `the command was ${result.outcome}`,
    details: result.details,
  });
}
