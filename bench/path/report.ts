/** The results as a table for people; nothing is judged here but whether a figure meets its target. */
import type { Floor } from "./floors.ts";
import type { Peer } from "./peers.ts";
import type { PathResults } from "./run.ts";

/** issue 5, point 9: what the figures are to reach, on the machine of docs/performance.md. */
const TARGETS = { commitMs: 1.2, hopMs: 2.5, stepsPerSecond: 3_000, hopRatio: 1.1 } as const;

const WIDEST = 128;

export function renderReport(results: PathResults): string {
  const { machine, command, wallSeconds } = results;
  const head = [
    `bench path · ${machine.at} · commit ${machine.commit} · ${wallSeconds} s`,
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGib} GiB, ${machine.system}, ${machine.fileSystem}, load average before ${number(machine.loadAverage)}`,
    `Node ${machine.node}, nats-server ${machine.natsServer}; 3 coordinators with fsync, 2 workers, all on this machine`,
    `$ ${command}`,
  ];
  const parts = [mainTable(results), cpuTable(results), rssTable(results), peerTable(results)];
  return `${[head.join("\n"), ...parts].join("\n\n")}\n`;
}

function mainTable({ floors, commit, handOff, throughput, failover }: PathResults): string {
  const widest = throughput.find(({ conversations }) => conversations === WIDEST);
  const floor = (one: Floor): string => `p50 ${number(one.p50Ms)} · p99 ${number(one.p99Ms)}`;
  const rows = [
    ["floor: NATS request and answer, ms", floor(floors.nats), ""],
    ["floor: fdatasync of 1 KiB, preallocated, alone, ms", floor(floors.flush), ""],
    [
      `durable commit, one in flight, in the leader, ms (triad_commit_seconds, ${commit.inProcess.count} entries)`,
      `p50 ${number(commit.inProcess.p50Ms)} · mean ${number(commit.inProcess.meanMs)} · p99 ${number(commit.inProcess.p99Ms)}`,
      atMost(commit.inProcess.p50Ms, TARGETS.commitMs, "p50"),
    ],
    ["  of it the leader's flush, ms (triad_fsync_seconds)", `p50 ${number(commit.flush.p50Ms)} · p99 ${number(commit.flush.p99Ms)}`, ""],
    ["  ÷ (NATS p50 + fdatasync p50)", number(commit.inProcess.p50Ms / (floors.nats.p50Ms + floors.flush.p50Ms)), ""],
    [
      `submit to 202 over HTTP at the leader, ms (${commit.submits})`,
      `p50 ${number(commit.submitP50Ms)} · p99 ${number(commit.submitP99Ms)}`,
      "",
    ],
    [
      `hand-off, one conversation, step to step, ms (${handOff.chains} × ${handOff.hops} steps)`,
      `p50 ${number(handOff.p50Ms)} · p99 ${number(handOff.p99Ms)}`,
      atMost(handOff.p50Ms, TARGETS.hopMs, "p50"),
    ],
    ["hop 200 ÷ hop 2 (medians of 10 hops from there)", number(handOff.hop200OverHop2), atMost(handOff.hop200OverHop2, TARGETS.hopRatio)],
    ...throughput.map((one) => [
      `steps/s, ${one.conversations} conversation${one.conversations === 1 ? "" : "s"} (median of ${one.windows.length})`,
      `${whole(one.stepsPerSecond)} · hop p50 ${number(one.hopP50Ms)} p99 ${number(one.hopP99Ms)} ms · ${number(one.commandsPerEntry)} commands an entry${one.elections === 0 ? "" : ` · ${one.elections} elections`}`,
      one === widest ? atLeast(one.stepsPerSecond, TARGETS.stepsPerSecond) : "",
    ]),
    [
      "kill -9 of the leader to the next commit, ms",
      failover === null
        ? "not measured"
        : `median ${whole(failover.medianMs)} · p90 ${whole(failover.p90Ms)} · max ${whole(failover.maxMs)} (${failover.kills} kills)`,
      "",
    ],
  ];
  return table(["figure", "measured", "target"], rows);
}

function cpuTable({ throughput }: PathResults): string {
  const names = Object.keys(throughput[0]?.cpuUsPerStep ?? {});
  const rows = throughput.map(({ conversations, cpuUsPerStep }) => {
    const cells = names.map((name) => cpuUsPerStep[name] ?? Number.NaN);
    return [String(conversations), ...cells.map(whole), whole(cells.reduce((a, b) => a + b, 0))];
  });
  return table(["CPU µs a step, at conversations", ...names, "all"], rows);
}

function rssTable({ rssIdleMib, throughput }: PathResults): string {
  const names = Object.keys(rssIdleMib);
  const row = (label: string, mib: Readonly<Record<string, number>>): string[] => [
    label,
    ...names.map((name) => whole(mib[name] ?? Number.NaN)),
  ];
  const rows = [
    row("idle", rssIdleMib),
    ...throughput.map(({ conversations, rssMib }) => row(`after ${conversations} conversations`, rssMib)),
  ];
  return table(["RSS MiB", ...names], rows);
}

function peerTable({ peers, throughput, handOff }: PathResults): string {
  if (peers === null) return "LangGraph.js: not measured (--no-peers)";
  if (peers.kind === "missing") return `LangGraph.js: not measured: ${peers.why}`;
  const widths = throughput.map(({ conversations }) => String(conversations));
  const own: Peer = {
    name: "Triad (3 coordinators, 2 workers, fsync on a majority)",
    stepsPerSecond: Object.fromEntries(throughput.map(({ conversations, stepsPerSecond }) => [conversations, stepsPerSecond])),
    hopP50Ms: handOff.p50Ms,
    hopP99Ms: handOff.p99Ms,
    hop200OverHop2: handOff.hop200OverHop2,
  };
  const rows = [own, ...peers.peers].map((peer) => [
    peer.name,
    ...widths.map((width) => whole(peer.stepsPerSecond[width] ?? Number.NaN)),
    number(peer.hopP50Ms),
    number(peer.hopP99Ms),
    number(peer.hop200OverHop2),
  ]);
  return table(["same graph", ...widths.map((width) => `steps/s at ${width}`), "hop p50 ms", "p99", "hop 200 ÷ 2"], rows);
}

function atMost(value: number, target: number, which = ""): string {
  return `${which} ≤ ${number(target)}: ${value <= target ? "met" : "missed"}`.trim();
}

function atLeast(value: number, target: number): string {
  return `≥ ${whole(target)}: ${value >= target ? "met" : "missed"}`;
}

/** Three digits that mean something. */
function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return value >= 100 ? whole(value) : value.toPrecision(value < 1 ? 2 : 3);
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "–";
}

/** A Markdown table with padded cells: readable as it is, and to be pasted. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string => `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}
