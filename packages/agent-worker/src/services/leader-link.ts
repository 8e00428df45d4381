/**
 * The way to the leader: commands go in, results of the replicated state come out, however often they must be sent.
 *
 * L1 one message a loop turn carries what has gathered, at most ENTRY_COMMANDS_MAX commands and FRAME_BYTES_MAX bytes.
 * L2 a command is repeated until it is answered: apply makes a repetition harmless (`duplicate`), so silence is never taken for an answer.
 * L3 one hint is followed; then, as at no responder or silence, it goes round the coordinators with a back-off.
 */
import { type Command, type CommandResult, ERRORS, isErrorCode, limits, type Subjects, subjectsOf } from "@triad/protocol";
import type { Logger } from "pino";
import { backoffMs, pause } from "./backoff.ts";
import type { CoordinatorDirectory } from "./coordinator-directory.ts";
import type { Answer, Bus, Clock, Proposer } from "./ports.ts";

/** Silence after which another coordinator is asked. */
const REPLY_MS = 500;
/** Of a frame, for the envelope. */
const ENVELOPE_BYTES = 1_024;
/** Batches on the way at once; what comes beyond gathers. */
const BATCHES_MAX = 4;

interface Waiting {
  readonly command: Command;
  readonly bytes: number;
  readonly resolve: (result: CommandResult) => void;
}

export interface LeaderLinkOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly directory: CoordinatorDirectory;
  readonly worker: string;
  readonly log: Logger;
  /** Runs at the end of the loop turn. */
  soon(run: () => void): void;
}

export class LeaderLink implements Proposer {
  private readonly options: LeaderLinkOptions;
  private readonly subjects: Subjects;
  private waiting: Waiting[] = [];
  private scheduled = false;
  private batches = 0;
  private closed = false;

  constructor(options: LeaderLinkOptions) {
    this.options = options;
    this.subjects = subjectsOf(options.directory.cluster);
  }

  /** Commands that have not been answered. */
  get unanswered(): number {
    return this.waiting.length + this.batches;
  }

  propose(command: Command, bytes: number): Promise<CommandResult> {
    return new Promise((resolve) => {
      this.waiting.push({ command, bytes, resolve });
      this.schedule();
    });
  }

  /** Nothing is sent any more; what is not answered stays open. */
  close(): void {
    this.closed = true;
    this.waiting = [];
  }

  private schedule(): void {
    if (this.scheduled || this.closed) return;
    this.scheduled = true;
    this.options.soon(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    while (this.waiting.length > 0 && this.batches < BATCHES_MAX && !this.closed) {
      const batch = this.takeBatch();
      this.batches++;
      void this.deliver(batch).finally(() => {
        this.batches--;
        if (this.waiting.length > 0) this.schedule();
      });
    }
  }

  /** L1; a single command is always taken, whatever its size. */
  private takeBatch(): readonly Waiting[] {
    let bytes = ENVELOPE_BYTES;
    let count = 0;
    for (const { bytes: more } of this.waiting) {
      if (count > 0 && (bytes + more > limits.FRAME_BYTES_MAX || count >= limits.ENTRY_COMMANDS_MAX)) break;
      bytes += more;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  /** L2, L3. */
  private async deliver(batch: readonly Waiting[]): Promise<void> {
    const { directory, clock } = this.options;
    let hinted = false;
    for (let round = 0; !this.closed; ) {
      const target = directory.target();
      const answer = target === undefined ? undefined : await this.ask(target, batch);
      if (answer?.kind === "tooLarge") return this.split(batch, "TRIAD_FRAME_TOO_LARGE", "the command does not fit one message");
      if (answer?.kind === "reply") {
        const { message } = answer;
        if (message.kind === "proposed" && message.results.length === batch.length) return this.settle(batch, message.results);
        if (message.kind === "notLeader" && message.leader !== "" && message.leader !== target && !hinted) {
          hinted = true;
          directory.hint(message.leader);
          continue;
        }
        if (message.kind === "refused" && !isRetryable(message.code)) return this.split(batch, message.code, message.message);
      }
      if (target !== undefined) directory.doubt(target);
      hinted = false;
      await pause(clock, backoffMs(round++, clock.random()));
      await directory.refresh();
    }
  }

  private async ask(target: string, batch: readonly Waiting[]): Promise<Answer | { readonly kind: "tooLarge" }> {
    const commands = batch.map((waiting) => waiting.command);
    try {
      return await this.options.bus.request(
        this.subjects.propose(target),
        { kind: "propose", from: this.options.worker, commands },
        REPLY_MS,
      );
    } catch (error) {
      if (isTooLarge(error)) return { kind: "tooLarge" };
      // A mistake of the bus must not lose what waits for an answer (L2): it is logged and counts as silence.
      this.options.log.error({ error: error instanceof Error ? error.message : String(error) }, "a proposal could not be sent");
      return { kind: "silent" };
    }
  }

  private settle(batch: readonly Waiting[], results: readonly CommandResult[]): void {
    for (const [index, waiting] of batch.entries()) {
      const result = results[index];
      if (result === undefined || (result.outcome === "refused" && isRetryable(result.code))) this.again(waiting);
      else waiting.resolve(result);
    }
  }

  private again(waiting: Waiting): void {
    const { clock } = this.options;
    void pause(clock, backoffMs(1, clock.random())).then(() => {
      if (this.closed) return;
      this.waiting.push(waiting);
      this.schedule();
    });
  }

  /** The batch as a whole was refused for what is in it: each command is tried by itself, and the one at fault hears why. */
  private async split(batch: readonly Waiting[], code: string, message: string): Promise<void> {
    const [first, ...others] = batch;
    if (first !== undefined && others.length === 0) {
      this.options.log.error({ code, command: first.command.type }, message);
      return first.resolve({ outcome: "refused", code, message });
    }
    for (const waiting of batch) await this.deliver([waiting]);
  }
}

/** Codes that say "not now" rather than "not this". */
function isRetryable(code: string | undefined): boolean {
  return isErrorCode(code) && ERRORS[code].retryable && code !== "TRIAD_NO_TEAM";
}

function isTooLarge(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "TRIAD_FRAME_TOO_LARGE";
}
