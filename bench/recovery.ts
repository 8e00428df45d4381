/**
 * How long a coordinator's start takes with much behind it: a log and an applied state of the given size are made in a folder of their own,
 * then opened as a start opens them. `node bench/recovery.ts [--mb 1024] [--behind 10000] [--json FILE]`. Nothing is asserted.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { encodeCanonical } from "@triad/protocol";
import { type DataDir, openDataDir } from "../packages/coordinator/src/adapters/store/data-dir.ts";
import { settleState, stateFolder } from "../packages/coordinator/src/adapters/store/state-folder.ts";
import { StateStore } from "../packages/coordinator/src/adapters/store/state-store.ts";
import { NodeDisk } from "../packages/coordinator/src/adapters/store/wal-disk-node.ts";
import type { Entry } from "../packages/coordinator/src/core/raft/types.ts";
import type { StateRecord } from "../packages/coordinator/src/core/state/records.ts";
import { LiveIndex } from "../packages/coordinator/src/services/consensus-engine/live-index.ts";

const ENTRY_BYTES = 1_024;
const BATCH_ENTRIES = 256;
const RECORD_BYTES = 1_024;
const IDENTITY = {
  ...{ cluster: "bench", node: "bench-1", raftId: 1 },
  confState: { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
};

function fail(error: Error): never {
  throw error;
}

function open(folder: string, bootstrap: boolean): DataDir {
  return openDataDir({
    ...{ disk: new NodeDisk(), folder, cluster: IDENTITY.cluster, node: IDENTITY.node },
    monotonicMs: () => performance.now(),
    onFatal: fail,
    bootstrap: bootstrap ? IDENTITY : undefined,
  });
}

async function makeLog(folder: string, entries: number): Promise<void> {
  const { log, close } = open(folder, true);
  const data = new Uint8Array(ENTRY_BYTES).fill(7);
  for (let index = 1; index <= entries; index += BATCH_ENTRIES) {
    const batch = Array.from({ length: BATCH_ENTRIES }, (_, i): Entry => ({ index: index + i, term: 1, type: "EntryNormal", data }));
    await new Promise<void>((resolve, reject) => {
      const commit = index + BATCH_ENTRIES - 1;
      log.append({ entries: batch, hardState: { term: 1, vote: 1, commit } }, (error) => (error === null ? resolve() : reject(error)));
    });
  }
  await close();
}

async function makeState(folder: string, records: number, appliedIndex: number): Promise<void> {
  const store = StateStore.open(stateFolder(folder), fail);
  const record = { text: "x".repeat(RECORD_BYTES) };
  const bytes = encodeCanonical(record);
  for (let n = 0; n < records; n++) {
    const key = `event/conversation-${n % 1_000}/${String(n).padStart(12, "0")}`;
    const index = Math.max(1, Math.floor((appliedIndex * (n + 1)) / records));
    store.commit(new Map([[key, record as unknown as StateRecord]]), new Map([[key, bytes]]), { index, term: 1, stateHash: "h" });
    if (n % 4_096 === 4_095) await store.flush();
  }
  await store.close();
}

interface Figures {
  readonly logMiB: number;
  readonly stateMiB: number;
  readonly entriesToApply: number;
  readonly openLogMs: number;
  readonly openStateMs: number;
  readonly readEntriesMs: number;
  readonly totalMs: number;
}

async function timeStart(folder: string, mib: number): Promise<Figures> {
  const startedMs = performance.now();
  const dataDir = open(folder, false);
  const logMs = performance.now();
  settleState(folder, dataDir.log.firstIndex() - 1);
  const store = StateStore.open(stateFolder(folder), fail);
  LiveIndex.of(store);
  const stateMs = performance.now();
  dataDir.log.noteApplied(store.applied.index);
  let read = 0;
  for (let next = store.applied.index + 1; next <= dataDir.log.lastIndex(); ) {
    const page = dataDir.log.entries(next, dataDir.log.lastIndex() + 1, 1024 * 1024);
    next += page.length;
    read += page.length;
  }
  const endMs = performance.now();
  const figures: Figures = {
    ...{ logMiB: Math.round(dataDir.log.bytes / 1024 / 1024), stateMiB: mib, entriesToApply: read },
    ...{ openLogMs: logMs - startedMs, openStateMs: stateMs - logMs, readEntriesMs: endMs - stateMs, totalMs: endMs - startedMs },
  };
  await store.close();
  await dataDir.close();
  return figures;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mb: { type: "string", default: "1024" },
      behind: { type: "string", default: "10000" },
      json: { type: "string" },
    },
  });
  const mib = Math.max(1, Number(values.mb));
  const entries = Math.ceil((mib * 1024 * 1024) / ENTRY_BYTES / BATCH_ENTRIES) * BATCH_ENTRIES;
  const applied = Math.max(1, entries - Number(values.behind));
  const folder = mkdtempSync(join(tmpdir(), "triad-recovery-"));
  try {
    console.log(`makes a log and a state of ${mib} MiB each (${entries} entries of ${ENTRY_BYTES} bytes) …`);
    await makeLog(folder, entries);
    await makeState(folder, Math.ceil((mib * 1024 * 1024) / RECORD_BYTES), applied);
    const figures = await timeStart(folder, mib);
    const rows = Object.entries(figures).map(
      ([name, value]) => `  ${name.padEnd(16)}${Number.isInteger(value) ? value : value.toFixed(1)}`,
    );
    console.log([`a start on ${availableParallelism()} × ${cpus()[0]?.model ?? "?"}, files in the page cache:`, ...rows].join("\n"));
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
