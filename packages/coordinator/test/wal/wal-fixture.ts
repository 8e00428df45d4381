/** A log on a virtual disk, with helpers that say in one line what a test does to it. */
import { EventQueue, SeededRandom, VirtualDisk, VirtualProcess } from "@triad/testkit";
import { WriteAheadLog } from "../../src/adapters/store/wal.ts";
import type { ConfState, Entry, HardState } from "../../src/core/raft/types.ts";

export const FOLDER = "/node/log";
export const FIRST_SEGMENT: string = `${FOLDER}/wal-000000000001.log`;
export const SECOND_SEGMENT: string = `${FOLDER}/wal-000000000002.log`;
export const CONF_STATE: ConfState = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

export function entry(index: number, term: number, bytes: number = 8): Entry {
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) data[at] = (index * 31 + term * 7 + at) & 0xff;
  return { index, term, type: "EntryNormal", data };
}

export interface Bench {
  readonly queue: EventQueue;
  readonly disk: VirtualDisk;
  readonly fatal: Error[];
  open(options?: { bootstrap?: boolean; segmentBytes?: number; windowBytes?: number }): WriteAheadLog;
  /** Ends the process; what it wrote stays in the kernel's memory. */
  kill(): void;
  /** Kills the process and cuts the power. */
  crash(): void;
}

export function bench(seed: number = 1): Bench {
  const queue = new EventQueue();
  const disk = new VirtualDisk({ queue, random: new SeededRandom(seed) });
  const fatal: Error[] = [];
  let process = new VirtualProcess();
  return {
    queue,
    disk,
    fatal,
    open: (options = {}) => {
      process = new VirtualProcess();
      disk.owner = process;
      return WriteAheadLog.open({
        disk,
        folder: FOLDER,
        confState: CONF_STATE,
        bootstrap: options.bootstrap ?? false,
        segmentBytes: options.segmentBytes ?? 16_384,
        windowBytes: options.windowBytes ?? 4096,
        monotonicMs: () => queue.nowMs,
        onFatal: (error) => fatal.push(error),
      });
    },
    kill: () => process.kill(),
    crash: () => {
      process.kill();
      disk.crash();
    },
  };
}

export function append(log: WriteAheadLog, entries: readonly Entry[], hardState?: HardState): { done: boolean; error: Error | null } {
  const outcome = { done: false, error: null as Error | null };
  log.append(hardState === undefined ? { entries } : { entries, hardState }, (error) => {
    outcome.done = true;
    outcome.error = error;
  });
  return outcome;
}

export function settle(queue: EventQueue): void {
  while (queue.step());
}

export function everything(log: WriteAheadLog): Entry[] {
  const result: Entry[] = [];
  for (let next = log.firstIndex(); next <= log.lastIndex(); ) {
    for (const found of log.entries(next, log.lastIndex() + 1, 2000)) {
      result.push(found);
      next = found.index + 1;
    }
  }
  return result;
}

/** A log with a batch for each entry, all durable, closed. */
export function filled(target: Bench, count: number, options: { segmentBytes?: number; bytes?: number } = {}): void {
  const log = target.open({ bootstrap: true, ...options });
  for (let index = 1; index <= count; index++) {
    append(log, [entry(index, 1, options.bytes)], { term: 1, vote: 1, commit: index - 1 });
    settle(target.queue);
  }
}
