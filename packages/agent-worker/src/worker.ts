/**
 * The composition root of a worker process: threads, connection, registration, HTTP, wired together and nothing else.
 * The order matters: the team is loaded before the cluster is looked for, so that a broken team file says so although nothing else is up.
 */
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { errorFromBody, limits, mintId, type StoredBody, type TeamManifest, TriadError } from "@triad/protocol";
import pino, { type Level, type Logger } from "pino";
import { serveWorkerHttp, type WorkerHttp } from "./adapters/http/worker-http.ts";
import { PrometheusMetrics } from "./adapters/http/worker-metrics.ts";
import { type LoopLag, watchLoopLag } from "./adapters/loop-lag.ts";
import { connectNats, type NatsCredentials } from "./adapters/nats/connect-nats.ts";
import { NatsBus } from "./adapters/nats/nats-bus.ts";
import { PROCESS_CLOCK } from "./adapters/process-clock.ts";
import { type LoadedTeam, PiscinaThreads } from "./adapters/threads/piscina-threads.ts";
import { AgentPool } from "./services/agent-pool.ts";
import { NatsBodyUploader } from "./services/body-uploader.ts";
import { type CoordinatorDirectory, discoverCluster } from "./services/coordinator-directory.ts";
import { LeaderLink } from "./services/leader-link.ts";
import type { EffectCommand, EffectRecorder, StepSink, ThreadEvents, TranscriptReader } from "./services/ports.ts";
import { stepSettler } from "./services/step-settler.ts";
import { transcriptSource } from "./services/transcript-source.ts";
import { WorkerSession } from "./services/worker-session.ts";

export interface WorkerOptions {
  /** Address of the nats-server. */
  readonly nats: string;
  readonly natsCredentials?: NatsCredentials;
  /** Needed only where several clusters share the nats-server. */
  readonly cluster?: string;
  /** Path of the team file. */
  readonly team: string;
  /** A NATS token; a worker that starts under a known id takes its place. */
  readonly id: string;
  /** Default: the cores, at least 2. */
  readonly threads?: number;
  /** Where `/metrics` and `/healthz` are served; port 0 = a free one. Absent: not at all. */
  readonly http?: { readonly host: string; readonly port: number };
  readonly log: Logger | Level | "silent";
}

export interface RunningWorker {
  /** Where `/metrics` and `/healthz` are, or empty. */
  readonly http: string;
  /** Drains: takes no new work, finishes what runs within 10 s, ends the rest. `done` resolves with 0. */
  stop(): Promise<void>;
  /** The exit code, once the worker has ended by itself or was stopped. */
  readonly done: Promise<number>;
  /** Why it ended by itself, where that was no success. */
  readonly failure: () => TriadError | undefined;
}

/** Of what runs when a worker is stopped; then it is ended and starts again elsewhere with the same attempt. */
export const DRAIN_MS = 10_000;
const THREADS_MIN = 2;

/** Brings a worker up; resolves when its team is loaded and its cluster found. @throws TriadError with the one line that a user reads. */
export async function runWorker(options: WorkerOptions): Promise<RunningWorker> {
  const log = loggerOf(options);
  const closers: (() => Promise<void> | void)[] = [];
  const aborted = new AbortController();
  try {
    return await start(options, log, closers, aborted.signal);
  } catch (error) {
    aborted.abort();
    await closeAll(closers, log);
    throw error;
  }
}

