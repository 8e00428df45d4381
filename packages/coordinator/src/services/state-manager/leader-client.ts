/**
 * Gets a command to whoever leads, from any coordinator: directly where it is this one, else over the bus, following hints. It keeps trying
 * across an election for two seconds; repetitions carry the same ids, so a lost answer makes nothing twice.
 */
import { type Command, type CommandResult, limits, TriadError } from "@triad/protocol";
import { ProposalError } from "../consensus-engine/proposal-queue.ts";
import type { Clock, Messenger } from "../ports.ts";

export interface LeaderClientPorts {
  readonly self: string;
  readonly clock: Clock;
  readonly messenger: Messenger;
  readonly leads: () => boolean;
  /** Id of the leader that this coordinator knows; "" for none. */
  readonly leader: () => string;
  readonly propose: (command: Command) => Promise<CommandResult>;
}

/** One forwarded try waits this long: a leader that was paused or killed must not eat the whole patience. */
const TRY_MS = 700;
const PAUSE_MS = 40;

export class LeaderClient {
  private readonly ports: LeaderClientPorts;

  constructor(ports: LeaderClientPorts) {
    this.ports = ports;
  }

  /**
   * What apply made of the command. Throws TRIAD_NO_LEADER, TRIAD_OVERLOADED, or TRIAD_UNKNOWN_OUTCOME where a leader took it and was lost;
   * all three may be repeated with the same ids.
   */
  async propose(command: Command): Promise<CommandResult> {
    const endMs = this.ports.clock.monotonicMs() + limits.FORWARD_MS;
    let taken = false;
    let hint = "";
    for (;;) {
      const outcome = await this.attempt(command, hint, endMs - this.ports.clock.monotonicMs());
      if (outcome.kind === "result") return outcome.result;
      if (outcome.kind === "busy") throw new TriadError("TRIAD_OVERLOADED", "the leader has too much in flight");
      taken ||= outcome.taken;
      hint = outcome.hint;
      if (this.ports.clock.monotonicMs() + PAUSE_MS >= endMs) {
        throw taken
          ? new TriadError("TRIAD_UNKNOWN_OUTCOME", "the leader was lost while it decided")
          : new TriadError("TRIAD_NO_LEADER", "no leader could be reached in time");
      }
      await this.pause();
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.ports.clock.schedule(PAUSE_MS, resolve);
    });
  }

  private async attempt(command: Command, hint: string, leftMs: number): Promise<Attempt> {
    const { self, messenger } = this.ports;
    if (this.ports.leads()) return this.local(command, leftMs);
    const target = hint !== "" ? hint : this.ports.leader();
    if (target === "" || target === self || !messenger.connected || leftMs <= 0) return { kind: "again", taken: false, hint: "" };
    const outcome = await messenger.forward(target, [command], Math.min(TRY_MS, leftMs));
    switch (outcome.kind) {
      case "results": {
        const result = outcome.results[0];
        return result === undefined ? { kind: "again", taken: true, hint: "" } : { kind: "result", result };
      }
      case "notLeader":
        return { kind: "again", taken: false, hint: outcome.leader === target ? "" : outcome.leader };
      case "silent":
        return { kind: "again", taken: true, hint: "" };
      case "refused":
        return outcome.code === "TRIAD_OVERLOADED" ? { kind: "busy" } : { kind: "again", taken: false, hint: "" };
    }
  }

  /** A leader that cannot reach a majority never answers: the wait ends by itself. */
  private async local(command: Command, leftMs: number): Promise<Attempt> {
    const proposed = this.ports.propose(command).then(
      (result): Attempt => ({ kind: "result", result }),
      (error: unknown): Attempt => {
        if (!(error instanceof ProposalError)) throw error;
        if (error.reason === "busy") return { kind: "busy" };
        return { kind: "again", taken: error.reason === "lost", hint: "" };
      },
    );
    return new Promise((resolve, reject) => {
      const cancel = this.ports.clock.schedule(Math.max(1, leftMs), () => resolve({ kind: "again", taken: true, hint: "" }));
      proposed.then(resolve, reject).finally(cancel);
    });
  }
}

type Attempt =
  | { readonly kind: "result"; readonly result: CommandResult }
  | { readonly kind: "busy" }
  | { readonly kind: "again"; readonly taken: boolean; readonly hint: string };
