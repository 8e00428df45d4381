/**
 * Every metric that a coordinator produces, as typed fields over a registry of its own: two coordinators in one process (a test, the
 * simulator) never share a counter. Kept apart from whoever moves them, and from HTTP, which only prints them.
 *
 * M1: every metric prints its `# TYPE` from the first scrape on, moved or not.
 * M2: no label follows unbounded input: agents are those of the team, reasons and outcomes those written here; the rest is `other`.
 */
import type { EndStatus, RouteReason } from "@triad/protocol";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { BoundedLabel } from "./bounded-label.ts";
import { AgentCounter, AgentHistogram, EventCounter, OutcomeCounter, ReasonCounter } from "./bounded-metrics.ts";
import { EventLoopLag } from "./event-loop-lag.ts";

/** 50 µs to 1 s: a route, an fsync and a commit lie in here; what lies above is an outage, not a latency. */
const LATENCY_BUCKETS_SECONDS: readonly number[] = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];
/** A step is plain code (a millisecond) or a model's answer (many seconds). */
const STEP_BUCKETS_SECONDS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const ROUTE_REASONS: readonly RouteReason[] = ["best", "nearTie", "incumbent", "only", "named", "explore", "ensemble", "retry", "lost"];
const END_STATUSES: readonly EndStatus[] = ["completed", "failed", "cancelled", "expired"];
/** How an attempt of a step ended. */
const STEP_OUTCOMES: readonly string[] = ["committed", "failed", "lost", "fenced"];
/** What became of an effect of a step. */
const EFFECT_OUTCOMES: readonly string[] = ["intended", "done", "failed", "doubt", "asked", "resolved"];
/** Why a negotiated step was not taken (theory.md 2.2). */
const STEP_REJECTIONS: readonly string[] = ["nonFinite", "normTooLarge", "tooLarge", "clamped"];
/** What happened to a snapshot: to one for a peer, or to one from a peer. */
const SNAPSHOT_EVENTS: readonly string[] = ["offered", "sent", "failed", "received", "refused", "installed"];
/** Why a message from elsewhere was dropped. */
const FRAME_DROPS: readonly string[] = ["invalid", "tooLarge", "overflow", "late"];

/** The metrics of interface.md 6 that the path of a task moves in a coordinator. */
export class Metrics {
  readonly registry: Registry = new Registry();

  readonly raftTerm: Gauge = this.#gauge("triad_raft_term", "Raft term that this coordinator is in.");
  readonly raftCommitIndex: Gauge = this.#gauge("triad_raft_commit_index", "Highest log index known to be committed.");
  readonly raftAppliedIndex: Gauge = this.#gauge("triad_raft_applied_index", "Highest log index applied to the state.");
  readonly raftIsLeader: Gauge = this.#gauge("triad_raft_is_leader", "1 where this coordinator leads, else 0.");
  readonly raftElections: Counter = this.#counter("triad_raft_elections_total", "Elections that this coordinator stood in.");

