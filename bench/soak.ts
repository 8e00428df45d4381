/**
 * Does a cluster that works on for long keep its size? A real one under a steady load, with a retention that is a tenth of the run, is sampled for
 * disk, memory, descriptors and tasks; what still grows in the last half of the run is named and makes the exit code 1.
 * Table on stdout, progress on stderr.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { TestCluster } from "@triad/testkit";
import { Load } from "./path/load.ts";
import { describeMachine, type Machine } from "./path/machine.ts";
import { drawPanels, type Panel } from "./soak/chart.ts";
import { diskMib, processCurves, processesOf, type Sample } from "./soak/sampler.ts";
import { CLIENTS, HOPS, PERIOD_MS, SteadyLoad } from "./soak/steady-load.ts";
import { type Curve, judge, RULE, type Verdict } from "./soak/verdict.ts";

const HELP = `bench soak [--minutes 10] [--json FILE] [--svg FILE]

Three coordinators with fsync and two workers in a temporary folder under a steady load, with retention and key expiry of a tenth of the run
(30 s at least), sampled every 5 s. Prints a table; exits 1 where something grows without bound, or a task fails. TMPDIR chooses the disk.

  --minutes N   how long the load goes on, 2 at least (120: the long form)
  --json FILE   every sample, and the verdicts
  --svg FILE    the curves
`;

const MINUTES_MIN = 2;
const SAMPLE_MS = 5_000;
const RETENTION_MS_MIN = 30_000;
const RETENTION_SHARE = 0.1;
const TEAM = join(import.meta.dirname, "teams", "soak.ts");
/** So small that the log is cut many times in the shortest run. */
const LOG_ENVIRONMENT = { TRIAD_LOG_TAIL_ENTRIES: "1000", TRIAD_LOG_TAIL_BYTES: "2097152", TRIAD_LOG_SEGMENT_BYTES: "1048576" } as const;
const FAILED = 1;
const USAGE = 2;

interface Results {
  readonly command: string;
  readonly machine: Machine;
  readonly minutes: number;
  readonly retentionMs: number;
  readonly tasks: number;
  readonly rule: string;
  readonly verdicts: readonly Verdict[];
  readonly samples: readonly Sample[];
}

/** One line that is written over on a terminal; a line each elsewhere. */
function say(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

async function soak(minutes: number, command: string, interrupted: AbortSignal): Promise<Results> {
  const machine = describeMachine();
  const retentionMs = Math.max(RETENTION_MS_MIN, Math.round(minutes * 60_000 * RETENTION_SHARE));
  say("the cluster starts");
  await using cluster = await TestCluster.start({
    team: TEAM,
    env: { ...LOG_ENVIRONMENT, TRIAD_CHUNK_GRACE_MS: String(retentionMs) },
    args: ["--retention", `${retentionMs}ms`, "--key-ttl", `${retentionMs}ms`],
  });
  await cluster.steady();
  using load = new Load(cluster.info.http);
  const work = new SteadyLoad(load);
  const samples: Sample[] = [];
  const startedMs = performance.now();
  for (let nextMs = 0; nextMs <= minutes * 60_000 && !interrupted.aborted; nextMs += SAMPLE_MS) {
    await work.orAfter(nextMs - (performance.now() - startedMs));
    const view = await cluster.view();
    const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
    const ids = view.coordinators.map(({ id }) => id);
    const processes = processesOf(cluster.info, view);
    const sample = { ...diskMib(cluster.dataDir, ids), ...processCurves(processes), "tasks kept": await work.kept() };
    samples.push({ seconds, ...sample });
    say(
      `${Math.round(seconds)} of ${minutes * 60} s: ${work.ended.length} tasks, ${sample["tasks kept"]} kept, ` +
        `disk ${number(samples.at(-1)?.["disk total, MiB"])} MiB`,
    );
  }
  await work.stop();
  say("the cluster ends");
  const verdicts = curvesOf(samples).map(judge);
  return { command, machine, minutes, retentionMs, tasks: work.ended.length, rule: RULE, verdicts, samples };
}

function curvesOf(samples: readonly Sample[]): readonly Curve[] {
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample)))].filter((name) => name !== "seconds");
  const seconds = samples.map((sample) => sample.seconds);
  return names.map((name) => ({ name, seconds, values: samples.map((sample) => sample[name] ?? Number.NaN) }));
}

