/**
 * The team of `bench path`: two agents that do nothing but hand over and set one fact, so that what is measured is Triad and not their work.
 * A step's output is the monotonic time of its start in nanoseconds, one clock for all processes of a machine: from start to start is a hop,
 * with exactly one commit in it.
 */
import { type AgentConfig, defineAgent, defineTeam, type StepResult, type TeamDefinition, type Turn } from "@triad/agent-worker";

/** A task's input, as JSON. */
export interface NoopOrder {
  /** Steps of the task, the last one included. */
  readonly hops: number;
  /** How many names the facts go round: a conversation's facts stay as few, however long it gets. */
  readonly facts: number;
}

function pass(turn: Turn, other: string): StepResult {
  const output = String(process.hrtime.bigint());
  const { hops, facts: names } = JSON.parse(turn.input) as NoopOrder;
  const facts = { [`fact-${turn.step % names}`]: turn.step };
  return turn.step < hops ? turn.handoff({ to: other, output, facts }) : turn.finish({ output, facts });
}

const agent = (name: string, other: string): AgentConfig =>
  defineAgent({
    name,
    prompt: { template: "{{input:text:required}}", version: 1 },
    capabilities: { passing: 0.9 },
    // Never what limits: places for every conversation of the widest load in one worker.
    concurrency: 1024,
    step: (turn) => pass(turn, other),
  });

const team: TeamDefinition = defineTeam({ name: "noop", skills: ["passing"], agents: [agent("ping", "pong"), agent("pong", "ping")] });
export default team;
