/**
 * One command's (or one entry's) view of Φ: reads fall through to the state before it, writes stay here until the caller takes them.
 * The leader plans on a transaction that it throws away; apply keeps its own. Kept apart from storage: the reader below may be a cache, lmdb
 * or a map in a test, and gives the same answers at the same applied index.
 */
import { limits } from "@triad/protocol";
import { GroupedMap } from "./grouped-map.ts";
import { compareKeys, keys } from "./keys.ts";
import {
  type AgentRecord,
  type ChunkRecord,
  type ConfigRecord,
  type ContextRecord,
  type ConversationRecord,
  type ConversationTaskRecord,
  type EffectRecord,
  INITIAL_META,
  type InputRecord,
  type JournalRecord,
  type KeyRecord,
  type MetaRecord,
  type PartialRecord,
  type StateRecord,
  type StepRecord,
  type TaskRecord,
  type TeamRecord,
  type WorkerRecord,
} from "./records.ts";

/** Synchronous, consistent reads of Φ at one applied index. */
export interface StateReader {
  get(key: string): StateRecord | undefined;
  /** All records under a prefix, in key order. */
  list(prefix: string): ReadonlyMap<string, StateRecord>;
  /** The first `limit` records under a prefix, in key order. */
  first(prefix: string, limit: number): ReadonlyMap<string, StateRecord>;
}

/** Key → new record, or undefined where the record was removed. */
export type Writes = ReadonlyMap<string, StateRecord | undefined>;

export class Transaction implements StateReader {
  private readonly base: StateReader;
  private readonly changed = new GroupedMap<StateRecord | undefined>();

  constructor(base: StateReader) {
    this.base = base;
  }

  get(key: string): StateRecord | undefined {
    return this.changed.has(key) ? this.changed.get(key) : this.base.get(key);
  }

  put(key: string, record: StateRecord): void {
    this.changed.set(key, record);
  }

  remove(key: string): void {
    this.changed.set(key, undefined);
  }

  list(prefix: string): ReadonlyMap<string, StateRecord> {
    return this.overlay(prefix, this.base.list(prefix));
  }

  first(prefix: string, limit: number): ReadonlyMap<string, StateRecord> {
    let removed = 0;
    for (const [, record] of this.changed.under(prefix)) if (record === undefined) removed++;
    const merged = this.overlay(prefix, this.base.first(prefix, limit + removed));
    return merged.size <= limit ? merged : new Map([...merged].slice(0, limit));
  }

  private overlay(prefix: string, below: ReadonlyMap<string, StateRecord>): ReadonlyMap<string, StateRecord> {
    const mine = this.changed.under(prefix);
    if (mine.length === 0) return below;
    const merged = new Map(below);
    let added = false;
    for (const [key, record] of mine) {
      if (record === undefined) merged.delete(key);
      else {
        added ||= !merged.has(key);
        merged.set(key, record);
      }
    }
    return added ? new Map([...merged].sort(([a], [b]) => compareKeys(a, b))) : merged;
  }

  /** What changed, in the order of first change: the same on every coordinator, since apply is deterministic. */
  writes(): Writes {
    return this.changed.entries;
  }

  // Typed access: a key's prefix fixes its record's type, so the casts stand here and nowhere else.
  meta(): MetaRecord {
    return (this.get(keys.meta) as MetaRecord | undefined) ?? INITIAL_META;
  }
  config(): ConfigRecord {
    const record = this.get(keys.config) as ConfigRecord | undefined;
    return record ?? { retentionMs: limits.RETENTION_MS_DEFAULT, keyTtlMs: limits.KEY_TTL_MS_DEFAULT };
  }
  team(): TeamRecord | undefined {
    return this.get(keys.team) as TeamRecord | undefined;
  }
  agent(name: string): AgentRecord | undefined {
    return this.get(keys.agent(name)) as AgentRecord | undefined;
  }
  worker(id: string): WorkerRecord | undefined {
    return this.get(keys.worker(id)) as WorkerRecord | undefined;
  }
  workers(): readonly WorkerRecord[] {
    return [...this.list(keys.workers).values()] as WorkerRecord[];
  }
  idempotency(key: string): KeyRecord | undefined {
    return this.get(keys.idempotency(key)) as KeyRecord | undefined;
  }
  task(id: string): TaskRecord | undefined {
    return this.get(keys.task(id)) as TaskRecord | undefined;
  }
  input(task: string): InputRecord | undefined {
    return this.get(keys.input(task)) as InputRecord | undefined;
  }
  step(task: string, n: number): StepRecord | undefined {
    return this.get(keys.step(task, n)) as StepRecord | undefined;
  }
  partial(task: string, step: number, member: number): PartialRecord | undefined {
    return this.get(keys.partial(task, step, member)) as PartialRecord | undefined;
  }
  effect(task: string, step: number, member: number, n: number): EffectRecord | undefined {
    return this.get(keys.effect(task, step, member, n)) as EffectRecord | undefined;
  }
  effects(task: string, step: number, member: number): readonly EffectRecord[] {
    return [...this.list(keys.effects(task, step, member)).values()] as EffectRecord[];
  }
  journal(task: string, step: number, member: number): JournalRecord | undefined {
    return this.get(keys.journal(task, step, member)) as JournalRecord | undefined;
  }
  conversation(id: string): ConversationRecord | undefined {
    return this.get(keys.conversation(id)) as ConversationRecord | undefined;
  }
  chunk(hash: string): ChunkRecord | undefined {
    return this.get(keys.chunk(hash)) as ChunkRecord | undefined;
  }
  context(conversation: string, agent: string): ContextRecord | undefined {
    return this.get(keys.context(conversation, agent)) as ContextRecord | undefined;
  }
  conversationTasks(conversation: string): readonly ConversationTaskRecord[] {
    return [...this.list(keys.conversationTasks(conversation)).values()] as ConversationTaskRecord[];
  }
}
