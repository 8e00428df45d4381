/**
 * Runs dialogues through the cluster as their users would: a conversation each, a task a turn, one after the other. What the recorded system
 * said enters the transcript as an observation before the next turn. Only words leave this file under `--nlu rules`.
 */
import type { TaskView, TriadClient } from "@triad/client";
import { type Dialogue, stripLabels } from "../index.ts";
import { ORACLE_FACT } from "../team.ts";

export interface TurnRun {
  readonly dialogue: string;
  readonly conversation: string;
  readonly turn: number;
  readonly task: string;
  /** Undefined where no end was seen: the task is lost. */
  readonly result: TaskView | undefined;
}

export interface DriveOptions {
  readonly client: TriadClient;
  readonly nlu: "rules" | "oracle";
  readonly concurrency: number;
  readonly onTurn: (run: TurnRun) => void;
  readonly onDialogue: () => void;
}

/** How long a task may take, an outage in the middle included. */
const TASK_TIMEOUT_MS = 120_000;

export class Drive {
  /** Tasks accepted and not ended yet. */
  inFlight = 0;
  readonly turns: TurnRun[] = [];
  private readonly options: DriveOptions;

  constructor(options: DriveOptions) {
    this.options = options;
  }

  /** Runs dialogues in lanes until `next` gives none. `round` keeps conversations of repetitions apart. */
  async run(next: () => { readonly dialogue: Dialogue; readonly round: number } | undefined): Promise<void> {
    const lane = async (): Promise<void> => {
      for (let item = next(); item !== undefined; item = next()) {
        await this.dialogue(item.dialogue, item.round);
        this.options.onDialogue();
      }
    };
    await Promise.all(Array.from({ length: this.options.concurrency }, lane));
  }

  private async dialogue(dialogue: Dialogue, round: number): Promise<void> {
    const { turns } = stripLabels(dialogue);
    const conversation = `${dialogue.id.replace(/[^A-Za-z0-9_-]/g, "-")}-${round}`;
    for (const [turn, { user }] of turns.entries()) {
      const said = turns[turn - 1]?.system;
      const gold = this.options.nlu === "oracle" ? dialogue.turns[turn]?.gold.userActs : undefined;
      const task = await this.options.client.submit({
        input: user,
        conversation,
        idempotencyKey: `${conversation}-${turn}`,
        ...(said === undefined || said === "" ? {} : { observations: [{ by: "system", text: said }] }),
        ...(gold === undefined ? {} : { facts: { [ORACLE_FACT]: gold.map((act) => ({ ...act })) } }),
      });
      this.inFlight++;
      const result = await ending(task);
      this.inFlight--;
      const run: TurnRun = { dialogue: dialogue.id, conversation, turn, task: task.id, result };
      this.turns.push(run);
      this.options.onTurn(run);
      if (result?.status !== "completed") return;
    }
  }
}

/** The task's end, whatever it is; undefined where none was seen in time. */
async function ending(task: Awaited<ReturnType<TriadClient["submit"]>>): Promise<TaskView | undefined> {
  try {
    return await task.ended({ timeoutMs: TASK_TIMEOUT_MS });
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") return undefined;
    throw error;
  }
}
