/**
 * The one connection of a process to NATS. It reconnects for ever, every 100 ms with jitter; a server that stops answering is noticed by pings
 * within seconds, not by TCP within minutes. Only the first connection may fail, with one line that says why.
 */
import { readFileSync } from "node:fs";
import { type ConnectionOptions, connect, credsAuthenticator, errors, type NatsConnection } from "@nats-io/transport-node";
import { parseNatsAddress, TriadError } from "@triad/protocol";

/** Besides what the URL itself carries (`nats://user:pass@host`). */
export interface NatsCredentials {
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** Path of a .creds file. */
  readonly credsFile?: string;
}

const RECONNECT_MS = 100;
const RECONNECT_JITTER_MS = 50;
const CONNECT_MS = 5_000;
const PING_MS = 1_000;
const PINGS_UNANSWERED_MAX = 3;

/** @throws TriadError TRIAD_NATS_UNREACHABLE, TRIAD_NATS_UNAUTHORIZED */
export async function connectNats(url: string, name: string, credentials: NatsCredentials = {}): Promise<NatsConnection> {
  const { servers, ...fromUrl } = parseNatsAddress(url);
  const shown = servers.join(", ");
  try {
    return await connect({
      servers: [...servers],
      name,
      timeout: CONNECT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_JITTER_MS,
      ignoreAuthErrorAbort: true,
      pingInterval: PING_MS,
      maxPingOut: PINGS_UNANSWERED_MAX,
      ...authOf({ ...fromUrl, ...credentials }),
    });
  } catch (cause) {
    if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError) {
      throw new TriadError("TRIAD_NATS_UNAUTHORIZED", `the nats-server at ${shown} refused the credentials`, undefined, { cause });
    }
    throw new TriadError("TRIAD_NATS_UNREACHABLE", `no nats-server answers at ${shown}`, undefined, { cause });
  }
}

function authOf(credentials: NatsCredentials): ConnectionOptions {
  if (credentials.credsFile !== undefined) {
    try {
      return { authenticator: credsAuthenticator(readFileSync(credentials.credsFile)) };
    } catch (cause) {
      throw new TriadError("TRIAD_NATS_UNAUTHORIZED", `the credentials file ${credentials.credsFile} cannot be read`, undefined, { cause });
    }
  }
  if (credentials.token !== undefined) return { token: credentials.token };
  if (credentials.user === undefined) return {};
  return { user: credentials.user, ...(credentials.pass === undefined ? {} : { pass: credentials.pass }) };
}