async function start(
  options: WorkerOptions,
  log: Logger,
  closers: (() => Promise<void> | void)[],
  signal: AbortSignal,
): Promise<RunningWorker> {
  const lag = watchLoopLag();
  closers.push(() => lag.stop());
  const wiring = new Wiring();
  const threads = threadsOf(options, log, wiring);
  closers.push(() => threads.close());
  const loaded = await threads.team;
  const metrics = metricsOf(threads, loaded.manifest, lag);
  const connection = await connectNats(options.nats, `triad-worker-${options.id}`, options.natsCredentials);
  void connection.closed().then((cause) => {
    wiring.fatal.resolve(new TriadError("TRIAD_NATS_UNREACHABLE", "the connection to NATS was closed for good", undefined, { cause }));
  });
  const bus = new NatsBus({ connection, log, frameDropped: () => metrics.frameDropped() });
  closers.push(() => bus.close());
  const directory = await discoverCluster(bus, PROCESS_CLOCK, options.cluster, signal);
  const link = new LeaderLink({ bus, clock: PROCESS_CLOCK, directory, worker: options.id, log, soon: setImmediate });
  closers.push(() => link.close());
  const uploader = new NatsBodyUploader({ bus, clock: PROCESS_CLOCK, directory, log });
  const sink = stepSettler({ bus, link, uploader, cluster: directory.cluster, metrics, log, settled: (fence) => pool.settled(fence) });
  const pool = poolOf(options, threads, loaded.manifest, sink, metrics);
  wiring.connect(pool, transcriptSource(bus, PROCESS_CLOCK, directory));
  const http = await httpOf(options, metrics, directory, () => session.isRegistered && bus.connected);
  if (http !== undefined) closers.push(() => http.close());
  const session = sessionOf(options, { http: http?.url ?? "", loaded, bus, directory, link, pool, metrics, log, threads, lag });
  closers.push(() => session.close());
  session.start();
  return running(session, http?.url ?? "", closers, log, wiring.fatal.promise);
}

function running(
  session: WorkerSession,
  http: string,
  closers: (() => Promise<void> | void)[],
  log: Logger,
  fatal: Promise<TriadError>,
): RunningWorker {
  const done = Promise.withResolvers<number>();
  let failure: TriadError | undefined;
  let ending: Promise<void> | undefined;
  const finish = (code: number): Promise<void> => {
    ending ??= closeAll(closers, log).then(() => done.resolve(code));
    return ending;
  };
  void session.ended.then((end) => {
    if (end.kind === "failed") failure = end.error;
    return finish(end.kind === "failed" ? 1 : 0);
  });
  void fatal.then((error) => {
    if (ending !== undefined) return undefined;
    failure = error;
    return finish(1);
  });
  let stopping: Promise<void> | undefined;
  return {
    http,
    done: done.promise,
    failure: () => failure,
    stop: () => {
      if (ending !== undefined) return ending;
      stopping ??= session.drain(DRAIN_MS).then(() => finish(0));
      return stopping;
    },
  };
}

/** What the threads need of services that are made after them; until then nothing runs in them. */
class Wiring implements TranscriptReader, EffectRecorder {
  /** What ends the worker from below. */
  readonly fatal: PromiseWithResolvers<TriadError> = Promise.withResolvers<TriadError>();
  private pool: AgentPool | undefined;
  private reader: TranscriptReader | undefined;

  connect(pool: AgentPool, reader: TranscriptReader): void {
    this.pool = pool;
    this.reader = reader;
  }

  async read(conversation: string, from: number, to: number): Promise<Awaited<ReturnType<TranscriptReader["read"]>>> {
    if (this.reader === undefined) throw new TriadError("TRIAD_CLUSTER_UNREACHABLE");
    return this.reader.read(conversation, from, to);
  }

  async readBody(body: StoredBody): Promise<string> {
    if (this.reader === undefined) throw new TriadError("TRIAD_CLUSTER_UNREACHABLE");
    return this.reader.readBody(body);
  }

  async record(command: EffectCommand, bytes: number): Promise<Awaited<ReturnType<EffectRecorder["record"]>>> {
    return this.pool === undefined ? { outcome: "fenced" } : this.pool.record(command, bytes);
  }

  get events(): ThreadEvents {
    return {
      ready: (thread) => this.pool?.ready(thread),
      started: (fence) => this.pool?.started(fence),
      delta: (fence, text) => this.pool?.delta(fence, text),
      modelCalled: (call) => this.pool?.modelCalled(call),
      ended: (fence, outcome) => this.pool?.ended(fence, outcome),
      died: (thread, steps, reason) => this.pool?.died(thread, steps, reason),
    };
  }
}