function panelsOf(samples: readonly Sample[]): readonly Panel[] {
  const curves = curvesOf(samples);
  const panel = (title: string, prefix: string): Panel => ({
    title,
    curves: curves
      .filter(({ name }) => name.startsWith(prefix))
      .map((curve) => ({
        ...curve,
        name: curve.name
          .slice(prefix.length)
          .replace(/, MiB$/, "")
          .trim(),
      })),
  });
  return [
    panel("disk, MiB, all coordinators", "disk"),
    panel("resident memory, MiB", "RSS"),
    panel("open descriptors", "descriptors"),
    panel("ended tasks that are kept", "tasks"),
  ];
}

function render({ command, machine, minutes, retentionMs, tasks, rule, verdicts }: Results): string {
  const rows = verdicts.map((verdict) => [
    verdict.name,
    number(verdict.firstThird),
    number(verdict.lastThird),
    `${verdict.growth < 0 ? "" : "+"}${number(verdict.growth)}`,
    number(verdict.allowed),
    verdict.flat ? "flat" : "GROWS",
  ]);
  const head = ["curve", "first third", "last third", "last half", "allowed", ""];
  const table = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  return [
    `bench soak · ${machine.at} · commit ${machine.commit} · ${machine.cores} × ${machine.cpu}, ${machine.fileSystem}, Node ${machine.node}`,
    `$ ${command}`,
    `${minutes} min, ${CLIENTS} clients, a task of ${HOPS} hops each every ${PERIOD_MS / 1000} s: ${tasks} tasks; retention and key expiry ${retentionMs / 1000} s`,
    "",
    ...table,
    "",
    rule,
    "",
  ].join("\n");
}

function number(value = Number.NaN): string {
  return value.toFixed(Math.abs(value) < 100 ? 1 : 0);
}

interface Options {
  readonly minutes: number;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

/** Undefined: help was asked for. Throws where the arguments are wrong. */
function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h" },
      minutes: { type: "string", default: "10" },
      json: { type: "string" },
      svg: { type: "string" },
    },
  });
  if (values.help === true) return undefined;
  const minutes = Number(values.minutes);
  if (!(minutes >= MINUTES_MIN && minutes <= 10_000))
    throw new Error(`--minutes must be a number from ${MINUTES_MIN}, not "${values.minutes}"`);
  return { minutes, json: values.json, svg: values.svg };
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return USAGE;
  }
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const interrupted = new AbortController();
  // The cluster is ended in order, and what was sampled is shown.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());
  let results: Results;
  try {
    results = await soak(options.minutes, ["node bench/main.ts soak", ...args].join(" "), interrupted.signal);
  } catch (error) {
    process.stderr.write(`\nbench soak: ${error instanceof Error ? error.message : String(error)}\n`);
    return FAILED;
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 1)}\n`);
  if (options.svg !== undefined) writeFileSync(options.svg, drawPanels(`bench soak, ${options.minutes} min`, panelsOf(results.samples)));
  process.stdout.write(render(results));
  const growing = results.verdicts.filter(({ flat }) => !flat);
  for (const { name, growth, allowed } of growing) {
    process.stderr.write(`bench soak: ${name} grew by ${number(growth)} in the last half of the run, more than ${number(allowed)}\n`);
  }
  if (interrupted.signal.aborted) process.stderr.write("bench soak: interrupted\n");
  return growing.length > 0 || interrupted.signal.aborted ? FAILED : 0;
}

process.exitCode = await main(process.argv.slice(2));
