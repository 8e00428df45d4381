/**
 * A worker's standing with the cluster: registers the team and itself, beats, takes what the leader sends, and drains.
 *
 * W1 registration is repeated for ever; only a refusal that repetition can't change ends the process.
 * W2 a heartbeat tells the truth of this moment: what is held, and the highest dispatch number of the highest term.
 * W3 with a dead token everything that runs is ended before the worker registers anew: its steps belong to others now.
 */
import {
  type CommandResult,
  type Heartbeat,
  type InboxMessage,
  isErrorCode,
  limits,
  type Message,
  type Subjects,
  subjectsOf,
  TriadError,
} from "@triad/protocol";
import type { Logger } from "pino";
import type { AgentPool } from "./agent-pool.ts";
import { backoffMs, pause } from "./backoff.ts";
import type { CoordinatorDirectory } from "./coordinator-directory.ts";
import type { Bus, Clock, Proposer, TeamManifest, WorkerMetrics } from "./ports.ts";
import { COMMAND_BYTES } from "./step-command.ts";

/** Refusals of a registration that another try would meet again. */
const FATAL = new Set([
  "TRIAD_TEMPLATE_CONFLICT",
  "TRIAD_STEP_TOO_LARGE",
  "TRIAD_TEAM_INVALID",
  "TRIAD_FRAME_INVALID",
  "TRIAD_FRAME_TOO_LARGE",
]);
/** Workers of the old team that just went may not be counted lost yet; after this the refusal stands. */
const TEAM_VERSION_PATIENCE_MS: number = limits.WORKER_LOST_MS + 1_000;
/** How often a drain looks whether everything has been answered. */
const DRAIN_POLL_MS = 25;

export interface WorkerSessionOptions {
  readonly worker: string;
  readonly bootId: string;
  readonly pid: number;
  readonly threads: number;
  readonly http: string;
  readonly manifest: TeamManifest;
  readonly digest: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly directory: CoordinatorDirectory;
  readonly link: Proposer;
  readonly pool: AgentPool;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  lagMs(): number;
}

/** How a session ends: drained as told, or for a reason that a user must read. */
export type SessionEnd = { readonly kind: "drained" } | { readonly kind: "failed"; readonly error: TriadError };

type Standing = { readonly kind: "registering" } | { readonly kind: "registered"; readonly token: number };

export class WorkerSession {
  readonly ended: Promise<SessionEnd>;
  private readonly options: WorkerSessionOptions;
  private readonly subjects: Subjects;
  private readonly end = Promise.withResolvers<SessionEnd>();
  private standing: Standing = { kind: "registering" };
  /** The token of the latest registration, also while another is made. */
  private lastToken = 0;
  /** When the cluster first said that it runs another team. */
  private otherTeamSinceMs: number | undefined;
  private echo = { term: 0, no: 0 };
  private unsubscribe: (() => void) | undefined;
  private cancelBeat: (() => void) | undefined;
  private closed = false;
  private draining = false;

  constructor(options: WorkerSessionOptions) {
    this.options = options;
    this.subjects = subjectsOf(options.directory.cluster);
    this.ended = this.end.promise;
  }

  get isRegistered(): boolean {
    return this.standing.kind === "registered";
  }

  get isDraining(): boolean {
    return this.draining;
  }

  start(): void {
    this.unsubscribe = this.options.bus.subscribe(this.subjects.inbox(this.options.worker), (message) => this.receive(message));
    this.beat();
    void this.register();
  }

  /** Stops beating and listening; proposes nothing. */
  close(): void {
    this.closed = true;
    this.unsubscribe?.();
    this.cancelBeat?.();
  }

  /** Asks for no new work, waits for what runs, then ends what is left. Resolves when nothing is held, at the latest a moment after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.draining = true;
    const { clock, link, pool, worker } = this.options;
    const sinceMs = clock.nowMs();
    let told = this.lastToken === 0;
    if (!told) {
      void link.propose({ type: "DrainWorker", worker }, COMMAND_BYTES).then(() => {
        told = true;
      });
    }
    for (;;) {
      const waitedMs = clock.nowMs() - sinceMs;
      if (waitedMs >= withinMs || (pool.isIdle && (told || waitedMs >= TELL_MS))) break;
      await pause(clock, DRAIN_POLL_MS);
    }
    if (pool.abortAll() > 0) await pause(clock, 2 * DRAIN_POLL_MS);
    if (this.lastToken > 0) await this.leave();
  }

  /** Says that it goes, so that nobody waits two seconds to find out; a cluster that is gone itself is not waited for. */
  private async leave(): Promise<void> {
    const { clock, link, worker } = this.options;
    const left = link.propose({ type: "WorkerLost", worker, token: this.lastToken, reason: "left" }, COMMAND_BYTES);
    await Promise.race([left, pause(clock, LEAVE_MS)]);
  }

