/** The settings that commands share, each with its flag, its variable and its default. TRIAD_DATA_DIR is not among them: it names data sets. */

import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, join, resolve } from "node:path";
import type { Setting } from "./configuration.ts";
import { type LogLevel, type Parsed, parseAgeMs, parseHttpUrl, parseLogLevel, parseNatsUrl, parseWhole } from "./values.ts";

/** Beyond this a majority costs more than it protects. */
export const COORDINATORS_MAX = 9;
/** Processes of one machine; more of them hang on other machines (`triad worker`). */
export const WORKERS_MAX = 64;
export const THREADS_MAX = 256;
export const PORT_MAX = 65_535;

const optional = <T>(setting: Omit<Setting<T>, "fallback">): Setting<T, undefined> => ({ ...setting, fallback: undefined });
const path = (word: string): Parsed<string> =>
  word === "" ? { ok: false, problem: "must be a path" } : { ok: true, value: resolve(word) };

export const dataDir: Setting<string> = {
  flag: "--data-dir",
  env: "TRIAD_CLUSTER_DIR",
  key: "dataDir",
  fallback: resolve(".triad"),
  parse: path,
};
export const team: Setting<string, undefined> = optional({ flag: "--team", env: "TRIAD_TEAM", key: "team", parse: path });
export const host: Setting<string> = {
  flag: "--host",
  env: "TRIAD_HOST",
  key: "host",
  fallback: "127.0.0.1",
  parse: (word) =>
    isIP(word) > 0 || /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(word)
      ? { ok: true, value: word }
      : { ok: false, problem: `must be a host name or an address, not "${word}"` },
};
export const coordinators: Setting<number, undefined> = optional({
  flag: "--coordinators",
  env: "TRIAD_COORDINATORS",
  key: "coordinators",
  parse: (word) => parseWhole(word, 1, COORDINATORS_MAX),
});
export const workers: Setting<number> = {
  flag: "--workers",
  env: "TRIAD_WORKERS",
  key: "workers",
  fallback: 2,
  parse: (word) => parseWhole(word, 0, WORKERS_MAX),
};
export const threads: Setting<number, undefined> = optional({
  flag: "--threads",
  env: "TRIAD_THREADS",
  key: "threads",
  parse: (word) => parseWhole(word, 1, THREADS_MAX),
});
export const http: Setting<number, undefined> = optional({
  flag: "--http",
  env: "TRIAD_HTTP",
  key: "http",
  parse: (word) => parseWhole(word, 1, PORT_MAX),
});
export const nats: Setting<string, undefined> = optional({ flag: "--nats", env: "TRIAD_NATS_URL", key: "nats", parse: parseNatsUrl });
export const url: Setting<string, undefined> = optional({ flag: "--url", env: "TRIAD_URL", key: "url", parse: parseHttpUrl });

/** How long a task is kept after its end. Absent: as the cluster has it already, else its default. */
export const retention: Setting<number, undefined> = optional({
  flag: "--retention",
  env: "TRIAD_RETENTION",
  key: "retention",
  parse: parseAgeMs,
});
/** How long an idempotency key is kept after its request, and at least until its task ends. */
export const keyTtl: Setting<number, undefined> = optional({ flag: "--key-ttl", env: "TRIAD_KEY_TTL", key: "keyTtl", parse: parseAgeMs });

export const logLevel: Setting<LogLevel> = {
  flag: "--log-level",
  env: "TRIAD_LOG_LEVEL",
  key: "logLevel",
  fallback: "info",
  parse: parseLogLevel,
};

/** Whether only this machine reaches it. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127(\.\d{1,3}){3}$/.test(address);
}

/** Where this machine reaches what listens on `address`: "all interfaces" is no address to call. */
export function callableHost(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  if (address === "::") return "[::1]";
  return isIP(address) === 6 ? `[${address}]` : address;
}

/** The concierge of the checkout; undefined where this package was installed alone. */
export function defaultTeamFile(): string | undefined {
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at)) {
    const file = join(at, "teams", "concierge", "team.ts");
    if (existsSync(file)) return file;
  }
  return undefined;
}
