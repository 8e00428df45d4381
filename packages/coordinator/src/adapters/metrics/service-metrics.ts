/** What the services report, as Prometheus metrics. */
import type { EndStatus } from "@triad/protocol";
import type { ServiceMetrics } from "../../services/ports.ts";
import type { Metrics } from "./metrics.ts";

export function serviceMetrics(metrics: Metrics): ServiceMetrics {
  return {
    routed: (agent, reason) => metrics.routeDecisions.inc(agent, reason),
    routeSeconds: (seconds) => metrics.routeSeconds.observe(seconds),
    attempt: (agent, outcome, serviceMs) => {
      metrics.steps.inc(agent, outcome);
      if (outcome === "committed") metrics.stepSeconds.observe(agent, serviceMs / 1000);
    },
    handoff: () => metrics.handoffs.inc(),
    effect: (outcome) => metrics.effects.inc(outcome),
    taskEnded: (status) => metrics.taskEnded(status as EndStatus),
    tasksRunning: (count) => metrics.tasksRunning.set(count),
    applied: (index) => metrics.raftAppliedIndex.set(index),
    fencedWrite: () => metrics.fencedWrites.inc(),
    negotiated: (agreement, rejected) => {
      metrics.negotiationDisagreement.set(1 - agreement);
      if (rejected !== null) metrics.stepRejected.inc(rejected);
    },
    team: (agents, alpha, lipschitzBound) => {
      metrics.setTeam(agents);
      metrics.negotiationAlpha.set(alpha);
      metrics.negotiationLipschitzBound.set(lipschitzBound);
    },
  };
}
