/**
 * The journal of one step as a cluster would keep it, in memory: real apply would need a team and a log; here a test decides what is answered,
 * and takes what was recorded into the dispatch of the next start.
 */
import type { CommandResult, JournalEntry } from "@triad/protocol";
import type { EffectCommand, EffectRecorder } from "../../src/services/ports.ts";

export class MemoryJournal implements EffectRecorder {
  readonly commands: EffectCommand[] = [];
  /** Effects with an outcome, as the next dispatch carries them. */
  readonly entries = new Map<number, JournalEntry>();
  attempt = 1;
  /** Undefined: the log takes it. A promise that stays open is a cluster without a leader. */
  answer: (command: EffectCommand) => CommandResult | Promise<CommandResult> | undefined = () => undefined;
  private readonly intents = new Map<number, { readonly name: string; readonly inputDigest: string }>();

  async record(command: EffectCommand): Promise<CommandResult> {
    this.commands.push(command);
    const answer = await this.answer(command);
    if (answer !== undefined) return answer;
    if (command.type === "EffectIntended") this.intents.set(command.n, command);
    else {
      const { name = "", inputDigest = "" } = this.intents.get(command.n) ?? {};
      this.entries.set(command.n, { n: command.n, name, inputDigest, attempt: this.attempt, outcome: command.outcome });
    }
    return { outcome: "ok", effect: { round: 0, parked: false } };
  }

  get said(): readonly string[] {
    return this.commands.map((command) => `${command.type === "EffectIntended" ? "intend" : command.outcome.kind} ${command.n}`);
  }
}
