/**
 * The connection to nats-server: reconnects for ever, every 100 ms with jitter, and knows whether it is connected, so that nothing is published
 * into a client's buffer while it is not (a burst of stale votes and appends would follow the reconnect).
 */

import { AuthorizationError, connect, type NatsConnection, UserAuthenticationExpiredError } from "@nats-io/transport-node";
import { parseNatsAddress, TriadError } from "@triad/protocol";

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

/** Connects once, or throws TRIAD_NATS_UNREACHABLE or TRIAD_NATS_UNAUTHORIZED; from then on it reconnects by itself. */
export async function connectNats(url: string, name: string, onStatus: (connected: boolean) => void): Promise<NatsLink> {
  const { servers, ...credentials } = parseNatsAddress(url);
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: [...servers],
      ...credentials,
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
      throw new TriadError("TRIAD_NATS_UNAUTHORIZED", `the nats-server at ${servers.join(", ")} refused the credentials`, undefined, {
        cause,
      });
    }
    throw new TriadError("TRIAD_NATS_UNREACHABLE", `no nats-server answers at ${servers.join(", ")}`, undefined, { cause });
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
