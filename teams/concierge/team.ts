/**
 * The concierge: one agent a domain, each with tools over the back-end tables. A dialogue is a conversation, each user turn a task. An agent
 * answers what is its own and hands on what is not; what another domain settled arrives as facts of the committed conversation, never by a
 * global variable (the tables are the only thing that a thread keeps).
 */
import { defineAgent, defineTeam, type StepResult, type Turn } from "@triad/agent-worker";
import { DOMAINS, type Domain, decide, type Facts, type GoldAct, isDomain, loadTables, planTurn, respond, trailOf } from "./index.ts";
import { ledger } from "./ledger.ts";
import { replyByModel } from "./model-reply.ts";
import { EXAMPLES } from "./routing/examples.ts";

/** Replaces the rules by a real model for all agents: `openai-compatible:URL#name`, `openai:name`, `replay:FILE`. */
const model: string | undefined = process.env["TRIAD_CONCIERGE_MODEL"] || undefined;

/** Under `--nlu oracle` the runner sends the gold acts of the turn as this fact; under `rules` it never exists. */
export const ORACLE_FACT = "oracle.acts";

const PROMPT = `You are the {{agent:text}} desk of a city concierge. Answer only what concerns your desk.
Known facts: {{facts:json}}
Said before:
{{transcript:text}}
The guest says: {{input:text:required}}`;

/** What the guest was told last, before this task: observed outside, else an agent's output. */
function lastSaid(turn: Turn): string | undefined {
  const before = turn.transcript.findLast(
    (event) => (event.type === "observed" && event.by === "system") || (event.type === "step" && event.task !== turn.task),
  );
  return before?.text;
}

/** Agents that have already taken a step in this task. */
function actedIn(turn: Turn): readonly Domain[] {
  return turn.transcript.flatMap((event) => (event.type === "step" && event.task === turn.task && isDomain(event.by) ? [event.by] : []));
}

function actsOf(facts: Facts): readonly GoldAct[] | undefined {
  const acts = facts[ORACLE_FACT];
  return Array.isArray(acts) ? (acts as GoldAct[]) : undefined;
}

/**
 * Thanks, yes and goodbye are answered by the desk where the guest stands: a change of agents would carry everything over for a word of
 * courtesy, and would make the next turn's incumbent an agent that the guest never asked anything of.
 */
function stayingAtTheDesk(plan: readonly Domain[], facts: Facts): readonly Domain[] {
  const desk = trailOf(facts)[0];
  return plan.length === 1 && plan[0] === "general" && desk !== undefined ? [desk] : plan;
}

async function step(self: Domain, turn: Turn): Promise<StepResult> {
  const tables = loadTables();
  const prompt = turn.prompt();
  const words = { userText: turn.input, lastSystemText: lastSaid(turn), facts: turn.facts, acts: actsOf(turn.facts) };
  const acted = actedIn(turn);
  const asked = planTurn(words, tables);
  const plan = stayingAtTheDesk(asked, words.facts);
  const { answer, handTo } = decide(self, plan, acted);
  const said = !answer
    ? { output: `One moment, the ${handTo ?? "general"} desk takes this.`, facts: {} }
    : model === undefined
      ? respond(asked.every((domain) => domain === "general") ? "general" : self, words, tables)
      : await replyByModel(self, turn, prompt);
  const { output, facts } = said;
  ledger(turn, prompt, { output, facts });
  if (handTo !== undefined && handTo !== self) return turn.handoff({ to: handTo, output, facts });
  return turn.finish({ output, facts });
}

export default defineTeam({
  name: "concierge",
  skills: [...DOMAINS],
  agents: DOMAINS.map((domain) =>
    defineAgent({
      name: domain,
      prompt: { template: PROMPT, version: 1 },
      capabilities: { [domain]: 0.9 },
      examples: EXAMPLES[domain],
      ...(model === undefined ? {} : { model }),
      timeoutMs: 30_000,
      retry: { attempts: 3, backoffMs: 100 },
      concurrency: 32,
      view: { textTokens: 128, factTokens: 512 },
      step: (turn) => step(domain, turn),
    }),
  ),
});
