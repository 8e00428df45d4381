/** The nats-server that a cluster brings with it: where its binary is, and which port it gets. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { TriadError } from "@triad/protocol/words";
import { portFree } from "./ports.ts";

/** The first nats-server on PATH. */
export function findNatsServer(path: string = process.env.PATH ?? ""): string {
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    const file = join(folder, "nats-server");
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // not here
    }
  }
  throw new TriadError(
    "TRIAD_NATS_MISSING",
    "no nats-server on PATH; install it (Debian and Ubuntu: apt-get install nats-server; macOS: brew install nats-server) or name a running one with --nats nats://host:4222 or TRIAD_NATS_URL",
  );
}

/** Below 32768: from there on the kernel picks ports for outgoing connections, and one of ours may sit on it while the server restarts. */
const PORT_FIRST = 27_000;
const PORT_LAST = 32_000;
const PORT_TRIES_MAX = 200;

/** The port that it had, where that is free; else another that is, none of `avoid`. */
export async function chooseNatsPort(last: number | undefined, avoid: readonly number[]): Promise<number> {
  if (last !== undefined && !avoid.includes(last) && (await portFree("127.0.0.1", last))) return last;
  for (let tries = 0; tries < PORT_TRIES_MAX; tries++) {
    const port = PORT_FIRST + Math.floor(Math.random() * (PORT_LAST - PORT_FIRST));
    if (!avoid.includes(port) && (await portFree("127.0.0.1", port))) return port;
  }
  throw new TriadError("TRIAD_PORT_TAKEN", `no free port for nats-server between ${PORT_FIRST} and ${PORT_LAST}`);
}
