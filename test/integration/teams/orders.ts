/**
 * The team of the integration tests. Most tasks carry their order as JSON in the input, so that each test says what is to happen; `rooms` and
 * `trains` are found by what a text says. `ledger` names a file outside Triad that gets a line for every attempt.
 */
import { appendFileSync } from "node:fs";
import { type AgentConfig, defineAgent, defineTeam, type StepResult, type TeamDefinition, type Turn } from "@triad/agent-worker";

export interface Order {
  readonly ledger?: string;
  /** Steps that a walk takes in all. */
  readonly hops?: number;
  readonly waitMs?: number;
  /** Length of what a waiter says; each attempt's text is its own. */
  readonly outputBytes?: number;
  /** Attempts that throw; all of them where it is absent. */
  readonly failAttempts?: number;
  readonly misdeed?: "nobody" | "noSkill" | "hugeOutput" | "hugeFact" | "function";
}

const orderOf = (turn: Turn): Order => JSON.parse(turn.input) as Order;

function note(turn: Turn, event: "start" | "aborted"): void {
  const { ledger } = orderOf(turn);
  if (ledger === undefined) return;
  const line = { agent: turn.agent, event, key: turn.idempotencyKey, attempt: turn.attempt, pid: process.pid };
  appendFileSync(ledger, `${JSON.stringify(line)}\n`);
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}

const template = "You are {{agent:text}}.\nKnown: {{facts:json}}\nTask: {{input:text:required}}";
const prompt = { template, version: 1 };

/** Passes the walk to the other one, in turn by name and by skill; every fact of the steps before must be there. */
const walker = (name: string, other: string): AgentConfig =>
  defineAgent({
    name,
    prompt,
    capabilities: { walking: 0.9, [`walking-${name}`]: 0.9 },
    async step(turn): Promise<StepResult> {
      note(turn, "start");
      const { hops = 1, waitMs = 0 } = orderOf(turn);
      if (waitMs > 0) await wait(waitMs, turn.signal);
      const walked = Number(turn.facts["walked"] ?? 0);
      const missing = Array.from({ length: walked }, (_, hop) => `mark-${hop}`).filter((mark) => turn.facts[mark] === undefined);
      const facts = { walked: walked + 1, missing, [`mark-${walked}`]: `${name} was here` };
      const output = `${name} took hop ${walked}`;
      if (walked + 1 >= hops) return turn.finish({ output, facts });
      return walked % 2 === 0
        ? turn.handoff({ to: other, output, facts })
        : turn.handoff({ requires: { [`walking-${other}`]: 1 }, output, facts });
    },
  });

const waiter: AgentConfig = defineAgent({
  name: "waiter",
  prompt,
  capabilities: { waiting: 0.9 },
  timeoutMs: 60_000,
  concurrency: 64,
  async step(turn): Promise<StepResult> {
    note(turn, "start");
    turn.emit("waiting");
    try {
      await wait(orderOf(turn).waitMs ?? 0, turn.signal);
    } catch (error) {
      note(turn, "aborted");
      throw error;
    }
    const { outputBytes } = orderOf(turn);
    return turn.finish({
      output: outputBytes === undefined ? "waited" : `${turn.idempotencyKey} `.repeat(outputBytes).slice(0, outputBytes),
    });
  },
});

const thrower: AgentConfig = defineAgent({
  name: "thrower",
  prompt,
  capabilities: { throwing: 0.9 },
  retry: { attempts: 3, backoffMs: 20 },
  step(turn): StepResult {
    note(turn, "start");
    const { failAttempts = Number.POSITIVE_INFINITY } = orderOf(turn);
    if (turn.attempt <= failAttempts) throw new Error(`told to throw at attempt ${turn.attempt}`);
    return turn.finish({ output: "came through", facts: { attempt: turn.attempt } });
  },
});

/** Holds its whole thread, as a long loop would: nothing else of that thread runs meanwhile. */
const blocker: AgentConfig = defineAgent({
  name: "blocker",
  prompt,
  capabilities: { blocking: 0.9 },
  step(turn): StepResult {
    note(turn, "start");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, orderOf(turn).waitMs ?? 0);
    return turn.finish({ output: "blocked" });
  },
});

const offender: AgentConfig = defineAgent({
  name: "offender",
  prompt,
  capabilities: { offending: 0.9 },
  step(turn): StepResult {
    switch (orderOf(turn).misdeed) {
      case "nobody":
        return turn.handoff({ to: "nobody", output: "said before it went wrong", facts: { kept: true } });
      case "noSkill":
        return turn.handoff({ requires: { "no-such-skill": 1 }, output: "said before it went wrong" });
      case "hugeOutput":
        return turn.finish({ output: "y".repeat(20_000_000) });
      case "hugeFact":
        return turn.finish({ facts: { all: "y".repeat(200_000) } });
      case "function":
        return turn.finish({ output: { run: () => undefined } });
      default:
        return turn.handoff({ to: "offender", output: "again" });
    }
  },
});

const voter = (name: string, quality: number, answer: string): AgentConfig =>
  defineAgent({ name, prompt, capabilities: { voting: quality }, step: (turn) => turn.finish({ output: answer, facts: { answer } }) });

const clerk = (name: string, examples: readonly string[]): AgentConfig =>
  defineAgent({ name, prompt, examples, step: (turn) => turn.finish({ output: name, facts: { askedOf: name } }) });

const reciter: AgentConfig = defineAgent({
  name: "reciter",
  prompt,
  capabilities: { reciting: 0.9 },
  model: "replay:answers.jsonl",
  price: { inputUsdPerMillion: 1_000, outputUsdPerMillion: 2_000 },
  async step(turn): Promise<StepResult> {
    const { text } = await turn.generate({ key: "greeting" });
    return turn.finish({ output: text });
  },
});

const teller: AgentConfig = defineAgent({
  name: "teller",
  prompt,
  capabilities: { telling: 0.9 },
  model: `openai-compatible:${process.env["INTEGRATION_MODEL_URL"] ?? "http://127.0.0.1:9/v1"}#storyteller`,
  async step(turn): Promise<StepResult> {
    const { text } = await turn.generate({ stream: true });
    return turn.finish({ output: text });
  },
});

const team: TeamDefinition = defineTeam({
  name: "orders",
  agents: [
    walker("north", "south"),
    walker("south", "north"),
    waiter,
    thrower,
    blocker,
    offender,
    voter("voter-a", 0.95, "left"),
    voter("voter-b", 0.6, "right"),
    voter("voter-c", 0.6, "right"),
    clerk("rooms", ["I need a cheap room for two nights", "is there a guesthouse with parking", "book the hotel from Friday"]),
    clerk("trains", ["a train to London on Sunday", "when does the first train leave", "I want to arrive by nine by rail"]),
    reciter,
    teller,
  ],
});
export default team;
