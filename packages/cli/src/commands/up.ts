/** `triad up`: checks, starts and watches a cluster; detached, or in the foreground until Ctrl-C. */
import { TriadError } from "@triad/protocol/words";
import { ClusterFiles } from "../cluster/cluster-files.ts";
import { type Launched, launch } from "../cluster/launch.ts";
import type { ClusterPlan } from "../cluster/plan.ts";
import { preflight, type UpSettings } from "../cluster/preflight.ts";
import { stopCluster } from "../cluster/stop-cluster.ts";
import { takeUpLock } from "../cluster/up-lock.ts";
import { apiToken, readConfigFile, resolveSettings } from "../configuration.ts";
import { EXIT, errorLine, exitCodeOf } from "../exit-code.ts";
import { shownNatsUrl } from "../nats/nats-probe.ts";
import { data, json, note } from "../output.ts";
import { withProgress } from "../progress.ts";
import * as settings from "../settings.ts";
import type { SupervisorState } from "../supervisor/state-file.ts";

export interface UpFlags {
  readonly team?: string;
  readonly host?: string;
  readonly coordinators?: string;
  readonly workers?: string;
  readonly threads?: string;
  readonly http?: string;
  readonly dataDir?: string;
  readonly nats?: string;
  readonly retention?: string;
  readonly keyTtl?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
}

/** What a shell reports of a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

export async function runUp(flags: UpFlags): Promise<number> {
  const { files, token, ...wanted } = await settingsOf(flags);
  const plan = await preflight({ ...wanted, token }, files);
  using interrupted = interruptions();
  let launched: Launched;
  {
    using _lock = takeUpLock(files.lockFile);
    try {
      launched = await withProgress(`starting ${plan.identity.coordinators.length} coordinators and ${plan.workers} workers`, (say) =>
        launch(plan, files, { token, signal: interrupted.signal, say }),
      );
    } catch (error) {
      await stopCluster(files, note);
      if (interrupted.signal.aborted) return EXIT_INTERRUPTED;
      throw error instanceof TriadError
        ? error
        : new TriadError("TRIAD_UP_FAILED", `${String(error)} (log: ${files.logFile("supervisor")})`, undefined, { cause: error });
    }
  }
  for (const why of launched.absent) note(`warning: the cluster goes on without one of its coordinators: ${why}`);
  if (flags.json === true) json(report(plan, files, launched.state));
  else data(`cluster ${plan.identity.cluster} is up: ${plan.identity.coordinators.map(({ http }) => http).join(" ")}`);
  if (flags.detach === true) return EXIT.done;
  const { followCluster } = await import("../cluster/follow-cluster.ts");
  note("Ctrl-C ends it");
  const how = await followCluster(plan, files, { token, signal: interrupted.signal });
  if (how === "interrupted") {
    await withProgress("stopping", (say) => stopCluster(files, say));
    return EXIT.done;
  }
  if (how === "down") return EXIT.done;
  const lost = new TriadError(
    "TRIAD_UP_FAILED",
    `the supervisor was lost; \`triad down --data-dir "${files.dataDir}"\` ends what is left (log: ${files.logFile("supervisor")})`,
  );
  note(errorLine(lost));
  return exitCodeOf(lost);
}

async function settingsOf(flags: UpFlags): Promise<UpSettings & { readonly files: ClusterFiles }> {
  const { detach: _detach, json: _json, ...given } = flags;
  const layers = { flags: given, env: process.env, file: await readConfigFile(process.cwd()) };
  const { team, host, coordinators, workers, threads, http, dataDir, nats, retention, keyTtl } = settings;
  const values = resolveSettings({ team, host, coordinators, workers, threads, http, dataDir, nats, retention, keyTtl }, layers);
  const file = values.team ?? settings.defaultTeamFile();
  if (file === undefined) throw new TriadError("TRIAD_USAGE", "--team is required: the file with the team's agents");
  return { ...values, team: file, token: apiToken(), files: new ClusterFiles(values.dataDir) };
}

/** The object of the contract. */
function report(plan: ClusterPlan, files: ClusterFiles, state: SupervisorState): object {
  const pids = (kind: string): number[] =>
    state.children.flatMap((child) => (child.kind === kind && child.process !== undefined ? [child.process.pid] : []));
  return {
    cluster: plan.identity.cluster,
    nats: shownNatsUrl(plan.natsUrl),
    http: plan.identity.coordinators.map(({ http }) => http),
    dataDir: files.dataDir,
    pids: { supervisor: state.supervisor.pid, nats: pids("nats")[0] ?? null, coordinators: pids("coordinator"), workers: pids("worker") },
  };
}

/** The first signal asks for an orderly end; while that goes on, further ones are heard and change nothing. */
function interruptions(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const hear = (): void => controller.abort();
  for (const name of names) process.on(name, hear);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, hear);
    },
  };
}
