/**
 * What passes between a worker's main thread and its step threads, and the bytes that carry it.
 * One transferred buffer holds all frames of a loop turn (performance.md, rule 1). The bytes are V8's own serialisation: it was measured as fast
 * as msgpackr for a dispatch (50 µs there and back for 4 KB), both sides are the same binary, and it keeps Uint8Array and undefined as they are.
 */
import { deserialize, serialize } from "node:v8";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { type CommandResult, type Dispatch, type StoredBody, type TeamManifest, type TranscriptEvent, TriadError } from "@triad/protocol";
import type { EffectCommand, ModelCall, StepOutcome } from "../../services/ports.ts";

/** What a thread is started with. */
export interface ThreadStart {
  readonly port: MessagePort;
  readonly teamUrl: string;
  /** One Int32: the `seq` of the last step begun. Shared, because a thread that blocks or dies tells nothing any more. */
  readonly begun: SharedArrayBuffer;
  readonly logLevel: string;
  readonly worker: string;
}

/** An error as data: classes do not survive the way between threads. */
export interface ThreadError {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

export type ToThread =
  /** `seq` counts the steps sent to this thread, from 1. */
  | { readonly kind: "run"; readonly seq: number; readonly dispatch: Dispatch }
  | { readonly kind: "abort"; readonly fence: number }
  | { readonly kind: "ping"; readonly n: number }
  /** Named by fence and place, which no other thread on this port has: an answer for one that died is nobody's. */
  | {
      readonly kind: "recorded";
      readonly type: EffectCommand["type"];
      readonly fence: number;
      readonly n: number;
      readonly result: CommandResult;
    }
  | { readonly kind: "events"; readonly request: number; readonly events: readonly TranscriptEvent[] }
  | { readonly kind: "body"; readonly request: number; readonly text: string }
  | { readonly kind: "notRead"; readonly request: number; readonly error: ThreadError }
  | { readonly kind: "stop" };

export type FromThread =
  /** The team is loaded; the first thread's manifest is the worker's. */
  | { readonly kind: "ready"; readonly manifest: TeamManifest; readonly digest: string }
  | { readonly kind: "broken"; readonly error: ThreadError }
  | { readonly kind: "started"; readonly fence: number }
  | { readonly kind: "delta"; readonly fence: number; readonly text: string }
  | { readonly kind: "modelCalled"; readonly call: ModelCall }
  | { readonly kind: "record"; readonly command: EffectCommand; readonly bytes: number }
  | { readonly kind: "ended"; readonly fence: number; readonly outcome: StepOutcome }
  | { readonly kind: "pong"; readonly n: number; readonly stateBytes: number }
  | { readonly kind: "readBody"; readonly request: number; readonly body: StoredBody }
  | { readonly kind: "readEvents"; readonly request: number; readonly conversation: string; readonly from: number; readonly to: number };

/** One end of the way: frames sent in one loop turn leave together. */
export class FrameChannel<Out, In> {
  private readonly port: MessagePort;
  private readonly receive: (frame: In) => void;
  private waiting: Out[] = [];
  private closed = false;

  constructor(port: MessagePort, receive: (frame: In) => void) {
    this.port = port;
    this.receive = receive;
    port.on("message", (buffer: ArrayBuffer) => this.take(buffer));
  }

  private take(buffer: ArrayBuffer): void {
    for (const frame of deserialize(new Uint8Array(buffer)) as In[]) this.receive(frame);
  }

  /** Takes what has arrived and was not delivered yet: a dead thread's last words come before the judgement on what it held. */
  drain(): void {
    for (let got = receiveMessageOnPort(this.port); got !== undefined; got = receiveMessageOnPort(this.port)) this.take(got.message);
  }

  send(frame: Out): void {
    if (this.closed) return;
    this.waiting.push(frame);
    if (this.waiting.length === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    if (this.waiting.length === 0 || this.closed) return;
    const bytes = serialize(this.waiting);
    this.waiting = [];
    const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
    const buffer = whole ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    this.port.postMessage(buffer, [buffer as ArrayBuffer]);
  }

  close(): void {
    this.flush();
    this.closed = true;
    this.port.close();
  }
}

export function errorAsData(error: unknown): ThreadError {
  if (error instanceof TriadError) {
    const { code, message, details } = error;
    return details === undefined ? { code, message } : { code, message, details };
  }
  return { code: "TRIAD_INTERNAL", message: error instanceof Error ? error.message : String(error) };
}
