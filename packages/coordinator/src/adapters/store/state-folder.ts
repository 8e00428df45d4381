/**
 * The folders around the applied state, and how one state takes the place of another so that a crash at any point leaves either. Kept
 * apart from the store itself, which knows one open folder at a time.
 *
 *     state           the applied state
 *     state.next      a received state, whole, checked and synced, that is to take its place
 *     state.old       what it took the place of
 *
 * (F1) `state.next` appears by one rename. (F2) The log begins anew at its index before it takes the place of `state`: so at a start
 * `state.next` counts if, and only if, the log begins after what `state` has applied.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { TriadError } from "@triad/protocol";
import { readAppliedMark } from "./state-store.ts";
import { NodeDisk } from "./wal-disk-node.ts";

const disk = new NodeDisk();

export const stateFolder = (dataDir: string): string => `${dataDir}/state`;
export const nextStateFolder = (dataDir: string): string => `${dataDir}/state.next`;
const oldStateFolder = (dataDir: string): string => `${dataDir}/state.old`;

/** The applied state ends before the log begins: what lies between is nowhere on this machine. */
export function corruptState(folder: string, applied: number, firstIndex: number): TriadError {
  return new TriadError(
    "TRIAD_STORE_CORRUPT",
    `The applied state beside ${folder} ends at entry ${applied}, but the log begins at entry ${firstIndex}: what lies between is lost, ` +
      "so this coordinator must not vote or answer. If the state folder was removed by hand, put it back. Else replace this coordinator; " +
      "the others go on.",
    { folder, applied, firstIndex },
  );
}

/** Makes a received and synced folder the one that is to become the state. */
export function stageState(dataDir: string, received: string): void {
  rmSync(nextStateFolder(dataDir), { recursive: true, force: true });
  renameSync(received, nextStateFolder(dataDir));
  disk.syncFolder(dataDir);
}

/** Puts `state.next` in the place of `state`; whoever has `state` open goes on with the files that it had. */
export function promoteState(dataDir: string): void {
  const [current, old] = [stateFolder(dataDir), oldStateFolder(dataDir)];
  rmSync(old, { recursive: true, force: true });
  if (existsSync(current)) renameSync(current, old);
  renameSync(nextStateFolder(dataDir), current);
  disk.syncFolder(dataDir);
  rmSync(old, { recursive: true, force: true });
}

/**
 * At a start: ends what a crash interrupted. `logBase` is the index of the last entry before the log. Throws TRIAD_STORE_CORRUPT where
 * neither folder reaches it.
 */
export function settleState(dataDir: string, logBase: number): void {
  const applied = readAppliedMark(stateFolder(dataDir))?.index ?? 0;
  const next = readAppliedMark(nextStateFolder(dataDir))?.index;
  if (applied < logBase && next !== undefined && next >= logBase) promoteState(dataDir);
  else if (applied < logBase) throw corruptState(`${dataDir}/log`, applied, logBase + 1);
  rmSync(nextStateFolder(dataDir), { recursive: true, force: true });
  rmSync(oldStateFolder(dataDir), { recursive: true, force: true });
}
