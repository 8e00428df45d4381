/**
 * The connection to nats-server: reconnects for ever, every 100 ms with jitter, and knows whether it is connected, so that nothing is published
 * into a client's buffer while it is not (a burst of stale votes and appends would follow the reconnect).
 */

import { AuthorizationError, connect, type NatsConnection, UserAuthenticationExpiredError } from "@nats-io/transport-node";
import { TriadError } from "@triad/protocol";

export interface NatsLink {
  readonly connection: NatsConnection;
  readonly connected: boolean;
  close(): Promise<void>;
}

const RECONNECT_MS = 100;
const RECONNECT_JITTER_MS = 50;
const CONNECT_TIMEOUT_MS = 2_000;
/** Two missed pings: a server that is stopped (not ended) is noticed. */
const PING_MS = 2_000;

/** `nats://user:password@host:port` as the client takes it: credentials apart from the server. */
export function natsOptions(url: string): { servers: string; user?: string; pass?: string; token?: string } {
  const parsed = new URL(url.includes("://") ? url : `nats://${url}`);
  const servers = `${parsed.hostname}:${parsed.port || "4222"}`;
  if (parsed.username === "") return { servers };
  if (parsed.password === "") return { servers, token: decodeURIComponent(parsed.username) };
  return { servers, user: decodeURIComponent(parsed.username), pass: decodeURIComponent(parsed.password) };
}

/** Connects once, or throws TRIAD_NATS_UNREACHABLE or TRIAD_NATS_UNAUTHORIZED; from then on it reconnects by itself. */
export async function connectNats(url: string, name: string, onStatus: (connected: boolean) => void): Promise<NatsLink> {
  let connection: NatsConnection;
  try {
    connection = await connect({
      ...natsOptions(url),
      name,
      noEcho: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_JITTER_MS,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_MS,
      maxPingOut: 2,
      ignoreAuthErrorAbort: true,
    });
  } catch (cause) {
    if (cause instanceof AuthorizationError || cause instanceof UserAuthenticationExpiredError) {
      throw new TriadError("TRIAD_NATS_UNAUTHORIZED", `the nats-server at ${withoutSecret(url)} refused the credentials`, undefined, {
        cause,
      });
    }
    throw new TriadError("TRIAD_NATS_UNREACHABLE", `no nats-server answers at ${withoutSecret(url)}`, undefined, { cause });
  }
  const state = { connected: true };
  void watch(connection, (connected) => {
    state.connected = connected;
    onStatus(connected);
  });
  return {
    connection,
    get connected() {
      return state.connected;
    },
    close: () => connection.close(),
  };
}

async function watch(connection: NatsConnection, note: (connected: boolean) => void): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect" || status.type === "staleConnection" || status.type === "close") note(false);
    else if (status.type === "reconnect") note(true);
  }
}

function withoutSecret(url: string): string {
  const { servers } = natsOptions(url);
  return servers;
}
