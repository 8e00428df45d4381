/**
 * A NATS client of some forty lines, over a socket: what anyone with the address could write to the cluster's subjects. Apart from the
 * client that the cluster itself uses, so that a mistake of it cannot hide one of the cluster. No reconnect, no headers.
 */
import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";

export interface PlainMessage {
  readonly subject: string;
  readonly data: Uint8Array;
}

const CONNECT_MS = 10_000;
const CRLF = Buffer.from("\r\n");

export class PlainNats implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #handlers = new Map<number, (message: PlainMessage) => void>();
  readonly #pongs: (() => void)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #lastSid = 0;
  /** The server's last complaint. */
  complaint: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#feed(chunk));
  }

  static async connect(address: string): Promise<PlainNats> {
    const url = new URL(address);
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(CONNECT_MS, () => reject(new Error(`no nats-server at ${url.host}`)));
      socket.once("error", reject);
      socket.once("connect", resolve);
    });
    socket.setTimeout(0);
    socket.on("error", () => socket.destroy());
    const client = new PlainNats(socket);
    const credentials = url.username === "" ? {} : { user: url.username, pass: url.password };
    socket.write(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, echo: false, ...credentials })}\r\n`);
    await client.flush();
    return client;
  }

  publish(subject: string, data: Uint8Array, reply = ""): void {
    this.#socket.write(`PUB ${subject}${reply === "" ? "" : ` ${reply}`} ${data.length}\r\n`);
    this.#socket.write(data);
    this.#socket.write(CRLF);
  }

  /** The returned function ends the subscription. */
  subscribe(subject: string, handle: (message: PlainMessage) => void): () => void {
    const sid = ++this.#lastSid;
    this.#handlers.set(sid, handle);
    this.#socket.write(`SUB ${subject} ${sid}\r\n`);
    return () => {
      this.#handlers.delete(sid);
      this.#socket.write(`UNSUB ${sid}\r\n`);
    };
  }

  async request(subject: string, data: Uint8Array, withinMs = 10_000): Promise<Uint8Array> {
    const inbox = `_INBOX.${randomUUID()}`;
    let stop = (): void => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        stop = this.subscribe(inbox, (message) => resolve(message.data));
        timer = setTimeout(() => reject(new Error(`${subject} did not answer within ${withinMs} ms`)), withinMs);
        this.publish(subject, data, inbox);
      });
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  /** Resolves when the server has read everything that was written before. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`nats-server did not answer a PING: ${this.complaint ?? "silence"}`)), CONNECT_MS);
      this.#pongs.push(() => {
        clearTimeout(late);
        resolve();
      });
      this.#socket.write("PING\r\n");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  #feed(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const end = this.#rest.indexOf(CRLF);
      if (end < 0) return;
      const line = this.#rest.toString("latin1", 0, end);
      if (!line.startsWith("MSG ")) {
        this.#rest = this.#rest.subarray(end + 2);
        this.#control(line);
        continue;
      }
      const [, subject = "", sid = "", ...rest] = line.split(" ");
      const bytes = Number(rest.at(-1));
      if (this.#rest.length < end + 2 + bytes + 2) return;
      const data = Uint8Array.from(this.#rest.subarray(end + 2, end + 2 + bytes));
      this.#rest = this.#rest.subarray(end + 2 + bytes + 2);
      this.#handlers.get(Number(sid))?.({ subject, data });
    }
  }

  #control(line: string): void {
    if (line === "PING") this.#socket.write("PONG\r\n");
    else if (line === "PONG") this.#pongs.shift()?.();
    else if (line.startsWith("-ERR")) this.complaint = line;
  }
}
