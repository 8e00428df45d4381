/**
 * The triples (P, C, M) that this thread's actors hold, by version: an actor whose conversation has not moved finds its own again.
 * Least recently used goes first; bytes are estimated and bounded, because a million idle conversations must not stay in memory.
 */
import type { Requirements } from "@triad/protocol";
import type { Template } from "../template/template.ts";

export interface AgentTriple {
  /** P: the parsed template, shared by all actors of the agent. */
  readonly prompt: Template;
  readonly promptVersion: number;
  /** C: the negotiated context in this conversation, float32 big-endian as it came; empty for a newcomer. Decoded by the few steps that read it. */
  readonly context: Uint8Array;
  /** M as this worker needs it: what the agent declares it can do. */
  readonly capabilities: Requirements;
}

interface Held {
  readonly version: string;
  readonly triple: AgentTriple;
  readonly bytes: number;
}

/** Of an entry beside its vector: key, version, map slots. */
const ENTRY_BYTES = 256;

export class TripleCache {
  private readonly held = new Map<string, Held>();
  private readonly bytesMax: number;
  private total = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.total;
  }

  get size(): number {
    return this.held.size;
  }

  /** The actor's triple at this version, made by `load` where the cache has another or none. */
  get(actor: string, version: string, load: () => AgentTriple): AgentTriple {
    const found = this.held.get(actor);
    if (found !== undefined) this.held.delete(actor);
    const entry = found?.version === version ? found : this.entryOf(version, load());
    this.total += entry.bytes - (found?.bytes ?? 0);
    this.held.set(actor, entry);
    this.evict(actor);
    return entry.triple;
  }

  private entryOf(version: string, triple: AgentTriple): Held {
    return { version, triple, bytes: ENTRY_BYTES + triple.context.byteLength };
  }

  private evict(keep: string): void {
    for (const [actor, entry] of this.held) {
      if (this.total <= this.bytesMax) return;
      if (actor === keep) continue;
      this.held.delete(actor);
      this.total -= entry.bytes;
    }
  }
}
