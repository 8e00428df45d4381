/**
 * Applied state on disk (lmdb), with the cache and the unflushed writes in front of it. Kept apart from the log: replies rest on the log; this
 * store may lag behind by the last 50 ms of writes, which a restart applies again.
 *
 * Invariants. S1: reads give every committed write at once, flushed or not. S2: one lmdb transaction carries writes and the applied index that
 * they belong to, so the store is always Φ at some index. S3: listing order is key order, whatever is cached or unflushed.
 */
import { existsSync } from "node:fs";
import { decodeCanonical, encodeCanonical } from "@triad/protocol";
import { open, type RootDatabase } from "lmdb";
import { GroupedMap } from "../../core/state/grouped-map.ts";
import { compareKeys } from "../../core/state/keys.ts";
import type { StateRecord } from "../../core/state/records.ts";
import type { StateReader } from "../../core/state/transaction.ts";
import { assertLooksSound } from "./lmdb-file.ts";
import { RecordCache } from "./record-cache.ts";

/** Unflushed writes are collected for this long or this many entries (state.md 11). */
const FLUSH_MS = 50;
const FLUSH_ENTRIES = 256;
/** Listings (facts and contexts of a conversation) kept in memory. */
const LISTS_CACHED = 5_000;
/** lmdb's address space; the file grows as it is used. */
const MAP_BYTES = 64 * 1024 ** 3;
/** Kinds that a step reads; the others are written once and read by people. */
const CACHED_KINDS = new Set(["meta", "config", "team", "agent", "worker", "task", "input", "conv", "ctx", "key", "event"]);
const LISTED_KINDS = new Set(["fact", "ctx", "agent", "worker"]);
const APPLIED_KEY = "@applied";

export interface AppliedMark {
  readonly index: number;
  readonly term: number;
  readonly stateHash: string;
}

interface Unflushed {
  readonly record: StateRecord | undefined;
  readonly bytes: Uint8Array | undefined;
  readonly generation: number;
}

const kindOf = (key: string): string => {
  const slash = key.indexOf("/");
  return slash < 0 ? key : key.slice(0, slash);
};

/** The prefix under which a key is listed: its kind and, for facts and contexts, its conversation. */
function listPrefixOf(key: string): string | undefined {
  const kind = kindOf(key);
  if (!LISTED_KINDS.has(kind)) return undefined;
  if (kind === "agent" || kind === "worker") return `${kind}/`;
  const second = key.indexOf("/", kind.length + 1);
  return key.slice(0, second + 1);
}

function remember<V>(cache: Map<string, V>, key: string, value: V, most: number): void {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size <= most) return;
  const oldest = cache.keys().next();
  if (!oldest.done) cache.delete(oldest.value);
}

export class StateStore implements StateReader {
  private db: RootDatabase<Uint8Array, string>;
  private readonly unflushed = new GroupedMap<Unflushed>();
  private readonly records = new RecordCache();
  private readonly lists = new Map<string, Map<string, StateRecord>>();
  private readonly onFailure: (error: Error) => void;
  private generation = 1;
  private entriesWaiting = 0;
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> | undefined;
  private copying: Promise<void> | undefined;
  private mark: AppliedMark;
  private durable: number;

  private constructor(path: string, onFailure: (error: Error) => void) {
    this.onFailure = onFailure;
    this.db = openDatabase(path);
    this.mark = markOf(this.db) ?? NOTHING_APPLIED;
    this.durable = this.mark.index;
  }

  /** Opens or makes the store in a folder. `onFailure` hears of a disk that refuses: the process must end. */
  static open(path: string, onFailure: (error: Error) => void): StateStore {
    return new StateStore(path, onFailure);
  }

  get applied(): AppliedMark {
    return this.mark;
  }

  /** What a power cut leaves: the log is needed from here on. */
  get durableIndex(): number {
    return this.durable;
  }

  get(key: string): StateRecord | undefined {
    const waiting = this.unflushed.get(key);
    if (waiting !== undefined) return waiting.record;
    const cached = this.records.get(key);
    if (cached !== undefined) return cached;
    const bytes = this.db.get(key);
    if (bytes === undefined) return undefined;
    const record = decodeCanonical(bytes) as unknown as StateRecord;
    if (CACHED_KINDS.has(kindOf(key))) this.records.set(key, record, bytes.length);
    return record;
  }

  list(prefix: string): ReadonlyMap<string, StateRecord> {
    const cached = this.lists.get(prefix);
    if (cached !== undefined) return cached;
    const found = this.read(prefix, Number.POSITIVE_INFINITY);
    if (LISTED_KINDS.has(kindOf(prefix))) remember(this.lists, prefix, found, LISTS_CACHED);
    return found;
  }

  first(prefix: string, limit: number): ReadonlyMap<string, StateRecord> {
    return this.read(prefix, limit);
  }

