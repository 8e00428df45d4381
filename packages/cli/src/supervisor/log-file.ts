/** Logs of child processes: appended to, and put aside at a start once they are long, so that restarts keep the cause of a death. */
import { closeSync, mkdirSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Checked at each start of a process: two of these a process are what logs may take on disk. */
export const LOG_BYTES_MAX: number = 16 * 1024 * 1024;

/** A descriptor to append to; a file above the bound becomes `<file>.1`, over the one before. */
export function openLog(file: string, bytesMax: number = LOG_BYTES_MAX): number {
  mkdirSync(dirname(file), { recursive: true });
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > bytesMax) renameSync(file, `${file}.1`);
  return openSync(file, "a", 0o640);
}

/** How much of a log's end is looked at for the cause of a death. */
const TAIL_BYTES = 16 * 1024;

/** The last line that says what went wrong: one with a TRIAD_ code, else the last one. undefined for an empty log. */
export function lastWords(file: string): string | undefined {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return undefined;
  const handle = openSync(file, "r");
  try {
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(handle, tail, 0, tail.length, size - tail.length);
    const lines = tail
      .toString("utf8")
      .split("\n")
      .map(plain)
      .filter((line) => line !== "");
    return lines.findLast((line) => /\bTRIAD_[A-Z_]+/.test(line)) ?? lines.at(-1);
  } finally {
    closeSync(handle);
  }
}

/** A line of pino as its message; any other line as it is. */
function plain(line: string): string {
  if (!line.startsWith("{")) return line.trim();
  try {
    const entry = JSON.parse(line) as { msg?: unknown };
    return typeof entry.msg === "string" ? entry.msg : line;
  } catch {
    return line;
  }
}
