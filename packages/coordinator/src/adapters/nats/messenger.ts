/**
 * The services' messages over NATS: publishes and requests out, subscriptions in. Every payload goes through the one codec; what does not
 * validate is counted, logged and dropped. Kept apart from what the messages mean.
 */

import { type Msg, type NatsConnection, RequestError, TimeoutError } from "@nats-io/transport-node";
import {
  type ChunkGet,
  type ChunkPut,
  type ChunkReply,
  type Command,
  type CommandResult,
  type CoordinatorStatus,
  DISCOVER_SUBJECT,
  decodeMessage,
  type Envelope,
  encodeMessage,
  type InboxMessage,
  type LiveEvent,
  type Message,
  type Subjects,
  TriadError,
} from "@triad/protocol";
import type { ChunkPeers } from "../../services/body-store/ports.ts";
import type { ForwardOutcome, MessageHandlers, Messenger } from "../../services/ports.ts";
import type { NatsLink } from "./connection.ts";

export interface MessengerOptions {
  readonly link: NatsLink;
  readonly subjects: Subjects;
  readonly self: string;
  readonly dropped: (reason: string, subject: string) => void;
}

/** One subscription a task, however many listen to it here. */
interface Listening {
  readonly handlers: Set<(event: LiveEvent) => void>;
  readonly subscription: { unsubscribe(): void };
}

export class NatsMessenger implements Messenger, ChunkPeers {
  private readonly options: MessengerOptions;
  private readonly connection: NatsConnection;
  private readonly listeners = new Map<string, Listening>();

  constructor(options: MessengerOptions) {
    this.options = options;
    this.connection = options.link.connection;
  }

  get connected(): boolean {
    return this.options.link.connected;
  }

  private publish(subject: string, message: Message): void {
    if (!this.connected) return;
    try {
      this.connection.publish(subject, encodeMessage(message));
    } catch (error) {
      if (!(error instanceof TriadError)) throw error;
      this.options.dropped("tooLarge", subject);
    }
  }

  toWorker(worker: string, message: InboxMessage): void {
    this.publish(this.options.subjects.inbox(worker), message);
  }

  publishDecisions(message: Extract<Message, { kind: "decisions" }>): void {
    this.publish(this.options.subjects.decision(), message);
  }

  publishCommit(index: number, term: number, commands: number): void {
    this.publish(this.options.subjects.commit(0), { kind: "commit", index, term, commands });
  }

  publishStatus(status: CoordinatorStatus): void {
    this.publish(this.options.subjects.status(this.options.self), status);
  }

  async forward(coordinator: string, commands: readonly Command[], timeoutMs: number): Promise<ForwardOutcome> {
    if (!this.connected) return { kind: "silent" };
    const subject = this.options.subjects.propose(coordinator);
    const request = encodeMessage({ kind: "propose", from: this.options.self, commands });
    let data: Uint8Array;
    try {
      data = (await this.connection.request(subject, request, { timeout: Math.max(1, timeoutMs) })).data;
    } catch (error) {
      // Nobody subscribes there: that coordinator is down, and took nothing.
      if (error instanceof RequestError && error.isNoResponders()) return { kind: "notLeader", leader: "" };
      if (error instanceof RequestError || error instanceof TimeoutError) return { kind: "silent" };
      throw error;
    }
    const reply = this.decode(data, subject)?.message;
    switch (reply?.kind) {
      case "proposed":
        return { kind: "results", results: reply.results as readonly CommandResult[] };
      case "notLeader":
      case "refused":
        return reply;
      default:
        return { kind: "silent" };
    }
  }

  async fetchChunk(coordinator: string, hash: string, timeoutMs: number): Promise<Uint8Array | undefined> {
    if (!this.connected) return undefined;
    const subject = this.options.subjects.chunk(coordinator);
    try {
      const request = encodeMessage({ kind: "chunkGet", hash, scope: "here" });
      const { data } = await this.connection.request(subject, request, { timeout: timeoutMs });
      const reply = this.decode(data, subject)?.message;
      return reply?.kind === "chunk" && reply.hash === hash ? reply.bytes : undefined;
    } catch (error) {
      if (error instanceof RequestError || error instanceof TimeoutError) return undefined;
      throw error;
    }
  }

