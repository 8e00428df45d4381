/**
 * The demo: a real cluster, real conversations, every figure from a scorer that trusts nothing of the cluster. Whatever happens on the way,
 * Ctrl-C too, what it started is stopped again.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { styleText } from "node:util";
import { TriadClient } from "@triad/client";
import { TriadError } from "@triad/protocol";
import { type Dialogue, findDataSource, loadDialogues } from "../index.ts";
import type { LedgerLine } from "../ledger.ts";
import { auditLogs } from "./audit.ts";
import { chainHolds } from "./chain.ts";
import { Chaos } from "./chaos.ts";
import { DemoCluster } from "./cluster.ts";
import { Drive } from "./drive.ts";
import { DEMO_HELP, type DemoFlags, DIALOGUES_DEFAULT, parseFlags } from "./flags.ts";
import { commitFigures, rssByProcess } from "./observe.ts";
import { Progress } from "./progress.ts";
import { quantile } from "./prometheus-text.ts";
import { scoreRun } from "./score-run.ts";
import { printSummary, type Summary } from "./summary.ts";

const LIVE_MS = 500;
/** The last faults may still be healing when the dialogues are through. */
const VERIFY_LANES = 8;

interface Measured {
  readonly drive: Drive;
  readonly chaos: Chaos | undefined;
  readonly verified: ReadonlySet<string>;
  readonly conversations: number;
  readonly commits: Awaited<ReturnType<typeof commitFigures>>;
  readonly rssMb: Readonly<Record<string, number>>;
  readonly wallSeconds: number;
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv);
  if ("help" in parsed) {
    process.stdout.write(`${DEMO_HELP}\n`);
    return 0;
  }
  if ("problems" in parsed) {
    for (const problem of parsed.problems) process.stderr.write(`error TRIAD_USAGE: ${problem}\n`);
    return 2;
  }
  const folder = DemoCluster.makeFolder();
  const stopEarly = (): void => {
    process.stderr.write("\nstopping the cluster\n");
    DemoCluster.stop(folder).then(
      () => {
        DemoCluster.removeFolder(folder);
        process.exit(130);
      },
      () => process.exit(130),
    );
  };
  process.once("SIGINT", stopEarly);
  process.once("SIGTERM", stopEarly);
  return runDemo(parsed.flags, folder);
}