function threadsOf(options: WorkerOptions, log: Logger, wiring: Wiring): PiscinaThreads {
  const events = wiring.events;
  return new PiscinaThreads({
    count: options.threads ?? Math.max(THREADS_MIN, availableParallelism()),
    team: options.team,
    worker: options.id,
    logLevel: log.level,
    reader: wiring,
    recorder: wiring,
    nowMs: PROCESS_CLOCK.nowMs,
    events: {
      ...events,
      died: (thread, steps, reason) => {
        log.warn({ thread, steps }, `a thread ended: ${reason}`);
        events.died(thread, steps, reason);
      },
    },
    broken: (error, ready) => {
      log.error({ code: error.code, ready }, error.message);
      // Without a thread nothing it holds would ever end: whoever restarts the worker sees why.
      if (ready === 0) wiring.fatal.resolve(errorFromBody(error));
    },
  });
}

function metricsOf(threads: PiscinaThreads, manifest: TeamManifest, lag: LoopLag): PrometheusMetrics {
  return new PrometheusMetrics({
    threads: () => threads.count,
    agents: () => manifest.agents.length,
    stateBytes: () => threads.stateBytes,
    lagSeconds: () => lag.takeForScrapeMs() / 1000,
  });
}

function poolOf(
  options: WorkerOptions,
  threads: PiscinaThreads,
  manifest: TeamManifest,
  sink: StepSink,
  metrics: PrometheusMetrics,
): AgentPool {
  const timeouts = new Map(manifest.agents.map((agent) => [agent.name, agent.timeoutMs]));
  const timeoutMsOf = (agent: string): number => timeouts.get(agent) ?? limits.TIMEOUT_MS_DEFAULT;
  return new AgentPool({ worker: options.id, threads, sink, metrics, clock: PROCESS_CLOCK, timeoutMsOf });
}

async function httpOf(
  options: WorkerOptions,
  metrics: PrometheusMetrics,
  directory: CoordinatorDirectory,
  registered: () => boolean,
): Promise<WorkerHttp | undefined> {
  if (options.http === undefined) return undefined;
  const { cluster } = directory;
  // Alive is what this says; a worker that waits for its cluster is healthy and says that it is not registered.
  const health = () => ({ ok: true, worker: options.id, cluster, registered: registered() });
  return serveWorkerHttp({ ...options.http, registry: metrics.registry, health });
}

interface SessionParts {
  readonly http: string;
  readonly loaded: LoadedTeam;
  readonly bus: NatsBus;
  readonly directory: CoordinatorDirectory;
  readonly link: LeaderLink;
  readonly pool: AgentPool;
  readonly metrics: PrometheusMetrics;
  readonly log: Logger;
  readonly threads: PiscinaThreads;
  readonly lag: LoopLag;
}

function sessionOf(options: WorkerOptions, parts: SessionParts): WorkerSession {
  const { loaded, threads, lag, ...rest } = parts;
  return new WorkerSession({
    ...rest,
    worker: options.id,
    bootId: mintId("boot", randomBytes),
    pid: process.pid,
    threads: threads.count,
    manifest: loaded.manifest,
    digest: loaded.digest,
    clock: PROCESS_CLOCK,
    lagMs: () => lag.takeMs(),
  });
}

function loggerOf(options: WorkerOptions): Logger {
  if (typeof options.log !== "string") return options.log;
  return pino({ level: options.log, base: { worker: options.id } }, pino.destination({ dest: 2, sync: true }));
}

/** Last opened, first closed; one that fails does not keep the others open. */
async function closeAll(closers: (() => Promise<void> | void)[], log: Logger): Promise<void> {
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      log.warn({ error: error instanceof Error ? error.message : String(error) }, "a part of the worker did not close cleanly");
    }
  }
}