  readonly logFirstIndex: Gauge = this.#gauge(
    "triad_log_first_index",
    "First entry that the log holds; what was before is in the state alone.",
  );
  readonly logBytes: Gauge = this.#gauge("triad_log_bytes", "Bytes of the log's files.");
  readonly snapshots: EventCounter;

  readonly commitSeconds: Histogram = this.#latency("triad_commit_seconds", "From a proposal to its commit on a majority.");
  readonly fsyncSeconds: Histogram = this.#latency("triad_fsync_seconds", "One sync of the log to disk.");
  readonly routeSeconds: Histogram = this.#latency("triad_route_seconds", "One routing decision.");

  readonly handoffs: Counter = this.#counter("triad_handoffs_total", "Committed hand-offs from agent to agent.");
  readonly tasksRunning: Gauge = this.#gauge("triad_tasks_running", "Tasks that have been accepted and have not ended.");
  readonly fencedWrites: Counter = this.#counter("triad_fenced_writes_total", "Results refused because somebody else owned the step.");
  readonly agentStateBytes: Gauge = this.#gauge("triad_agent_state_bytes", "Bytes of the agents' state (context vectors, matrices).");

  readonly negotiationAlpha: Gauge = this.#gauge("triad_negotiation_alpha", "Step size of the negotiation.");
  readonly negotiationLipschitzBound: Gauge = this.#gauge("triad_negotiation_lipschitz_bound", "Proven bound of the Lipschitz constant.");
  readonly negotiationDisagreement: Gauge = this.#gauge("triad_negotiation_disagreement", "1 - agreement after the last committed step.");

  readonly routeDecisions: AgentCounter<"reason">;
  readonly steps: AgentCounter<"outcome">;
  readonly stepSeconds: AgentHistogram;
  readonly stepRejected: ReasonCounter;
  readonly framesDropped: ReasonCounter;
  readonly effects: OutcomeCounter;

  readonly #agents = new BoundedLabel();
  readonly #agentSeries: readonly { remove: (agent: string) => void }[];
  readonly #tasks: Counter<"status">;
  readonly #lag = new EventLoopLag();

  constructor() {
    const decisions = this.#labelled("triad_route_decisions_total", "Routing decisions, by chosen agent and reason.", "agent", "reason");
    const steps = this.#labelled("triad_steps_total", "Attempts of steps that ended, by agent and outcome.", "agent", "outcome");
    const stepSeconds = new Histogram({
      name: "triad_step_seconds",
      help: "Service time of a committed step, from its start in the thread to its end.",
      labelNames: ["agent"],
      buckets: [...STEP_BUCKETS_SECONDS],
      registers: [this.registry],
    });
    this.routeDecisions = new AgentCounter(decisions, this.#agents, "reason", new BoundedLabel(ROUTE_REASONS));
    this.steps = new AgentCounter(steps, this.#agents, "outcome", new BoundedLabel(STEP_OUTCOMES));
    this.stepSeconds = new AgentHistogram(stepSeconds, this.#agents);
    this.#agentSeries = [
      { remove: (agent) => ROUTE_REASONS.forEach((reason) => void decisions.remove({ agent, reason })) },
      { remove: (agent) => STEP_OUTCOMES.forEach((outcome) => void steps.remove({ agent, outcome })) },
      { remove: (agent) => stepSeconds.remove({ agent }) },
    ];

    this.#tasks = this.#labelled("triad_tasks_total", "Tasks that ended, by status.", "status");
    for (const status of END_STATUSES) this.#tasks.inc({ status }, 0);
    const rejected = this.#labelled("triad_step_rejected_total", "Negotiated steps that were refused or shortened.", "reason");
    this.stepRejected = new ReasonCounter(rejected, STEP_REJECTIONS);
    const dropped = this.#labelled("triad_frames_dropped_total", "Messages that were dropped, never applied.", "reason");
    this.framesDropped = new ReasonCounter(dropped, FRAME_DROPS);
    const snapshots = this.#labelled("triad_snapshots_total", "Snapshots of the state, by what happened to them.", "event");
    this.snapshots = new EventCounter(snapshots, SNAPSHOT_EVENTS);
    const effects = this.#labelled("triad_effects_total", "Effects of steps, by what the journal says of them.", "outcome");
    this.effects = new OutcomeCounter(effects, EFFECT_OUTCOMES);

    const lag = this.#lag;
    new Gauge({
      name: "triad_event_loop_lag_seconds",
      help: "Longest lag of the event loop since the last scrape.",
      registers: [this.registry],
      collect() {
        this.set(lag.takeLongestSeconds());
      },
    });
    collectDefaultMetrics({ register: this.registry });
  }

  taskEnded(status: EndStatus): void {
    this.#tasks.inc({ status });
  }

  /** The agents that may stand as a label; series of agents that are gone are removed. */
  setTeam(agents: Iterable<string>): void {
    for (const gone of this.#agents.replace(agents)) for (const series of this.#agentSeries) series.remove(gone);
  }

  /** Stops the sampling of the event loop. */
  close(): void {
    this.#lag.stop();
    this.registry.clear();
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] });
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.registry] });
  }

  #labelled<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #latency(name: string, help: string): Histogram {
    return new Histogram({ name, help, buckets: [...LATENCY_BUCKETS_SECONDS], registers: [this.registry] });
  }
}

export function createMetrics(): Metrics {
  return new Metrics();
}