  private async register(): Promise<void> {
    const { worker, bootId, digest, manifest, pid, threads, http, link, clock, log } = this.options;
    this.standing = { kind: "registering" };
    this.otherTeamSinceMs = undefined;
    for (let round = 0; !this.closed; round++) {
      const team = await link.propose({ type: "RegisterTeam", manifest, digest }, manifestBytes(manifest));
      if (this.refused(team)) return;
      if (isAccepted(team)) {
        const joined = await link.propose({ type: "RegisterWorker", worker, bootId, digest, pid, threads, http }, COMMAND_BYTES);
        if (this.refused(joined)) return;
        if (isAccepted(joined) && joined.token !== undefined) {
          this.lastToken = joined.token;
          this.standing = { kind: "registered", token: joined.token };
          // At once: until the leader has heard the new token, only its own patience keeps this registration alive.
          this.beat();
          log.info({ token: joined.token, team: manifest.name, digest }, "registered");
          return;
        }
      }
      await pause(clock, backoffMs(round, clock.random()));
    }
  }

  /** W1: true where the refusal ends the process. */
  private refused(result: CommandResult): boolean {
    const { code, message } = result;
    if (isAccepted(result) || code === undefined) return false;
    if (!FATAL.has(code) && !(code === "TRIAD_TEAM_VERSION" && this.isPatienceOver())) {
      this.options.log.warn({ code, outcome: result.outcome }, message ?? "registration refused; trying again");
      return false;
    }
    const known = isErrorCode(code) ? code : "TRIAD_TEAM_INVALID";
    this.end.resolve({ kind: "failed", error: new TriadError(known, message, result.details) });
    return true;
  }

  private isPatienceOver(): boolean {
    const nowMs = this.options.clock.nowMs();
    this.otherTeamSinceMs ??= nowMs;
    return nowMs - this.otherTeamSinceMs > TEAM_VERSION_PATIENCE_MS;
  }

  private receive(message: Message): void {
    switch (message.kind) {
      case "dispatch":
      case "abort":
      case "reregister":
      case "replaced":
      case "drain":
        this.options.directory.heard(message.leader, message.term);
        this.obey(message);
        return;
      default:
        this.options.metrics.frameDropped();
    }
  }

  private obey(message: InboxMessage): void {
    const { pool, bootId, worker } = this.options;
    switch (message.kind) {
      case "dispatch":
        for (const item of message.items) {
          this.heardNumber(message.term, item.no);
          // Before its first registration a process holds nothing: this was given to the one that had the id before, and is void. Should it
          // be ours, with the answer to the registration still on its way, the heartbeat that follows shows it missing and it comes again.
          if (this.lastToken > 0) pool.deliver(item);
        }
        return;
      case "abort":
        pool.abort(message.fences);
        return;
      case "reregister":
        this.reregister(message.token);
        return;
      case "replaced":
        // It names the process that lost the id; whoever took it hears the same inbox.
        if (message.bootId !== bootId) return;
        pool.abortAll();
        this.end.resolve({
          kind: "failed",
          error: new TriadError("TRIAD_WORKER_REPLACED", `another process registered as worker "${worker}"; this one ends`),
        });
        return;
      case "drain":
        if (!this.draining) void this.drain(Number.POSITIVE_INFINITY).then(() => this.end.resolve({ kind: "drained" }));
    }
  }

  /** W3. A token older than the one we have speaks of a registration that was already replaced. */
  private reregister(deadToken: number): void {
    if (this.standing.kind === "registering" || (deadToken !== 0 && deadToken < this.standing.token)) return;
    const ended = this.options.pool.abortAll();
    // An idle worker counts as one: it, too, learned that what it would have written is void.
    this.options.metrics.fencedWrites(Math.max(1, ended));
    this.options.log.warn({ token: deadToken, ended }, "the registration is void; registering anew");
    void this.register();
  }

  /** W2. */
  private heardNumber(term: number, no: number): void {
    if (term > this.echo.term) this.echo = { term, no };
    else if (term === this.echo.term && no > this.echo.no) this.echo = { term, no };
  }

  private beat(): void {
    const { bus, clock, worker, bootId, pool, threads } = this.options;
    if (this.closed) return;
    this.cancelBeat?.();
    if (bus.connected) {
      const heartbeat: Heartbeat = {
        kind: "heartbeat",
        worker,
        bootId,
        token: this.lastToken,
        echoTerm: this.echo.term,
        echoNo: this.echo.no,
        fences: pool.fences,
        threads,
        inFlight: pool.inFlight,
        lagMs: Math.max(0, this.options.lagMs()),
      };
      bus.publish(this.subjects.heartbeat(worker), heartbeat);
    }
    this.cancelBeat = clock.after(limits.HEARTBEAT_MS, () => this.beat());
  }
}

/** What a drain waits for a cluster that does not answer: for its wish to be heard, and for its leave to be taken. */
const TELL_MS = 2_000;
const LEAVE_MS = 1_000;

function isAccepted(result: CommandResult): boolean {
  return result.outcome === "ok" || result.outcome === "duplicate";
}

function manifestBytes(manifest: TeamManifest): number {
  const vectors = Object.values(manifest.prototypes).reduce(
    (sum, list) => sum + list.reduce((bytes, vector) => bytes + vector.length, 0),
    0,
  );
  return COMMAND_BYTES + manifest.idf.length + vectors + JSON.stringify({ ...manifest, idf: 0, prototypes: 0 }).length;
}
