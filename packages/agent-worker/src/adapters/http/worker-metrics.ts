/** The worker's figures for Prometheus (interface.md 6). Labels are agents, outcomes and models only: never a task or a conversation. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ModelCall, WorkerMetrics } from "../../services/ports.ts";

const STEP_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300];
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1];

/** What is read when somebody asks, instead of being told at every change. */
export interface Readings {
  threads(): number;
  agents(): number;
  stateBytes(): number;
  lagSeconds(): number;
}

export class PrometheusMetrics implements WorkerMetrics {
  readonly registry: Registry = new Registry();
  private readonly steps = this.counter("triad_steps_total", "Steps that ended here, by how.", ["agent", "outcome"]);
  private readonly stepSeconds = this.histogram("triad_step_seconds", "From a step's start in its thread to its end.", STEP_SECONDS, [
    "agent",
  ]);
  private readonly mailbox = this.gauge("triad_mailbox_depth", "Steps that wait in the mailboxes of this worker's actors.");
  private readonly flying = this.gauge("triad_worker_in_flight", "Steps that run in this worker.");
  private readonly fenced = this.counter(
    "triad_fenced_writes_total",
    "Writes of this worker that were void: refused by their fence, or ended with a dead registration.",
  );
  private readonly dropped = this.counter("triad_frames_dropped_total", "Messages that did not validate.");
  private readonly recall = this.histogram("triad_view_recall", "Share of a step's facts that its prompt showed.", SHARES);
  private readonly modelTokens = this.counter("triad_model_tokens_total", "Tokens read and written by models.", ["model", "direction"]);
  private readonly modelCost = this.counter("triad_model_cost_usd_total", "What model calls cost, by the prices that agents declare.", [
    "model",
  ]);
  private readonly modelSeconds = this.histogram("triad_model_seconds", "Time of a model call.", STEP_SECONDS, ["model", "outcome"]);

  constructor(readings: Readings) {
    const read = (name: string, help: string, value: () => number): void => {
      const gauge: Gauge = new Gauge({ name, help, registers: [this.registry], collect: () => gauge.set(value()) });
    };
    read("triad_worker_threads", "Threads that run steps.", readings.threads);
    read("triad_worker_agents", "Agents that this worker hosts.", readings.agents);
    read("triad_agent_state_bytes", "What the threads keep of their actors: triples and transcripts.", readings.stateBytes);
    read("triad_event_loop_lag_seconds", "Longest lag of the main thread's loop since the last scrape.", readings.lagSeconds);
  }

  stepEnded(agent: string, outcome: string, seconds: number): void {
    this.steps.inc({ agent, outcome });
    this.stepSeconds.observe({ agent }, seconds);
  }

  mailboxDepth(depth: number): void {
    this.mailbox.set(depth);
  }

  inFlight(count: number): void {
    this.flying.set(count);
  }

  fencedWrites(count: number): void {
    this.fenced.inc(count);
  }

  frameDropped(): void {
    this.dropped.inc();
  }

  viewRecall(share: number): void {
    this.recall.observe(share);
  }

  modelCalled(call: ModelCall): void {
    const { model } = call;
    this.modelTokens.inc({ model, direction: "in" }, call.tokensIn);
    this.modelTokens.inc({ model, direction: "out" }, call.tokensOut);
    this.modelCost.inc({ model }, call.costUsd);
    this.modelSeconds.observe({ model, outcome: call.ok ? "ok" : "failed" }, call.seconds);
  }

  private counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] });
  }

  private histogram(name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }
}
