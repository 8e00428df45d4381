/** A bus in memory: a test says who answers what, loses what it likes, and cuts the line. */
import { encodeMessage, type Message } from "@triad/protocol";
import type { Answer, Bus } from "../../src/services/ports.ts";

/** "silent" and "noResponder" are answers that do not come. */
export type Responder = (message: Message) => Message | "silent" | "noResponder";

export class MemoryBus implements Bus {
  connected = true;
  readonly published: { readonly subject: string; readonly message: Message }[] = [];
  readonly requests: { readonly subject: string; readonly message: Message }[] = [];
  private readonly responders = new Map<string, Responder>();
  private readonly listeners = new Map<string, (message: Message) => void>();

  answer(subject: string, responder: Responder): void {
    this.responders.set(subject, responder);
  }

  deliver(subject: string, message: Message): void {
    this.listeners.get(subject)?.(message);
  }

  publish(subject: string, message: Message): void {
    if (this.connected) this.published.push({ subject, message });
  }

  async request(subject: string, message: Message): Promise<Answer> {
    if (!this.connected) return { kind: "disconnected" };
    encodeMessage(message); // Refuses what no frame could carry, as the real bus does.
    this.requests.push({ subject, message });
    const answer = this.responders.get(subject)?.(message) ?? "noResponder";
    return typeof answer === "string" ? { kind: answer } : { kind: "reply", message: answer };
  }

  async gather(subject: string, message: Message): Promise<readonly Message[]> {
    if (!this.connected) return [];
    const answer = this.responders.get(subject)?.(message) ?? "silent";
    return typeof answer === "string" ? [] : [answer];
  }

  subscribe(subject: string, receive: (message: Message) => void): () => void {
    this.listeners.set(subject, receive);
    return () => void this.listeners.delete(subject);
  }
}
