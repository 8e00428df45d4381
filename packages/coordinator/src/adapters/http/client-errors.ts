/** What is not even HTTP: Node's parser refuses it before there is a request, so the answer is written to the bare socket. */
import type { Socket } from "node:net";
import { TriadError } from "@triad/protocol";
import { answerOf } from "./error-answers.ts";

function reasonOf(code: string | undefined): string {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return "The request line and headers are too long.";
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return "The request did not arrive in time.";
    default:
      return "The request is not valid HTTP.";
  }
}

/** Fastify's clientErrorHandler. A reset connection has nobody to answer. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const answer = answerOf(new TriadError("TRIAD_BAD_REQUEST", reasonOf(error.code)));
  const head = { ...answer.headers, "content-length": String(Buffer.byteLength(answer.body)), connection: "close" };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${answer.status} Bad Request\r\n${lines.join("")}\r\n${answer.body}`);
}