async function runDemo(flags: DemoFlags, folder: string): Promise<number> {
  const source = findDataSource();
  const all = loadDialogues(source);
  const dialogues = all.slice(0, flags.dialogues ?? Math.min(DIALOGUES_DEFAULT, all.length));
  const data =
    source.kind === "built-in" ? `built-in (${all.length} conversations that the project wrote)` : `multiwoz21 (${all.length} dialogues)`;
  process.stderr.write(`data: ${data}; reading turns by ${flags.model ?? flags.nlu}; ${dialogues.length} dialogues\n`);
  process.stderr.write("starting 3 coordinators, 2 workers and nats-server\n");
  const ledgerFolder = join(folder, "ledger");
  mkdirSync(ledgerFolder, { recursive: true });
  const env = { TRIAD_CONCIERGE_LEDGER: ledgerFolder, ...(flags.model === undefined ? {} : { TRIAD_CONCIERGE_MODEL: flags.model }) };
  let cluster: DemoCluster | undefined;
  try {
    cluster = await DemoCluster.up(folder, env);
    const measured = await measure(flags, cluster, dialogues);
    if (flags.keep)
      process.stderr.write(`kept: ${cluster.info.http.join(" ")}; stop it with: scripts/triad down --data-dir "${cluster.info.dataDir}"\n`);
    else await cluster.down();
    const summary = await summarise(flags, data, folder, dialogues, measured);
    printSummary(summary);
    if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(summary, undefined, 2)}\n`);
    return verdict(summary);
  } finally {
    if (!flags.keep) {
      await DemoCluster.stop(folder);
      DemoCluster.removeFolder(folder);
    }
  }
}

async function measure(flags: DemoFlags, cluster: DemoCluster, dialogues: readonly Dialogue[]): Promise<Measured> {
  const client = await TriadClient.connect({ urls: cluster.info.http, retryMs: 60_000, unreachableMs: 60_000 });
  const progress = new Progress(dialogues.length);
  const startMs = performance.now();
  let steps = 0;
  const drive = new Drive({
    client,
    nlu: flags.nlu,
    concurrency: flags.concurrency,
    onTurn: ({ result }) => {
      steps += result?.steps.length ?? 0;
    },
    onDialogue: () => progress.step(),
  });
  let driving = true;
  const chaos = flags.chaos
    ? new Chaos({
        client,
        inFlight: () => drive.inFlight,
        say: (text) => progress.say(text),
        workers: cluster.info.pids.workers.length,
        over: () => !driving,
      })
    : undefined;
  let next = 0;
  // Chaos goes on with the same dialogues as new conversations until enough was struck.
  const take = (): { readonly dialogue: Dialogue; readonly round: number } | undefined => {
    const dialogue = dialogues[next % dialogues.length];
    const round = Math.floor(next / dialogues.length);
    if (dialogue === undefined || (round > 0 && (chaos === undefined || chaos.done))) return undefined;
    next++;
    return { dialogue, round };
  };
  const live = setInterval(() => {
    client.cluster().then(
      (view) => {
        const perSecond = steps / ((performance.now() - startMs) / 1000);
        progress.live(
          `leader ${view.leader ?? "none"}  ${perSecond.toFixed(0)} hops/s${steps === 0 ? "" : `  p50 ${quantile(hopTimes(drive), 0.5).toFixed(0)} ms`}`,
        );
      },
      () => progress.live("no coordinator answers"),
    );
  }, LIVE_MS);
  try {
    await Promise.all([
      drive.run(take).finally(() => {
        driving = false;
      }),
      chaos?.run(),
    ]);
  } finally {
    clearInterval(live);
    progress.finish();
  }
  const wallSeconds = (performance.now() - startMs) / 1000;
  const conversations = [...new Set(drive.turns.map((turn) => turn.conversation))];
  const verified = await verifyChains(client, conversations);
  const commits = await commitFigures(cluster.info.http, client);
  const rssMb = rssByProcess(cluster.info, await client.cluster());
  return { drive, chaos, verified, conversations: conversations.length, commits, rssMb, wallSeconds };
}

/** The conversations whose chain holds by a cluster's own word and by what this process makes of its events. */
async function verifyChains(client: TriadClient, conversations: readonly string[]): Promise<ReadonlySet<string>> {
  const verified = new Set<string>();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let id = conversations[next++]; id !== undefined; id = conversations[next++]) {
      const conversation = await client.conversation(id, { verify: true });
      if (conversation.verified === true && chainHolds(conversation)) verified.add(id);
    }
  };
  await Promise.all(Array.from({ length: VERIFY_LANES }, lane));
  return verified;
}

/** Commit to commit of each step, milliseconds of log time. */
function hopTimes(drive: Drive): readonly number[] {
  return drive.turns.flatMap(({ result }) =>
    (result?.steps ?? []).map((step) => new Date(step.finishedAt).getTime() - new Date(step.startedAt).getTime()),
  );
}

function readLedger(folder: string): readonly LedgerLine[] {
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line) as LedgerLine),
  );
}

async function summarise(
  flags: DemoFlags,
  data: string,
  folder: string,
  dialogues: readonly Dialogue[],
  measured: Measured,
): Promise<Summary> {
  const { drive, chaos, commits, wallSeconds } = measured;
  const ledger = readLedger(join(folder, "ledger"));
  const logs = ["c1", "c2", "c3"].map((id) => join(folder, "data", id, "log"));
  const reported = new Set(drive.turns.flatMap(({ task, result }) => (result?.steps ?? []).map((step) => `${task}/${step.n}`)));
  const audit = flags.keep ? undefined : auditLogs(logs, commits.commitIndex, ledger, reported);
  const scores = scoreRun(dialogues, drive.turns, ledger, measured.verified);
  const hops = hopTimes(drive);
  const statusOf = (status: string): number => drive.turns.filter(({ result }) => result?.status === status).length;
  return {
    data,
    nlu: flags.model ?? flags.nlu,
    dialogues: measured.conversations,
    turns: drive.turns.length,
    tasks: drive.turns.length,
    completed: statusOf("completed"),
    failed: drive.turns.filter(({ result }) => result !== undefined && result.status !== "completed").length,
    lost: drive.turns.filter(({ result }) => result === undefined).length,
    ...scores,
    hopMs: { p50: quantile(hops, 0.5), p95: quantile(hops, 0.95), p99: quantile(hops, 0.99) },
    commitMs: commits.commitMs,
    commitsPerSecond: commits.commitIndex / wallSeconds,
    rssMb: measured.rssMb,
    chainsVerified: measured.verified.size,
    doubleCommits: audit?.doubleCommits ?? null,
    audit: audit === undefined ? null : { steps: audit.steps, entriesCompared: audit.entriesCompared, problems: audit.problems },
    ...(chaos === undefined ? {} : { chaos: chaos.report }),
    wallSeconds,
  };
}

/** 0 only where nothing was lost, doubled or left unverified. */
function verdict(summary: Summary): number {
  const sound =
    summary.lost === 0 &&
    summary.failed === 0 &&
    (summary.doubleCommits ?? 0) === 0 &&
    (summary.audit?.problems.length ?? 0) === 0 &&
    summary.contextKept === 1 &&
    summary.chainsVerified === summary.dialogues;
  const struck =
    summary.chaos === undefined || (summary.chaos.leaderKills >= 3 && summary.chaos.workerKills >= 3 && summary.chaos.pauses >= 1);
  if (sound && struck) return 0;
  process.stderr.write(styleText("red", "something was lost, doubled or not verified: see the summary\n"));
  return 1;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const code = error instanceof TriadError ? error.code : "TRIAD_UP_FAILED";
    const text = error instanceof Error ? (error as { stderr?: string }).stderr?.trim() || error.message : String(error);
    process.stderr.write(`error ${code}: ${text}\n`);
    process.exitCode = 1;
  },
);
