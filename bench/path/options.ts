/** What `bench path` is asked for, and how much of each measurement that means. */
import { parseArgs } from "node:util";

export interface Amounts {
  /** Repetitions whose median is shown. */
  readonly repetitions: number;
  readonly floorRounds: number;
  readonly settleMs: number;
  readonly submits: number;
  readonly longChains: number;
  readonly warmMs: number;
  readonly windowMs: number;
  readonly kills: number;
  readonly peerChains: number;
  readonly peerWindowMs: number;
}

const WHOLE: Amounts = {
  repetitions: 3,
  floorRounds: 2_000,
  settleMs: 5_000,
  submits: 500,
  longChains: 12,
  warmMs: 4_000,
  windowMs: 6_000,
  kills: 20,
  peerChains: 5,
  peerWindowMs: 4_000,
};

const QUICK: Amounts = {
  repetitions: 1,
  floorRounds: 300,
  settleMs: 1_000,
  submits: 60,
  longChains: 2,
  warmMs: 1_000,
  windowMs: 2_000,
  kills: 2,
  peerChains: 1,
  peerWindowMs: 1_000,
};

export interface PathOptions {
  readonly quick: boolean;
  readonly json: string | undefined;
  readonly peers: boolean;
  readonly failover: boolean;
  readonly amounts: Amounts;
}

export const PATH_HELP = `bench path [--quick] [--json FILE] [--no-peers] [--no-failover]

Starts three coordinators with fsync and two workers in a temporary folder, measures the path of a no-op step, and prints a table
beside the machine's floors and LangGraph.js on the same graph. Asserts nothing. TMPDIR chooses the disk.

  --quick         one repetition, short windows, two kills: to see that it runs
  --json FILE     everything that was measured
  --no-peers      without LangGraph.js (else installed once, by npm ci, into node_modules/.cache)
  --no-failover   without kill -9 of leaders
`;

/** Undefined: help was asked for. Throws where the arguments are wrong. */
export function readOptions(args: readonly string[]): PathOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      help: { type: "boolean", short: "h" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      peers: { type: "boolean", default: true },
      failover: { type: "boolean", default: true },
    },
  });
  if (values.help === true) return undefined;
  return { quick: values.quick, json: values.json, peers: values.peers, failover: values.failover, amounts: values.quick ? QUICK : WHOLE };
}
