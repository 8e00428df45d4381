/** Three judges of one skill: the order says what each of them answers, how long it takes, or that it fails. */
import { appendFileSync } from "node:fs";
import { type AgentConfig, defineAgent, defineTeam, type StepResult, type TeamDefinition } from "@triad/agent-worker";

export interface JudgeOrder {
  readonly answer?: string;
  readonly waitMs?: number;
  readonly does?: "throw" | "handoff";
}
export interface PanelOrder {
  readonly ledger?: string;
  /** By the judge's name. */
  readonly judges: Readonly<Record<string, JudgeOrder>>;
}

const judge = (name: string): AgentConfig =>
  defineAgent({
    name,
    prompt: { template: "Judge. {{input:text:required}}", version: 1 },
    capabilities: { judging: 0.8 },
    retry: { attempts: 1 },
    async step(turn): Promise<StepResult> {
      const { ledger, judges } = JSON.parse(turn.input) as PanelOrder;
      const { answer = "yes", waitMs = 0, does } = judges[name] ?? {};
      const note = (event: "start" | "aborted"): void => {
        if (ledger === undefined) return;
        const line = { agent: name, event, key: turn.idempotencyKey, attempt: turn.attempt, pid: process.pid };
        appendFileSync(ledger, `${JSON.stringify(line)}\n`);
      };
      note("start");
      if (does === "throw") throw new Error(`${name} cannot judge`);
      if (does === "handoff") return turn.handoff({ to: name, output: "not mine" });
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, waitMs);
        turn.signal.addEventListener(
          "abort",
          () => {
            clearTimeout(timer);
            note("aborted");
            reject(turn.signal.reason);
          },
          { once: true },
        );
      });
      return turn.finish({ output: answer, facts: { [`said-${name}`]: answer } });
    },
  });

const team: TeamDefinition = defineTeam({ name: "panel", agents: [judge("ada"), judge("ben"), judge("cyd")] });
export default team;
