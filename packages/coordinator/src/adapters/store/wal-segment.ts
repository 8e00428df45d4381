/** Names and headers of segment files. A segment is preallocated; what lies behind its last batch is zeros. */
import { TriadError } from "@triad/protocol";

const SEGMENT_NAME = /^wal-([0-9]{12})\.log$/;
/** A segment in preparation. Whatever bears this name at an opening was never part of the log. */
export const SPARE_NAME = "wal-spare.tmp";
export const SEGMENT_NUMBER_FIRST = 1;
const FORMAT_VERSION = 1;

export function segmentName(number: number): string {
  return `wal-${String(number).padStart(12, "0")}.log`;
}

/** Numbers of the segment files among `names`, ascending. */
export function segmentNumbers(names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const match = SEGMENT_NAME.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
  }
  return numbers.sort((a, b) => a - b);
}

/** Payload of a `segment` record: format version and file number, so that a file under another's name is noticed. */
export function segmentHeader(number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FORMAT_VERSION, true);
  view.setUint32(8, number, true);
  return bytes;
}

export function segmentHeaderFits(payload: Uint8Array, number: number): boolean {
  if (payload.length !== 16) return false;
  const view = new DataView(payload.buffer, payload.byteOffset, 16);
  return view.getUint32(0, true) === FORMAT_VERSION && view.getUint32(8, true) === number;
}

/** The error an operator reads: which file, where, what, and what to do. */
export function corruptLog(path: string, offset: number, reason: string): TriadError {
  return new TriadError(
    "TRIAD_STORE_CORRUPT",
    `${path} is damaged at byte ${offset}: ${reason}. What was synced there is lost, so this coordinator must not vote or answer. ` +
      "The other coordinators go on; replace this one, and do not repair the file by hand.",
    { file: path, offset, reason },
  );
}
