/**
 * What the machine itself takes for the two things that a commit rests on: a request and its answer through nats-server, and a flush of a
 * file that was written before. Each alone, with the smallest client there is, before anything else runs.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { NatsServer } from "@triad/testkit";
import { quantile } from "./statistics.ts";

export interface Floor {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const PAYLOAD = Buffer.alloc(256, "x");
/** What a commit of one step writes, about. */
const FLUSH_BYTES = 1024;
const FILE_BYTES = 4 * 1024 * 1024;

const floorOf = (samples: readonly number[]): Floor => ({ p50Ms: quantile(samples, 0.5), p99Ms: quantile(samples, 0.99) });

/** A write of 1 KiB into a file whose blocks are there already, and its fdatasync. */
export function flushFloor(rounds: number): Floor {
  const folder = mkdtempSync(join(tmpdir(), "triad bench "));
  const file = openSync(join(folder, "flush"), "w+");
  try {
    writeSync(file, Buffer.alloc(FILE_BYTES, 1), 0, FILE_BYTES, 0);
    fdatasyncSync(file);
    const samples: number[] = [];
    for (let i = 0; i < rounds; i++) {
      const bytes = Buffer.alloc(FLUSH_BYTES, i & 255);
      const from = performance.now();
      writeSync(file, bytes, 0, FLUSH_BYTES, (i * FLUSH_BYTES) % FILE_BYTES);
      fdatasyncSync(file);
      samples.push(performance.now() - from);
    }
    return floorOf(samples);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

/** One request in flight between two threads with a connection each: client → server → responder and back. */
export async function natsFloor(rounds: number): Promise<Floor> {
  await using server = await NatsServer.start();
  const responder = new Worker(new URL(import.meta.url), { workerData: { natsPort: server.port } });
  try {
    await new Promise((resolve, reject) => {
      responder.once("message", resolve);
      responder.once("error", reject);
    });
    using client = new PlainClient(server.port);
    await client.subscribe("answer");
    const samples: number[] = [];
    for (let i = 0; i < rounds; i++) {
      const from = performance.now();
      await client.exchange("request");
      samples.push(performance.now() - from);
    }
    return floorOf(samples);
  } finally {
    await responder.terminate();
  }
}

/** As much of NATS' protocol as one message at a time needs. */
class PlainClient implements Disposable {
  readonly #socket: Socket;
  #heard: (() => void) | undefined;
  #awaited = "";
  #seen = "";

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1").setNoDelay(true);
    this.#socket.on("data", (data) => this.#take(data.toString("latin1")));
    this.#socket.write('CONNECT {"verbose":false,"pedantic":false}\r\n');
  }

  #take(text: string): void {
    this.#seen += text;
    if (this.#awaited === "" || !this.#seen.includes(this.#awaited)) return;
    this.#seen = "";
    this.#heard?.();
  }

  #until(awaited: string, send: string): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = awaited;
      this.#heard = resolve;
      this.#socket.write(send);
    });
  }

  /** Resolves when the server has it. */
  subscribe(subject: string): Promise<void> {
    return this.#until("PONG\r\n", `SUB ${subject} 1\r\nPING\r\n`);
  }

  /** Resolves when a message has come back whole. */
  exchange(subject: string): Promise<void> {
    return this.#until(`${PAYLOAD.toString("latin1")}\r\n`, publication(subject));
  }

  /** Answers each message that comes. */
  answer(subject: string): void {
    this.#awaited = `${PAYLOAD.toString("latin1")}\r\n`;
    this.#heard = () => this.#socket.write(publication(subject));
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

function publication(subject: string): string {
  return `PUB ${subject} ${PAYLOAD.length}\r\n${PAYLOAD.toString("latin1")}\r\n`;
}

async function respond(port: number, tell: () => void): Promise<void> {
  const client = new PlainClient(port);
  await client.subscribe("request");
  client.answer("answer");
  tell();
}

const given: unknown = workerData;
if (!isMainThread && typeof given === "object" && given !== null && "natsPort" in given) {
  const { parentPort } = await import("node:worker_threads");
  await respond(Number(given.natsPort), () => parentPort?.postMessage("ready"));
}
