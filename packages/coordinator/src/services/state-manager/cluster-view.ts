/**
 * What this coordinator knows of the cluster: the others' statuses as they were last heard, workers and tasks from its own Φ. Never asks the
 * leader, so it answers without one. Also compares state hashes: a minority stops, loudly (state.md 11).
 */
import type { CoordinatorStatus } from "@triad/protocol";
import { type StateReader, Transaction } from "../../core/state/transaction.ts";
import type { LiveIndex } from "../consensus-engine/live-index.ts";
import type { Clock } from "../ports.ts";
import type { ClusterView } from "./api.ts";

export interface PeerAddress {
  readonly id: string;
  readonly http: string;
}

interface Heard {
  readonly status: CoordinatorStatus;
  readonly atMs: number;
}

/** A status older than this says nothing about a role any more. */
const STATUS_FRESH_MS = 1_500;

export interface ClusterViewPorts {
  readonly cluster: string;
  readonly peers: readonly PeerAddress[];
  readonly state: StateReader;
  readonly index: LiveIndex;
  readonly clock: Clock;
  readonly own: () => CoordinatorStatus;
}

export class ClusterKnowledge {
  private readonly ports: ClusterViewPorts;
  private readonly heard = new Map<string, Heard>();

  constructor(ports: ClusterViewPorts) {
    this.ports = ports;
  }

  hear(status: CoordinatorStatus): void {
    if (!this.ports.peers.some((peer) => peer.id === status.id)) return;
    this.heard.set(status.id, { status, atMs: this.ports.clock.monotonicMs() });
  }

  /**
   * True where at least three reports of one index exist and this coordinator's hash is not the majority's.
   * @param ownChecks index → own hash.
   */
  divergesFromMajority(ownChecks: ReadonlyMap<number, string>): boolean {
    const reports = [...this.heard.values()].map(({ status }) => status).filter((status) => status.checkIndex > 0);
    for (const [index, own] of ownChecks) {
      const hashes = reports.filter((status) => status.checkIndex === index).map((status) => status.checkHash);
      const all = [own, ...hashes];
      if (all.length < 3) continue;
      // Not of a majority: it is the minority, or there is no majority and none may serve writes.
      if (all.filter((hash) => hash === own).length * 2 <= all.length) return true;
    }
    return false;
  }

  view(): ClusterView {
    const nowMs = this.ports.clock.monotonicMs();
    const own = this.ports.own();
    const known = new Map<string, Heard>(this.heard);
    known.set(own.id, { status: own, atMs: nowMs });
    const fresh = [...known.values()].filter(({ atMs }) => nowMs - atMs <= STATUS_FRESH_MS).map(({ status }) => status);
    const term = Math.max(0, ...fresh.map((status) => status.term));
    const newest = fresh.filter((status) => status.term === term);
    // A paused leader of an older term still thinks that it leads; only the highest term counts.
    const leader = newest.find((status) => status.role === "leader")?.id ?? newest.find((status) => status.leader !== "")?.leader ?? "";
    return {
      cluster: this.ports.cluster,
      leader: leader === "" ? null : leader,
      term,
      coordinators: this.ports.peers.map((peer) => coordinatorView(peer, known.get(peer.id), nowMs, leader)),
      workers: this.workers(),
      tasks: this.tasks(),
    };
  }

  private workers(): ClusterView["workers"] {
    const tx = new Transaction(this.ports.state);
    const agents = tx.team()?.agents.length ?? 0;
    return tx.workers().map(({ id, pid, state, threads, http }) => ({
      id,
      pid,
      state,
      threads,
      agents,
      inFlight: this.ports.index.heldBy(id).size,
      http,
    }));
  }

  private tasks(): ClusterView["tasks"] {
    const { running, ended } = new Transaction(this.ports.state).meta();
    return { running, completed: ended.completed, failed: ended.failed };
  }
}

function coordinatorView(peer: PeerAddress, heard: Heard | undefined, nowMs: number, leader: string): ClusterView["coordinators"][number] {
  const status = heard?.status;
  const fresh = heard !== undefined && nowMs - heard.atMs <= STATUS_FRESH_MS;
  const role = !fresh ? "down" : peer.id === leader ? "leader" : status?.role === "leader" ? "follower" : (status?.role ?? "down");
  return {
    id: peer.id,
    pid: status?.pid ?? null,
    role,
    term: status?.term ?? 0,
    commitIndex: status?.commitIndex ?? 0,
    appliedIndex: status?.appliedIndex ?? 0,
    http: peer.http,
    stateHash: status?.stateHash ?? "",
  };
}
