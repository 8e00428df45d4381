/**
 * The Bus port over NATS. Frames are validated here, once; one that does not fit is counted, logged and dropped, never passed on.
 * While disconnected nothing is handed to the client, because it would queue it and deliver the past after the reconnect.
 */
import { createInbox, errors, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { decodeMessage, encodeMessage, type Message } from "@triad/protocol";
import type { Logger } from "pino";
import type { Answer, Bus } from "../../services/ports.ts";

export interface NatsBusOptions {
  readonly connection: NatsConnection;
  readonly log: Logger;
  frameDropped(): void;
}

export class NatsBus implements Bus {
  private readonly connection: NatsConnection;
  private readonly options: NatsBusOptions;
  private up = true;

  constructor(options: NatsBusOptions) {
    this.connection = options.connection;
    this.options = options;
    void this.watch();
  }

  get connected(): boolean {
    return this.up && !this.connection.isClosed();
  }

  publish(subject: string, message: Message): void {
    if (this.connected) this.connection.publish(subject, encodeMessage(message));
  }

  async request(subject: string, message: Message, timeoutMs: number): Promise<Answer> {
    if (!this.connected) return { kind: "disconnected" };
    const bytes = encodeMessage(message);
    try {
      const reply = await this.connection.request(subject, bytes, { timeout: timeoutMs });
      const decoded = this.decode(reply);
      // A reply that does not validate is as good as none: whoever asked repeats.
      return decoded === undefined ? { kind: "silent" } : { kind: "reply", message: decoded };
    } catch (error) {
      if (error instanceof errors.NoRespondersError || (error instanceof errors.RequestError && error.isNoResponders()))
        return { kind: "noResponder" };
      if (error instanceof errors.TimeoutError || error instanceof errors.RequestError) return { kind: "silent" };
      if (this.connection.isClosed() || error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError) {
        return { kind: "disconnected" };
      }
      throw error;
    }
  }

  async gather(subject: string, message: Message, waitMs: number): Promise<readonly Message[]> {
    if (!this.connected) return [];
    const found: Message[] = [];
    const inbox = createInbox();
    const subscription = this.connection.subscribe(inbox, {
      callback: (error, received) => {
        const decoded = error ? undefined : this.decode(received);
        if (decoded !== undefined) found.push(decoded);
      },
    });
    this.connection.publish(subject, encodeMessage(message), { reply: inbox });
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    subscription.unsubscribe();
    return found;
  }

  subscribe(subject: string, receive: (message: Message) => void): () => void {
    const subscription = this.connection.subscribe(subject, {
      callback: (error, received) => {
        if (error) return this.options.log.warn({ subject, error: error.message }, "a NATS subscription reports an error");
        const decoded = this.decode(received);
        if (decoded !== undefined) receive(decoded);
      },
    });
    return () => subscription.unsubscribe();
  }

  async close(): Promise<void> {
    if (this.connection.isClosed()) return;
    try {
      await this.connection.flush();
    } finally {
      await this.connection.close();
    }
  }

  private decode(received: Msg): Message | undefined {
    // "No responders" comes as an empty message with a status; a request knows it by its error, a gather by finding nothing.
    if (received.data.length === 0) return undefined;
    try {
      return decodeMessage(received.data).message;
    } catch (error) {
      this.options.frameDropped();
      this.options.log.warn(
        { subject: received.subject, error: error instanceof Error ? error.message : String(error) },
        "a frame was dropped",
      );
      return undefined;
    }
  }

  private async watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect" || status.type === "staleConnection") this.up = false;
      else if (status.type === "reconnect") this.up = true;
      if (status.type === "disconnect" || status.type === "reconnect")
        this.options.log.warn({ server: status.server }, `NATS: ${status.type}`);
    }
  }
}