  private read(prefix: string, limit: number): Map<string, StateRecord> {
    const mine = this.unflushed.under(prefix);
    const removed = mine.filter(([, write]) => write.record === undefined).length;
    const found = new Map<string, StateRecord>();
    // No valid character sorts above U+10FFFF, so this end is above every key with the prefix.
    const range = { start: prefix, end: `${prefix}\u{10ffff}`, ...(Number.isFinite(limit) ? { limit: limit + removed } : {}) };
    for (const { key, value } of this.db.getRange(range)) found.set(key, decodeCanonical(value) as unknown as StateRecord);
    for (const [key, write] of mine) {
      if (write.record === undefined) found.delete(key);
      else found.set(key, write.record);
    }
    const sorted = mine.length === 0 ? [...found] : [...found].sort(([a], [b]) => compareKeys(a, b));
    return new Map(sorted.slice(0, limit));
  }

  /** Takes the writes of one applied entry; they can be read at once and reach the disk with the next flush. */
  commit(
    records: ReadonlyMap<string, StateRecord | undefined>,
    encoded: ReadonlyMap<string, Uint8Array | undefined>,
    mark: AppliedMark,
  ): void {
    for (const [key, record] of records) {
      this.unflushed.set(key, { record, bytes: encoded.get(key), generation: this.generation });
      if (record === undefined) this.records.delete(key);
      else if (CACHED_KINDS.has(kindOf(key))) this.records.set(key, record, encoded.get(key)?.length ?? 0);
      this.relist(key, record);
    }
    this.mark = mark;
    this.entriesWaiting++;
    if (this.entriesWaiting >= FLUSH_ENTRIES) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  private relist(key: string, record: StateRecord | undefined): void {
    const prefix = listPrefixOf(key);
    const list = prefix === undefined ? undefined : this.lists.get(prefix);
    if (prefix === undefined || list === undefined) return;
    if (record === undefined) list.delete(key);
    else if (list.has(key)) list.set(key, record);
    else {
      list.set(key, record);
      this.lists.set(prefix, new Map([...list].sort(([a], [b]) => compareKeys(a, b))));
    }
  }

  /** Writes what has gathered in one transaction with its applied index; one at a time. */
  flush(): Promise<void> {
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.timer = undefined;
    if (this.flushing !== undefined) {
      const again = this.flushing.then(() => this.flush());
      return again;
    }
    if (this.entriesWaiting === 0) return Promise.resolve();
    const { db } = this;
    const generation = this.generation++;
    const { index } = this.mark;
    const mark = encodeCanonical({ ...this.mark });
    const batch = [...this.unflushed.entries];
    this.entriesWaiting = 0;
    this.flushing = db
      .transaction(() => {
        for (const [key, { bytes }] of batch) {
          if (bytes === undefined) void db.remove(key);
          else void db.put(key, bytes);
        }
        void db.put(APPLIED_KEY, mark);
      })
      // Committed is what reads see; only what is flushed may let the log go.
      .then(() => db.flushed)
      .then(
        () => {
          this.durable = index;
          for (const [key, write] of this.unflushed.entries) if (write.generation <= generation) this.unflushed.delete(key);
        },
        (error: unknown) => this.onFailure(error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => {
        this.flushing = undefined;
      });
    return this.flushing;
  }

  /** Copies Φ as of one applied index into a folder, while applying goes on. The copy is not synced. */
  async copyTo(folder: string): Promise<AppliedMark> {
    const copying = this.db.backup(folder, true);
    this.copying = copying;
    try {
      await copying;
    } finally {
      if (this.copying === copying) this.copying = undefined;
    }
    return readAppliedMark(folder) ?? NOTHING_APPLIED;
  }

  /**
   * From some moment on reads give what is in `folder`; `replaced` is called then and there, before anything can be read. Resolves when
   * the files that were open before are closed.
   */
  async replaceBy(folder: string, replaced: () => void): Promise<void> {
    await this.flush();
    const before = this.db;
    this.db = openDatabase(folder);
    this.unflushed.clear();
    this.records.clear();
    this.lists.clear();
    this.mark = markOf(this.db) ?? NOTHING_APPLIED;
    this.durable = this.mark.index;
    replaced();
    await this.copying?.catch(() => undefined);
    await before.close();
  }

  /** Flushes what is there and closes the file. */
  async close(): Promise<void> {
    await this.flush();
    await this.flushing;
    await this.copying?.catch(() => undefined);
    await this.db.close();
  }
}

const NOTHING_APPLIED: AppliedMark = { index: 0, term: 0, stateHash: "" };

function openDatabase(path: string, readOnly = false): RootDatabase<Uint8Array, string> {
  assertLooksSound(path);
  return open({ path, encoding: "binary", mapSize: MAP_BYTES, noSubdir: false, readOnly });
}

function markOf(db: RootDatabase<Uint8Array, string>): AppliedMark | undefined {
  const bytes = db.get(APPLIED_KEY);
  return bytes === undefined ? undefined : (decodeCanonical(bytes) as unknown as AppliedMark);
}

/** How far a state in a folder is that nobody has open; undefined where there is none. */
export function readAppliedMark(folder: string): AppliedMark | undefined {
  if (!existsSync(`${folder}/data.mdb`)) return undefined;
  const db = openDatabase(folder, true);
  try {
    return markOf(db);
  } finally {
    void db.close();
  }
}
