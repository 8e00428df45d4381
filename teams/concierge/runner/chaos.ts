/** Kills leaders and workers with SIGKILL and pauses one worker, by their own pids, while conversations run; says what ran at each fault. */
import type { ClusterView, TriadClient } from "@triad/client";

export interface ChaosReport {
  leaderKills: number;
  workerKills: number;
  pauses: number;
  /** Tasks accepted and not ended at the moment of each fault. */
  readonly inFlightAtFaults: number[];
}

export interface ChaosOptions {
  readonly client: TriadClient;
  readonly inFlight: () => number;
  readonly say: (text: string) => void;
  /** Workers that the cluster was started with. */
  readonly workers: number;
  /** True when there is nothing left to disturb. */
  readonly over: () => boolean;
}

const KILLS_WANTED = 3;
const PAUSE_MS = 4_000;
/** Between faults: long enough for work to flow again, so that each fault hits a working cluster. */
const QUIET_MS = 1_500;
const HEAL_MS = 30_000;
const POLL_MS = 100;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function strike(pid: number | null, signal: NodeJS.Signals): boolean {
  // 0 and below name groups of processes, ours among them.
  if (pid === null || pid <= 0) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    // It has ended by itself in the meantime.
    return false;
  }
}

export class Chaos {
  readonly report: ChaosReport = { leaderKills: 0, workerKills: 0, pauses: 0, inFlightAtFaults: [] };
  private readonly options: ChaosOptions;
  private turn = 0;

  constructor(options: ChaosOptions) {
    this.options = options;
  }

  get done(): boolean {
    const { leaderKills, workerKills, pauses } = this.report;
    return leaderKills >= KILLS_WANTED && workerKills >= KILLS_WANTED && pauses >= 1;
  }

  /** Strikes in turn until enough was struck under load. */
  async run(): Promise<void> {
    while (!this.done && !this.options.over()) {
      await pause(QUIET_MS);
      // A fault without work under way proves nothing.
      if (this.options.inFlight() === 0) continue;
      const view = await this.healthy();
      if (view === undefined) continue;
      if (this.report.leaderKills <= this.report.workerKills) await this.killLeader(view);
      else if (this.report.pauses === 0 && this.report.workerKills === 1) await this.pauseWorker(view);
      else this.killWorker(view);
    }
    await this.healthy();
  }

  /** The cluster's view once it is whole again; undefined where that takes too long. */
  private async healthy(): Promise<ClusterView | undefined> {
    const end = Date.now() + HEAL_MS;
    while (Date.now() < end) {
      const view = await this.options.client.cluster().catch(() => undefined);
      const whole =
        view?.leader != null &&
        view.coordinators.every((coordinator) => coordinator.role !== "down") &&
        // Not all that are listed: one that has left for good stays in the list for a while.
        view.workers.filter((worker) => worker.state === "up").length >= this.options.workers;
      if (whole) return view;
      await pause(POLL_MS);
    }
    return undefined;
  }

  private fault(what: string, pid: number | null, signal: NodeJS.Signals): boolean {
    const inFlight = this.options.inFlight();
    if (!strike(pid, signal)) return false;
    this.report.inFlightAtFaults.push(inFlight);
    this.options.say(`${what} (pid ${pid}) ${signal}, ${inFlight} tasks in flight`);
    return true;
  }

  private async killLeader(view: ClusterView): Promise<void> {
    const leader = view.coordinators.find((coordinator) => coordinator.id === view.leader);
    if (leader === undefined || !this.fault(`leader ${leader.id}`, leader.pid, "SIGKILL")) return;
    this.report.leaderKills++;
    const end = Date.now() + HEAL_MS;
    while (Date.now() < end) {
      const now = await this.options.client.cluster().catch(() => undefined);
      if (now !== undefined && now.term > view.term && now.leader !== null) return;
      await pause(POLL_MS);
    }
  }

  private killWorker(view: ClusterView): void {
    const up = view.workers.filter((each) => each.state === "up");
    const worker = up[this.turn++ % up.length];
    if (worker !== undefined && this.fault(`worker ${worker.id}`, worker.pid, "SIGKILL")) this.report.workerKills++;
  }

  private async pauseWorker(view: ClusterView): Promise<void> {
    const up = view.workers.filter((each) => each.state === "up");
    const worker = up[this.turn++ % up.length];
    if (worker === undefined || !this.fault(`worker ${worker.id}`, worker.pid, "SIGSTOP")) return;
    try {
      await pause(PAUSE_MS);
    } finally {
      strike(worker.pid, "SIGCONT");
    }
    this.report.pauses++;
  }
}
