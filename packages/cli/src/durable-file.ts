/** Files that are there whole or not at all: written beside, synced where asked for, renamed over. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface WriteOptions {
  /** Survives a power cut once this returns. */
  readonly sync: boolean;
  readonly mode?: number;
}

export function writeWhole(file: string, text: string, options: WriteOptions): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true });
  const beside = `${file}.${process.pid}.new`;
  const handle = openSync(beside, "w", options.mode ?? 0o644);
  try {
    writeSync(handle, text);
    if (options.sync) fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(beside, file);
  if (options.sync) syncFolder(folder);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The file's JSON; undefined where it is not there or was cut by a power failure before it was ever synced. */
export function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
