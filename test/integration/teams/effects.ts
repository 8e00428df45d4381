/** Agents whose steps act on the outside: the input says how often, and what becomes of a call in doubt. The ledger's address is in the environment. */
import { type AgentConfig, defineAgent, defineTeam, type StepResult, type TeamDefinition, type Turn } from "@triad/agent-worker";
import type { Phase } from "../support/effect-ledger.ts";

export interface Work {
  readonly effects?: number;
  readonly onDoubt?: "sameKey" | "repeat" | "ask";
  readonly question?: string;
  /** The first attempt throws after this many effects. */
  readonly throwAfter?: number;
}

const ledger = process.env["INTEGRATION_EFFECT_LEDGER"] ?? "http://127.0.0.1:9";
const prompt = { template: "{{input:text:required}}", version: 1 };
const workOf = (turn: Turn): Work => JSON.parse(turn.input) as Work;

async function tell(turn: Turn, n: number, phase: Phase, key: string): Promise<number> {
  const body = JSON.stringify({ task: turn.task, n, phase, key, pid: process.pid });
  const answer = await fetch(`${ledger}/call`, { method: "POST", body, signal: turn.signal });
  return ((await answer.json()) as { order: number }).order;
}

const payer: AgentConfig = defineAgent({
  name: "payer",
  prompt,
  capabilities: { paying: 0.9 },
  concurrency: 64,
  retry: { attempts: 3, backoffMs: 20 },
  async step(turn): Promise<StepResult> {
    const { effects = 1, onDoubt, throwAfter } = workOf(turn);
    const orders: number[] = [];
    for (let n = 1; n <= effects; n++) {
      const call = async (key: string): Promise<number> => {
        await tell(turn, n, "before", key);
        const order = await tell(turn, n, "call", key);
        await tell(turn, n, "after", key);
        return order;
      };
      orders.push(await turn.effect("pay", { n }, call, onDoubt === undefined ? {} : { onDoubt }));
      if (n === throwAfter && turn.attempt === 1) throw new Error("told to throw");
    }
    return turn.finish({ output: orders });
  },
});

const asker: AgentConfig = defineAgent({
  name: "asker",
  prompt,
  capabilities: { asking: 0.9 },
  async step(turn): Promise<StepResult> {
    return turn.finish({ output: await turn.ask(workOf(turn).question ?? "?") });
  },
});

const thinker: AgentConfig = defineAgent({
  name: "thinker",
  prompt,
  capabilities: { thinking: 0.9 },
  concurrency: 64,
  model: `openai-compatible:${ledger}/v1#m`,
  price: { inputUsdPerMillion: 1_000_000, outputUsdPerMillion: 0 },
  async step(turn): Promise<StepResult> {
    const answers: string[] = [];
    for (let n = 1; n <= (workOf(turn).effects ?? 1); n++) answers.push((await turn.generate({ prompt: `ask ${turn.task} ${n}` })).text);
    return turn.finish({ output: answers });
  },
});

const team: TeamDefinition = defineTeam({ name: "effects", agents: [payer, asker, thinker] });
export default team;
