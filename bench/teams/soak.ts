/**
 * The team of `bench soak`: two agents that hand over and set one fact, as in `bench path`, and whose last step can answer a large text, which is
 * stored in chunks. No two large texts are equal, so that each is a chunk of its own.
 */
import { type AgentConfig, defineAgent, defineTeam, type StepResult, type TeamDefinition, type Turn } from "@triad/agent-worker";

/** A task's input, as JSON. */
export interface SoakOrder {
  /** Steps of the task, the last one included. */
  readonly hops: number;
  /** Size of the last step's output; 0: a few bytes. */
  readonly outputBytes: number;
}

/** A conversation's facts stay as few, however long it gets. */
const FACTS = 16;

function pass(turn: Turn, other: string): StepResult {
  const { hops, outputBytes } = JSON.parse(turn.input) as SoakOrder;
  const output = String(process.hrtime.bigint());
  const facts = { [`fact-${turn.step % FACTS}`]: turn.step };
  if (turn.step < hops) return turn.handoff({ to: other, output, facts });
  return turn.finish({ output: output.padEnd(outputBytes, `${output} `), facts });
}

const agent = (name: string, other: string): AgentConfig =>
  defineAgent({
    name,
    prompt: { template: "{{input:text:required}}", version: 1 },
    capabilities: { passing: 0.9 },
    concurrency: 64,
    step: (turn) => pass(turn, other),
  });

const team: TeamDefinition = defineTeam({ name: "soak", skills: ["passing"], agents: [agent("ping", "pong"), agent("pong", "ping")] });
export default team;
