/** Ports for servers that a test starts. */
import { createServer } from "node:net";

/** The kernel picks ports for outgoing connections from 32768 on: one of those could sit on a server's port while it restarts. */
const LOWEST = 12_000;
const HIGHEST = 32_000;
const TRIES_MAX = 500;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** The first of `count` ports in a row that nobody listens on. */
export async function freePorts(count = 1): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const base = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST - count));
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${count} free ports in a row`);
}
