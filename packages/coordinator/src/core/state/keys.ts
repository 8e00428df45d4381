/**
 * Names of the records of Φ: one place, so that a prefix means one kind. Numbers are padded, so that key order is numeric order.
 */

export type DueKind = "task" | "key";

const WIDTH = 16;
const padded = (value: number): string => String(value).padStart(WIDTH, "0");

export const keys = {
  meta: "meta",
  config: "config",
  team: "team",
  agent: (name: string): string => `agent/${name}`,
  agents: "agent/",
  worker: (id: string): string => `worker/${id}`,
  workers: "worker/",
  idempotency: (key: string): string => `key/${key}`,
  task: (id: string): string => `task/${id}`,
  /** Marks tasks that have not ended, so that a restart finds them without reading all. */
  open: (task: string): string => `open/${task}`,
  opens: "open/",
  input: (task: string): string => `input/${task}`,
  step: (task: string, n: number): string => `step/${task}/${padded(n)}`,
  steps: (task: string): string => `step/${task}/`,
  partial: (task: string, step: number, member: number): string => `partial/${task}/${padded(step)}/${padded(member)}`,
  partials: (task: string, step: number): string => `partial/${task}/${padded(step)}/`,
  allPartials: (task: string): string => `partial/${task}/`,
  effect: (task: string, step: number, member: number, n: number): string =>
    `effect/${task}/${padded(step)}/${padded(member)}/${padded(n)}`,
  effects: (task: string, step: number, member: number): string => `effect/${task}/${padded(step)}/${padded(member)}/`,
  journal: (task: string, step: number, member: number): string => `journal/${task}/${padded(step)}/${padded(member)}`,
  taskEvent: (task: string, n: number): string => `tev/${task}/${padded(n)}`,
  taskEvents: (task: string): string => `tev/${task}/`,
  conversation: (id: string): string => `conv/${id}`,
  fact: (conversation: string, name: string): string => `fact/${conversation}/${name}`,
  facts: (conversation: string): string => `fact/${conversation}/`,
  context: (conversation: string, agent: string): string => `ctx/${conversation}/${agent}`,
  contexts: (conversation: string): string => `ctx/${conversation}/`,
  event: (conversation: string, seq: number): string => `event/${conversation}/${padded(seq)}`,
  events: (conversation: string): string => `event/${conversation}/`,
  chunk: (hash: string): string => `chunk/${hash}`,
  chunks: "chunk/",
  conversationTask: (conversation: string, n: number): string => `ctask/${conversation}/${padded(n)}`,
  conversationTasks: (conversation: string): string => `ctask/${conversation}/`,
  /** What retention removes later, oldest first: ended tasks by their end, idempotency keys by their first use. */
  due: (kind: DueKind, at: number, id: string): string => `due/${kind}/${padded(at)}/${id}`,
  dues: (kind: DueKind): string => `due/${kind}/`,
} as const;

/**
 * Key order of Φ: by code point, as UTF-8 bytes have it, so that a store, a cache and a transaction list the same records in the same order.
 * (Comparing strings directly would order surrogate pairs below U+E000.)
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

function codePointRank(unit: number): number {
  return unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
