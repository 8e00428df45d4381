/** The one place that builds and parses NATS subjects (interface.md 5). Tokens are checked, so no id can add a level or a wildcard. */
import { TriadError } from "./errors.ts";
import { isToken } from "./ids.ts";

/** The one subject without a cluster: who is there? */
export const DISCOVER_SUBJECT = "triad.discover";

function token(text: string): string {
  if (!isToken(text)) throw new TriadError("TRIAD_BAD_REQUEST", `"${text.slice(0, 80)}" cannot be part of a NATS subject`);
  return text;
}

export type RaftLane = "control" | "replicate" | "snapshot";

export interface Subjects {
  raft(node: string, lane: RaftLane): string;
  /** Every lane of a node. */
  raftAll(node: string): string;
  propose(node: string): string;
  read(node: string): string;
  chunk(node: string): string;
  status(node: string): string;
  statusAll(): string;
  commit(group: number): string;
  decision(): string;
  inbox(worker: string): string;
  heartbeat(worker: string): string;
  heartbeatAll(): string;
  taskEvents(task: string): string;
}

export function subjectsOf(cluster: string): Subjects {
  const root = `triad.${token(cluster)}`;
  return {
    raft: (node, lane) => `${root}.raft.${token(node)}.${lane}`,
    raftAll: (node) => `${root}.raft.${token(node)}.*`,
    propose: (node) => `${root}.coordinator.${token(node)}.propose`,
    read: (node) => `${root}.coordinator.${token(node)}.read`,
    chunk: (node) => `${root}.coordinator.${token(node)}.chunk`,
    status: (node) => `${root}.coordinator.${token(node)}.status`,
    statusAll: () => `${root}.coordinator.*.status`,
    commit: (group) => `${root}.commit.${group}`,
    decision: () => `${root}.route.decision`,
    inbox: (worker) => `${root}.worker.${token(worker)}.inbox`,
    heartbeat: (worker) => `${root}.worker.${token(worker)}.heartbeat`,
    heartbeatAll: () => `${root}.worker.*.heartbeat`,
    taskEvents: (task) => `${root}.task.${token(task)}.events`,
  };
}

export type ParsedSubject =
  | { readonly kind: "raft"; readonly cluster: string; readonly node: string; readonly lane: RaftLane }
  | { readonly kind: "propose" | "read" | "chunk" | "status"; readonly cluster: string; readonly node: string }
  | { readonly kind: "inbox" | "heartbeat"; readonly cluster: string; readonly worker: string }
  | { readonly kind: "taskEvents"; readonly cluster: string; readonly task: string }
  | { readonly kind: "commit"; readonly cluster: string; readonly group: number }
  | { readonly kind: "decision"; readonly cluster: string }
  | { readonly kind: "discover" };

/** What a subject names; undefined for one that is not ours. */
export function parseSubject(subject: string): ParsedSubject | undefined {
  if (subject === DISCOVER_SUBJECT) return { kind: "discover" };
  const [root, cluster, area, name, leaf, ...rest] = subject.split(".");
  if (root !== "triad" || !cluster || !isToken(cluster) || !area || !name || rest.length > 0) return undefined;
  if (area === "route") return name === "decision" && leaf === undefined ? { kind: "decision", cluster } : undefined;
  if (area === "commit")
    return leaf === undefined && /^(?:0|[1-9]\d{0,8})$/.test(name) ? { kind: "commit", cluster, group: Number(name) } : undefined;
  if (!isToken(name)) return undefined;
  if (area === "raft") {
    return leaf === "control" || leaf === "replicate" || leaf === "snapshot"
      ? { kind: "raft", cluster, node: name, lane: leaf }
      : undefined;
  }
  if (area === "coordinator") {
    return leaf === "propose" || leaf === "read" || leaf === "chunk" || leaf === "status" ? { kind: leaf, cluster, node: name } : undefined;
  }
  if (area === "worker") return leaf === "inbox" || leaf === "heartbeat" ? { kind: leaf, cluster, worker: name } : undefined;
  if (area === "task") return leaf === "events" ? { kind: "taskEvents", cluster, task: name } : undefined;
  return undefined;
}
