/**
 * Whether an outside nats-server answers and takes our credentials, asked before anything is started. Speaks the first lines of the NATS
 * client protocol (INFO, CONNECT, PING); the processes themselves use the NATS client.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { TriadError } from "@triad/protocol/words";

const PROBE_MS = 3_000;
/** INFO of a large cluster names its servers; beyond this it is no nats-server. */
const ANSWER_CHARACTERS_MAX: number = 64 * 1024;

/** The address without what is secret in it. */
export function shownNatsUrl(text: string): string {
  return text
    .split(",")
    .map((part) => new URL(part.trim()))
    .map((url) => `${url.protocol}//${url.host}`)
    .join(",");
}

/** One of several is enough: the clients go round them. Throws TRIAD_NATS_UNREACHABLE or TRIAD_NATS_UNAUTHORIZED. */
export async function probeNats(address: string): Promise<void> {
  let failure: unknown;
  for (const part of address.split(",")) {
    try {
      await probeOne(part.trim());
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function probeOne(address: string): Promise<void> {
  const url = new URL(address);
  const shown = shownNatsUrl(url.href);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    let socket: Socket = connect({ host, port: Number(url.port || "4222") });
    let text = "";
    const settle = (error?: TriadError): void => {
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const unreachable = (why: string): void =>
      settle(new TriadError("TRIAD_NATS_UNREACHABLE", `no nats-server answers at ${shown} (${why})`));
    const hear = (chunk: Buffer): void => {
      text += chunk.toString("utf8");
      if (text.length > ANSWER_CHARACTERS_MAX) unreachable("what answers is no nats-server");
      for (let cut = text.indexOf("\r\n"); cut >= 0; cut = text.indexOf("\r\n")) {
        const line = text.slice(0, cut);
        text = text.slice(cut + 2);
        answer(line);
      }
    };
    const answer = (line: string): void => {
      if (line.startsWith("INFO ")) greet(line.slice(5));
      else if (line === "PONG") settle();
      else if (/^-ERR.*(authorization|authentication|credentials|permission)/i.test(line))
        settle(new TriadError("TRIAD_NATS_UNAUTHORIZED", `the nats-server at ${shown} refused the credentials`));
      else if (line.startsWith("-ERR")) unreachable(line.slice(0, 120));
      else if (line !== "PING" && line !== "+OK") unreachable("what answers is no nats-server");
    };
    const greet = (info: string): void => {
      if (!requiresTls(info) && url.protocol !== "tls:") {
        socket.write(hello(url));
        return;
      }
      socket.removeAllListeners("data");
      socket = connectTls({ socket, servername: host });
      listen();
      socket.once("secureConnect", () => socket.write(hello(url)));
    };
    const listen = (): void => {
      socket.setTimeout(PROBE_MS, () => unreachable(`no answer in ${PROBE_MS} ms`));
      socket.on("error", (error: NodeJS.ErrnoException) => unreachable(error.code ?? error.message));
      socket.on("close", () => unreachable("it closed the connection"));
      socket.on("data", hear);
    };
    listen();
  });
}

function requiresTls(info: string): boolean {
  try {
    const parsed: unknown = JSON.parse(info);
    return typeof parsed === "object" && parsed !== null && "tls_required" in parsed && parsed.tls_required === true;
  } catch {
    return false; // not JSON: the answer to CONNECT will tell
  }
}

/** A user without a password is a token, as in NATS's own URLs. */
function hello(url: URL): string {
  const user = decodeURIComponent(url.username);
  const pass = decodeURIComponent(url.password);
  const credentials = user === "" ? {} : pass === "" ? { auth_token: user } : { user, pass };
  return `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, lang: "triad", version: "0", protocol: 1, ...credentials })}\r\nPING\r\n`;
}