  /** Subscribes to chunks that are to be stored here, and to those that are asked for. */
  serveChunks(answer: (request: ChunkPut | ChunkGet) => Promise<ChunkReply>): void {
    this.answer(this.options.subjects.chunk(this.options.self), async ({ message }) =>
      message.kind === "chunkPut" || message.kind === "chunkGet" ? answer(message) : undefined,
    );
  }

  onLiveEvents(task: string, handler: (event: LiveEvent) => void): () => void {
    const listening = this.listeners.get(task) ?? this.listen(task);
    listening.handlers.add(handler);
    // Whoever leaves last takes the subscription along, in whatever order they came.
    return () => {
      listening.handlers.delete(handler);
      if (listening.handlers.size > 0 || this.listeners.get(task) !== listening) return;
      this.listeners.delete(task);
      listening.subscription.unsubscribe();
    };
  }

  private listen(task: string): Listening {
    const handlers = new Set<(event: LiveEvent) => void>();
    const subscription = this.connection.subscribe(this.options.subjects.taskEvents(task), {
      callback: (error, message) => {
        const live = error ? undefined : this.decode(message.data, message.subject)?.message;
        if (live === undefined) return;
        if (live.kind !== "live" || live.task !== task) return this.options.dropped("invalid", message.subject);
        for (const each of handlers) each(live);
      },
    });
    const listening = { handlers, subscription };
    this.listeners.set(task, listening);
    return listening;
  }

  /** Subscribes to what a coordinator answers and hears. */
  serve(handlers: MessageHandlers): void {
    const { subjects, self } = this.options;
    this.answer(subjects.propose(self), async ({ message }) =>
      message.kind === "propose" ? handlers.propose(message.from, message.commands) : undefined,
    );
    this.answer(subjects.read(self), async ({ message }) => (message.kind === "readTranscript" ? handlers.read(message) : undefined));
    this.answer(DISCOVER_SUBJECT, async ({ message }) => (message.kind === "discover" ? handlers.discover() : undefined));
    this.hear(subjects.heartbeatAll(), ({ message }, subject) => {
      if (message.kind !== "heartbeat" || subject !== subjects.heartbeat(message.worker)) return false;
      handlers.heartbeat(message);
      return true;
    });
    this.hear(subjects.statusAll(), ({ message }, subject) => {
      if (message.kind !== "status" || subject !== subjects.status(message.id)) return false;
      handlers.status(message);
      return true;
    });
  }

  /** `handle` answers false for a message that does not belong on its subject: another kind, or somebody else's name in it. */
  private hear(subject: string, handle: (envelope: Envelope, subject: string) => boolean): void {
    this.connection.subscribe(subject, {
      callback: (error, message) => {
        const envelope = error ? undefined : this.decode(message.data, message.subject);
        if (envelope !== undefined && !handle(envelope, message.subject)) this.options.dropped("invalid", message.subject);
      },
    });
  }

  /** `handle` answers undefined for a message of a kind that does not belong on its subject. */
  private answer(subject: string, handle: (envelope: Envelope) => Promise<Message | undefined>): void {
    const notOurs: Message = { kind: "refused", code: "TRIAD_FRAME_INVALID", message: "not a message that this subject takes" };
    this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        const envelope = this.decode(message.data, message.subject);
        if (envelope === undefined) return this.respond(message, notOurs);
        handle(envelope).then(
          (reply) => {
            if (reply === undefined) this.options.dropped("invalid", message.subject);
            this.respond(message, reply ?? notOurs);
          },
          (failure: unknown) => this.respond(message, { kind: "refused", code: "TRIAD_INTERNAL", message: String(failure) }),
        );
      },
    });
  }

  private respond(message: Msg, reply: Message): void {
    if (message.reply === undefined || message.reply === "" || !this.connected) return;
    message.respond(encodeMessage(reply));
  }

  private decode(data: Uint8Array, subject: string): Envelope | undefined {
    try {
      return decodeMessage(data);
    } catch (error) {
      if (!(error instanceof TriadError)) throw error;
      this.options.dropped("invalid", subject);
      return undefined;
    }
  }
}
