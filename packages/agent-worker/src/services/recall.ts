/**
 * What a thread knows of the conversations that its actors are in: older events read on demand, checked against the hash chain, kept.
 * An actor keeps its thread, so a conversation's pages are read once a thread, not once a step.
 *
 * R1 nothing is shown that the chain does not vouch for: a page that does not link to the events at hand is an error, not a result.
 * R2 memory is bounded: conversations least recently used go first; a read stops at RECALL_BYTES_MAX of one conversation, newest kept.
 */
import { type Dispatch, limits, type TranscriptEvent, TriadError, utf8Length } from "@triad/protocol";
import { bm25Scores, type Sha256Hex, verifyEvents } from "../core/index.ts";
import type { Recalled } from "../turn.ts";
import type { TranscriptReader } from "./ports.ts";

/** Of one conversation, and of all of a thread; without large outputs, which are read anew each time. */
const RECALL_BYTES_MAX = 8 * 1024 * 1024;
const CACHE_BYTES_MAX = 4 * RECALL_BYTES_MAX;
const RECALL_DEFAULT = 5;
const RECALL_MAX = 100;

interface Known {
  /** Consecutive, oldest first, checked. */
  readonly events: readonly TranscriptEvent[];
  readonly bytes: number;
}

export class ConversationMemory {
  private readonly known = new Map<string, Known>();
  private readonly reader: TranscriptReader;
  private readonly sha256: Sha256Hex;
  private total = 0;

  constructor(reader: TranscriptReader, sha256: Sha256Hex) {
    this.reader = reader;
    this.sha256 = sha256;
  }

  get bytes(): number {
    return this.total;
  }

  /** The events at hand for a dispatch, without asking anybody: what is kept, continued by what the dispatch brought. */
  atHand(dispatch: Dispatch): readonly TranscriptEvent[] {
    const kept = this.known.get(dispatch.conversation)?.events ?? [];
    const first = dispatch.events[0];
    if (first === undefined) return kept.at(-1)?.id === dispatch.root ? kept : [];
    const before = kept.filter((event) => event.seq < first.seq);
    return before.at(-1)?.id === first.prev ? [...before, ...dispatch.events] : dispatch.events;
  }

  /** The whole conversation up to the dispatch, as far as the bound allows. @throws TriadError where pages are missing or do not link. */
  async load(dispatch: Dispatch): Promise<readonly TranscriptEvent[]> {
    let events = this.atHand(dispatch);
    verifyEvents(dispatch.events, dispatch.root, this.sha256);
    let bytes = bytesOf(events);
    while (bytes < RECALL_BYTES_MAX) {
      const from = firstOf(events, dispatch.eventsTotal + 1);
      if (from <= 1) break;
      const next = events[0]?.prev ?? dispatch.root;
      const page = await this.readBefore(dispatch.conversation, from, next);
      events = [...page, ...events];
      bytes += bytesOf(page);
    }
    this.keep(dispatch.conversation, events, bytes);
    return events;
  }

  /** The k events that answer the query best, best first. */
  async recall(dispatch: Dispatch, query: string, k: number = RECALL_DEFAULT): Promise<readonly Recalled[]> {
    const events = (await this.load(dispatch)).filter((event) => event.type !== "ended");
    const scores = bm25Scores(
      query,
      events.map((event) => `${event.by} ${event.text} ${factText(event)}`),
    );
    const found = events
      .map((event, index) => ({ event, score: scores[index] ?? 0 }))
      .filter((found) => found.score > 0)
      .sort((a, b) => b.score - a.score || b.event.seq - a.event.seq)
      .slice(0, Math.max(1, Math.min(k, RECALL_MAX)));
    return this.withWholeTexts(found);
  }

  /** The whole text of an event, also where the transcript holds its beginning. @throws TriadError where it cannot be had in time. */
  async textOf(event: TranscriptEvent): Promise<string> {
    return event.body === undefined ? event.text : this.reader.readBody(event.body);
  }

  /** Large outputs are searched by their beginnings and given whole, the best first, as far as the bound allows. */
  private async withWholeTexts(found: readonly Recalled[]): Promise<readonly Recalled[]> {
    let room = limits.RECALL_BODIES_BYTES_MAX;
    const whole: Recalled[] = [];
    for (const recalled of found) {
      const { event, score } = recalled;
      const bytes = event.body?.bytes ?? 0;
      const fits = bytes <= room;
      if (fits) room -= bytes;
      whole.push(bytes > 0 && fits ? { event: { ...event, text: await this.textOf(event) }, score } : recalled);
    }
    return whole;
  }

  /**
   * Everything in [?, before): pages come oldest first and end where the coordinator's bound ends them, so the gap is walked from its end
   * in spans that halve until one page reaches it.
   */
  private async readBefore(conversation: string, before: number, next: string): Promise<readonly TranscriptEvent[]> {
    let span = PAGE_EVENTS;
    for (;;) {
      const from = Math.max(1, before - span);
      const page = await this.reader.read(conversation, from, before - 1);
      const last = page.at(-1);
      if (page[0]?.seq !== from || last === undefined) {
        throw new TriadError("TRIAD_FRAME_INVALID", `a coordinator sent no events from ${from} of the conversation`, { from });
      }
      if (last.seq === before - 1) {
        verifyEvents(page, next, this.sha256);
        return page;
      }
      span = Math.max(1, Math.floor(span / 2));
    }
  }

  private keep(conversation: string, events: readonly TranscriptEvent[], bytes: number): void {
    const earlier = this.known.get(conversation);
    if (earlier !== undefined) {
      this.known.delete(conversation);
      this.total -= earlier.bytes;
    }
    this.known.set(conversation, { events, bytes });
    this.total += bytes;
    for (const [oldest, known] of this.known) {
      if (this.total <= CACHE_BYTES_MAX || oldest === conversation) break;
      this.known.delete(oldest);
      this.total -= known.bytes;
    }
  }
}

/** Events asked for at once; a page may hold fewer. */
const PAGE_EVENTS = 512;

function firstOf(events: readonly TranscriptEvent[], otherwise: number): number {
  return events[0]?.seq ?? otherwise;
}

const EVENT_BYTES = 300;

function bytesOf(events: readonly TranscriptEvent[]): number {
  return events.reduce((sum, event) => sum + EVENT_BYTES + utf8Length(event.text) + utf8Length(JSON.stringify(event.facts)), 0);
}

function factText(event: TranscriptEvent): string {
  return Object.entries(event.facts)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
