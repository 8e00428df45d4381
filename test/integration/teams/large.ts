/** The team whose outputs are too large for the log. The order stands in the input, as JSON. */
import { createHash } from "node:crypto";
import { type AgentConfig, defineAgent, defineTeam, type StepResult, type TeamDefinition, type Turn } from "@triad/agent-worker";
import { largeText } from "../support/large-text.ts";

export interface LargeOrder {
  readonly seed: string;
  readonly bytes: number;
  /** Hands on to the reader instead of finishing. */
  readonly toReader?: boolean;
}

const prompt = { template: "{{input:text:required}}\n{{transcript:text}}", version: 1 };
const orderOf = (turn: Turn): LargeOrder => JSON.parse(turn.input) as LargeOrder;

const author: AgentConfig = defineAgent({
  name: "author",
  prompt,
  capabilities: { writing: 0.9 },
  step(turn): StepResult {
    const { seed, bytes, toReader = false } = orderOf(turn);
    const output = largeText(seed, bytes);
    return toReader ? turn.handoff({ to: "reader", output }) : turn.finish({ output });
  },
});

/** Says what it sees of the output before it: the transcript's beginning, the whole by `read`, the whole by `recall`, and the prompt's length. */
const reader: AgentConfig = defineAgent({
  name: "reader",
  prompt,
  capabilities: { reading: 0.9 },
  async step(turn): Promise<StepResult> {
    const event = turn.transcript.findLast(({ by }) => by === "author");
    if (event === undefined) return turn.finish({ output: "nothing" });
    const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
    const recalled = (await turn.recall("line 7 grüße")).find(({ event: { seq } }) => seq === event.seq);
    const prompted = turn.prompt().length;
    return turn.finish({
      output: JSON.stringify({
        shown: event.text.length,
        read: digest(await turn.read(event)),
        recalled: digest(recalled?.event.text ?? ""),
        prompted,
      }),
    });
  },
});

const voter = (name: string, seed: string): AgentConfig =>
  defineAgent({
    name,
    prompt,
    capabilities: { voting: 0.9 },
    step: (turn) => turn.finish({ output: largeText(seed, orderOf(turn).bytes) }),
  });

const team: TeamDefinition = defineTeam({
  name: "large",
  agents: [author, reader, voter("voter-a", "left"), voter("voter-b", "right"), voter("voter-c", "right")],
});
export default team;
