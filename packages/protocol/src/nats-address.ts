/**
 * Addresses of nats-servers as users write them: one or several, separated by commas, credentials in the URL (`nats://user:password@host:port`).
 * One place takes them apart, so that secrets are never printed and every process reads them alike. Without URL, which not every runtime of
 * this package has.
 */
import { TriadError } from "./errors.ts";

export interface NatsAddress {
  /** `host:port`, in the order given; at least one. */
  readonly servers: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

const SERVERS_MAX = 32;
const PORT_DEFAULT = 4222;
const ADDRESS = /^(?:(?:nats|tls):\/\/)?(?:([^@/\s]*)@)?(\[[0-9a-fA-F:]+\]|[^:/@\s]+)(?::(\d{1,5}))?\/?$/;

/** Throws TRIAD_NATS_UNREACHABLE for what is no address. The credentials of the first address that has some are used for all. */
export function parseNatsAddress(text: string): NatsAddress {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length === 0 || parts.length > SERVERS_MAX) throw notAnAddress();
  const servers: string[] = [];
  let credentials: Omit<NatsAddress, "servers"> = {};
  for (const part of parts) {
    const [, secret, host, port] = ADDRESS.exec(part) ?? [];
    const number = port === undefined ? PORT_DEFAULT : Number(port);
    if (host === undefined || number < 1 || number > 65_535) throw notAnAddress();
    servers.push(`${host}:${number}`);
    if (secret !== undefined && secret !== "" && credentials.user === undefined && credentials.token === undefined) {
      credentials = credentialsOf(secret);
    }
  }
  return { servers, ...credentials };
}

/** What is wrong is said without the text itself: it may hold a password. */
function notAnAddress(): TriadError {
  return new TriadError("TRIAD_NATS_UNREACHABLE", "not the address of a nats-server (nats://HOST:PORT, several separated by commas)");
}

function credentialsOf(secret: string): Omit<NatsAddress, "servers"> {
  const colon = secret.indexOf(":");
  if (colon < 0) return { token: decoded(secret) };
  return { user: decoded(secret.slice(0, colon)), pass: decoded(secret.slice(colon + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that encodes nothing stands for itself.
    return text;
  }
}
