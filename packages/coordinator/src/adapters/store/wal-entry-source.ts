/** Reads entries back from the segment files by the sparse index. Every record is checked again as it is read. */
import { encodedEntryBytes } from "../../core/raft/entry-size.ts";
import type { Entry } from "../../core/raft/types.ts";
import type { Disk, DiskFile } from "./wal-disk.ts";
import type { PlaceIndex } from "./wal-index.ts";
import { decodeRecord, RECORD_HEADER_BYTES, RECORD_PAYLOAD_BYTES_MAX, recordBytes, recordLengthAt, type WalRecord } from "./wal-record.ts";
import { corruptLog, segmentName } from "./wal-segment.ts";

/** One read of the disk: a little more than the distance of two points, so that one read usually finds its entry. */
const READ_BYTES = 128 * 1024;
/** Open files of old segments; a follower that catches up reads one after the other. */
const OPEN_FILES_MAX = 4;

export class EntrySource {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #places: PlaceIndex;
  readonly #files = new Map<number, DiskFile>();

  constructor(disk: Disk, folder: string, places: PlaceIndex) {
    this.#disk = disk;
    this.#folder = folder;
    this.#places = places;
  }

  /** Entries [low, high) as far as `maxBytes` allow, at least one. All of them must have been written. */
  read(low: number, high: number, maxBytes: number): Entry[] {
    const result: Entry[] = [];
    let bytes = 0;
    let next = low;
    while (next < high) {
      const run = this.#readRun(next, high, maxBytes - bytes, result.length > 0);
      for (const entry of run.entries) {
        result.push(entry);
        bytes += encodedEntryBytes(entry);
        next++;
      }
      if (run.full) break;
    }
    return result;
  }

  /** Files before this number are about to be removed. */
  forgetFilesBefore(segment: number): void {
    for (const [number, file] of this.#files) {
      if (number >= segment) continue;
      file.close();
      this.#files.delete(number);
    }
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  /** From one point, as far as its run reaches. `full` when the byte budget ended it. */
  #readRun(from: number, high: number, budget: number, haveSome: boolean): { entries: Entry[]; full: boolean } {
    const located = this.#places.locate(from);
    if (located === undefined) throw corruptLog(this.#folder, 0, `no place is known for entry ${from}`);
    const { place, before } = located;
    const path = `${this.#folder}/${segmentName(place.segment)}`;
    const cursor = new RecordCursor(this.#file(place.segment), path, place.offset);
    const entries: Entry[] = [];
    const end = Math.min(high, before);
    let bytes = 0;
    for (let expected = place.index; expected < end; ) {
      const record = cursor.next();
      if (record.type !== "entry") continue;
      if (record.index !== expected)
        throw corruptLog(path, cursor.offset, `entry ${record.index} stands where entry ${expected} is expected`);
      expected++;
      if (record.index < from) continue;
      const view: Entry = { term: record.term, index: record.index, type: record.entryType, data: record.payload };
      bytes += encodedEntryBytes(view);
      if (bytes > budget && (haveSome || entries.length > 0)) return { entries, full: true };
      // Copied, so that a small entry does not keep a whole read alive.
      entries.push({ ...view, data: record.payload.slice() });
    }
    return { entries, full: false };
  }

  #file(segment: number): DiskFile {
    const open = this.#files.get(segment);
    if (open !== undefined) return open;
    if (this.#files.size >= OPEN_FILES_MAX) {
      const [oldest, file] = this.#files.entries().next().value!;
      file.close();
      this.#files.delete(oldest);
    }
    const file = this.#disk.open(`${this.#folder}/${segmentName(segment)}`, "read");
    this.#files.set(segment, file);
    return file;
  }
}

/** Walks over the records of one file, reading it in chunks. */
class RecordCursor {
  readonly #file: DiskFile;
  readonly #path: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkOffset = 0;
  offset: number;

  constructor(file: DiskFile, path: string, offset: number) {
    this.#file = file;
    this.#path = path;
    this.offset = offset;
  }

  next(): WalRecord {
    this.#hold(RECORD_HEADER_BYTES);
    this.#hold(Math.min(recordLengthAt(this.#chunk, this.offset - this.#chunkOffset), recordBytes(RECORD_PAYLOAD_BYTES_MAX)));
    const decoded = decodeRecord(this.#chunk, this.offset - this.#chunkOffset);
    if (decoded.kind !== "record") {
      throw corruptLog(this.#path, this.offset, decoded.kind === "bad" ? decoded.reason : "unused space where a record is expected");
    }
    this.offset = this.#chunkOffset + decoded.end;
    return decoded.record;
  }

  /** Makes the chunk hold `bytes` from the offset on, as far as the file reaches. */
  #hold(bytes: number): void {
    if (this.offset - this.#chunkOffset + bytes <= this.#chunk.length) return;
    this.#chunk = this.#file.read(this.offset, Math.max(READ_BYTES, bytes));
    this.#chunkOffset = this.offset;
  }
}
