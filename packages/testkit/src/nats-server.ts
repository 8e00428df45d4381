/**
 * A real nats-server of a test's own: free port, folder of its own, ended by its own pid however the test ends.
 *
 *     await using nats = await NatsServer.start();
 *     const connection = await connect({ servers: nats.url });
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, Hopeless } from "./eventually.ts";
import { freePorts } from "./free-ports.ts";
import { markedEnvironment } from "./processes.ts";

export interface NatsServerOptions {
  /** Further lines of nats-server's configuration: users, limits, clustering. */
  readonly config?: string;
}

const START_MS = 15_000;
/** A port that looked free may be taken the next moment. */
const STARTS_MAX = 5;

type Running = { readonly child: ChildProcess; readonly ended: Promise<void> };

export class NatsServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #logFile: string;
  #running: Running;

  private constructor(port: number, folder: string, running: Running) {
    this.port = port;
    this.#folder = folder;
    this.#logFile = join(folder, "nats.log");
    this.#running = running;
  }

  static async start({ config = "" }: NatsServerOptions = {}): Promise<NatsServer> {
    let failure: unknown;
    for (let tries = 0; tries < STARTS_MAX; tries++) {
      const port = await freePorts(1);
      const folder = mkdtempSync(join(tmpdir(), "triad nats "));
      writeConfig(folder, port, config);
      try {
        return new NatsServer(port, folder, await run(folder, port));
      } catch (error) {
        failure = error;
        rmSync(folder, { recursive: true, force: true });
      }
    }
    throw new Error(`nats-server did not start ${STARTS_MAX} times`, { cause: failure });
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#running.child.pid ?? 0;
  }

  /** What the server has logged so far. */
  get log(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  /** Ends the server: in order, or as by a crash. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const { child, ended } = this.#running;
    child.kill(signal);
    child.kill("SIGCONT");
    const late = setTimeout(() => child.kill("SIGKILL"), START_MS);
    await ended;
    clearTimeout(late);
  }

  /** Ends it if it runs, and starts it again at the address that it had. */
  async restart(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.stop(signal);
    this.#running = await run(this.#folder, this.port);
  }

  /** Other lines of configuration in place of those that it has, from the next restart on. */
  configure(config: string): void {
    writeConfig(this.#folder, this.port, config);
  }

  /** Stops its clock: connections stay open, nothing answers. Returns when every thread of it stands still. */
  pause(): void {
    this.#running.child.kill("SIGSTOP");
    const end = performance.now() + STOP_MS;
    while (!standsStill(this.pid)) {
      if (performance.now() > end) throw new Error(`nats-server ${this.pid} did not stop within ${STOP_MS} ms`);
    }
  }

  resume(): void {
    this.#running.child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A signal is delivered thread by thread: one of them may still answer for a moment. */
const STOP_MS = 5_000;

function standsStill(pid: number): boolean {
  if (process.platform !== "linux") return true;
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).every((task) => /\) [Tt] /.test(readFileSync(`${tasks}/${task}/stat`, "utf8")));
}

function writeConfig(folder: string, port: number, config: string): void {
  writeFileSync(join(folder, "nats.conf"), `listen: "127.0.0.1:${port}"\n${config}\n`);
}

/** Starts the process and waits until it greets. */
async function run(folder: string, port: number): Promise<Running> {
  const log = openSync(join(folder, "nats.log"), "a");
  const child = spawn("nats-server", ["-c", join(folder, "nats.conf")], {
    env: markedEnvironment(randomUUID()),
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let over: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      over = error.message;
      resolve();
    });
    child.once("exit", (code, signal) => {
      over ??= `exit ${code ?? signal}`;
      resolve();
    });
  });
  try {
    await eventually(
      "nats-server greets",
      () => {
        if (over !== undefined) throw new Hopeless(`nats-server: ${over}: ${readFileSync(join(folder, "nats.log"), "utf8").slice(-400)}`);
        return greets(port);
      },
      { withinMs: START_MS },
    );
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    throw error;
  }
  return { child, ended };
}

/** A nats-server sends its INFO line to whoever connects. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(1000, () => settle(false));
    socket.once("error", () => settle(false));
    socket.once("data", (data) => settle(data.toString("latin1").startsWith("INFO ")));
  });
}
