/** The whole of `bench path`, in the order in which nothing disturbs what is measured next: floors alone, the cluster, then its peers. */
import { join } from "node:path";
import { type ClusterView, TestCluster } from "@triad/testkit";
import { type Commit, measureCommit } from "./commit.ts";
import { type Failover, measureFailover } from "./failover.ts";
import { type Floor, flushFloor, natsFloor } from "./floors.ts";
import { type HandOff, measureHandOff } from "./hand-off.ts";
import { Load } from "./load.ts";
import { describeMachine, type Machine } from "./machine.ts";
import type { PathOptions } from "./options.ts";
import { measurePeers, type Peers } from "./peers.ts";
import { byName, type NamedProcess, rssMib } from "./processes.ts";
import { measureThroughput, type Throughput, WIDTHS } from "./throughput.ts";

export interface PathResults {
  readonly command: string;
  readonly machine: Machine;
  readonly floors: { readonly nats: Floor; readonly flush: Floor };
  readonly rssIdleMib: Readonly<Record<string, number>>;
  readonly commit: Commit;
  readonly handOff: HandOff;
  readonly throughput: readonly Throughput[];
  readonly failover: Failover | null;
  readonly peers: Peers | null;
  readonly wallSeconds: number;
}

const TEAM = join(import.meta.dirname, "..", "teams", "noop.ts");
const COORDINATORS = 3;
const WORKERS = 2;

export async function runPath(options: PathOptions, command: string, say: (text: string) => void): Promise<PathResults> {
  const { amounts } = options;
  const startedMs = performance.now();
  const machine = describeMachine();
  say("floors: fdatasync");
  const flush = flushFloor(amounts.floorRounds);
  say("floors: NATS");
  const nats = await natsFloor(amounts.floorRounds);
  const cluster = await measureCluster(options, say);
  const peers = options.peers ? await measurePeers(WIDTHS, amounts, (text) => say(`peers: ${text}`)) : null;
  const wallSeconds = Math.round((performance.now() - startedMs) / 1000);
  return { command, machine, floors: { nats, flush }, ...cluster, peers, wallSeconds };
}

type ClusterResults = Pick<PathResults, "rssIdleMib" | "commit" | "handOff" | "throughput" | "failover">;

async function measureCluster({ amounts, failover }: PathOptions, say: (text: string) => void): Promise<ClusterResults> {
  say("the cluster starts");
  await using cluster = await TestCluster.start({ team: TEAM, coordinators: COORDINATORS, workers: WORKERS });
  using load = new Load(cluster.info.http);
  const view = await cluster.steady();
  await pause(amounts.settleMs);
  const processes = processesOf(cluster, view);
  const rssIdleMib = byName(processes, rssMib);
  const leader = view.coordinators.find(({ id }) => id === view.leader)?.http ?? "";
  say("commits with one in flight");
  const commit = await measureCommit(load, leader, amounts.submits);
  const handOff = await measureHandOff(load, amounts.longChains, (text) => say(`hand-offs: ${text}`));
  const throughput: Throughput[] = [];
  for (const width of WIDTHS) {
    say(`steps/s with ${width} conversations`);
    throughput.push(await measureThroughput(load, leader, processes, width, amounts));
  }
  const failed = failover ? await measureFailover(cluster, load, amounts.kills, (text) => say(`failover: ${text}`)) : null;
  say("the cluster ends");
  return { rssIdleMib, commit, handOff, throughput, failover: failed };
}

/** Roles are those of the moment: before the first kill they stay. */
function processesOf(cluster: TestCluster, view: ClusterView): readonly NamedProcess[] {
  const { pids } = cluster.info;
  return [
    { name: "nats", pid: pids.nats },
    ...view.coordinators
      .map(({ id, pid }) => ({ name: id === view.leader ? `leader ${id}` : `follower ${id}`, pid }))
      .toSorted((a, b) => Number(b.name.startsWith("leader")) - Number(a.name.startsWith("leader"))),
    ...view.workers.map(({ id, pid }) => ({ name: `worker ${id}`, pid })),
    { name: "supervisor", pid: pids.supervisor },
  ];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
