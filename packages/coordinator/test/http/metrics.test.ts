/** Every metric of the contract that a coordinator produces is there from the first scrape, and its labels stay bounded. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMetrics, type Metrics } from "../../src/adapters/metrics/metrics.ts";

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics();
});
afterEach(() => metrics.close());

const scrape = () => metrics.registry.metrics();

test("every metric has its TYPE before it moves", async () => {
  const text = await scrape();
  const gauges = ["raft_term", "raft_commit_index", "raft_applied_index", "raft_is_leader", "tasks_running", "event_loop_lag_seconds"];
  const more = ["negotiation_alpha", "negotiation_lipschitz_bound", "negotiation_disagreement", "agent_state_bytes"];
  const counters = ["raft_elections", "route_decisions", "steps", "handoffs", "tasks", "fenced_writes", "step_rejected", "frames_dropped"];
  const histograms = ["commit_seconds", "fsync_seconds", "route_seconds", "step_seconds"];
  for (const name of [...gauges, ...more]) expect(text).toMatch(new RegExp(`^# TYPE triad_${name} gauge$`, "m"));
  for (const name of counters) expect(text).toMatch(new RegExp(`^# TYPE triad_${name}_total counter$`, "m"));
  for (const name of histograms) expect(text).toMatch(new RegExp(`^# TYPE triad_${name} histogram$`, "m"));
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_heap_size_used_bytes"]) {
    expect(text).toMatch(new RegExp(`^# TYPE ${name} `, "m"));
  }
});

test("two coordinators in one process share nothing", async () => {
  const other = createMetrics();
  metrics.handoffs.inc(3);
  metrics.raftIsLeader.set(1);
  expect(await scrape()).toMatch(/^triad_handoffs_total 3$/m);
  expect(await other.registry.metrics()).toMatch(/^triad_handoffs_total 0$/m);
  other.close();
});

test("latencies from 50 µs to 1 s are told apart", async () => {
  metrics.commitSeconds.observe(0.00004);
  metrics.commitSeconds.observe(0.4);
  const text = await scrape();
  expect(text).toMatch(/^triad_commit_seconds_bucket\{le="0.00005"\} 1$/m);
  expect(text).toMatch(/^triad_commit_seconds_bucket\{le="0.25"\} 1$/m);
  expect(text).toMatch(/^triad_commit_seconds_bucket\{le="0.5"\} 2$/m);
});

test("labels take the team's agents and known reasons; whatever else arrives is one series", async () => {
  metrics.setTeam(["hotels", "trains"]);
  metrics.routeDecisions.inc("hotels", "best");
  metrics.steps.inc("hotels", "committed");
  metrics.stepSeconds.observe("hotels", 0.01);
  for (let i = 0; i < 5_000; i++) {
    metrics.routeDecisions.inc(`t-${i}`, `because-${i}`);
    metrics.steps.inc(`c-${i}`, `outcome-${i}`);
    metrics.stepSeconds.observe(`c-${i}`, 1);
    metrics.stepRejected.inc(`reason-${i}`);
    metrics.framesDropped.inc(`reason-${i}`);
  }
  const text = await scrape();
  expect(text).toMatch(/^triad_route_decisions_total\{agent="hotels",reason="best"\} 1$/m);
  expect(text).toMatch(/^triad_route_decisions_total\{agent="other",reason="other"\} 5000$/m);
  expect(text).toMatch(/^triad_frames_dropped_total\{reason="other"\} 5000$/m);
  expect(text.split("\n").filter((line) => line.startsWith("triad_")).length).toBeLessThan(200);
});

test("an agent that left the team leaves the metrics", async () => {
  metrics.setTeam(["hotels", "trains"]);
  metrics.routeDecisions.inc("hotels", "best");
  metrics.routeDecisions.inc("trains", "best");
  metrics.steps.inc("trains", "committed");
  metrics.stepSeconds.observe("trains", 1);
  metrics.setTeam(["hotels"]);
  const text = await scrape();
  expect(text).toMatch(/agent="hotels"/);
  expect(text).not.toMatch(/agent="trains"/);
});

test("ended tasks are counted by status, each from 0", async () => {
  metrics.taskEnded("completed");
  const text = await scrape();
  expect(text).toMatch(/^triad_tasks_total\{status="completed"\} 1$/m);
  for (const status of ["failed", "cancelled", "expired"])
    expect(text).toMatch(new RegExp(`^triad_tasks_total\\{status="${status}"\\} 0$`, "m"));
});

test("a blocked event loop shows as lag", async () => {
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const lag = async () => Number(/^triad_event_loop_lag_seconds (\S+)$/m.exec(await scrape())?.[1]);
  await lag();
  // The sampler takes its first measure one period after a scrape; the block has to fall between two measures.
  await pause(30);
  const until = performance.now() + 200;
  while (performance.now() < until) Math.sqrt(until);
  await pause(30);
  expect(await lag()).toBeGreaterThan(0.15);
});
