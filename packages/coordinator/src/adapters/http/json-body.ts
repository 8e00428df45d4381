/**
 * Bytes of a body to JSON, the only content type that is taken. Refusing `text/plain` and forms is also what keeps other web pages out: a
 * browser sends those across origins without asking, and `application/json` never.
 */
import { TriadError } from "@triad/protocol";
import type { FastifyInstance } from "fastify";

/** Broken UTF-8 is refused: replaced by U+FFFD it would be committed as something that nobody said. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TriadError("TRIAD_MALFORMED_JSON", "The body is not UTF-8.", undefined, { cause });
  }
}

/** `__proto__` and `constructor.prototype` are refused by fastify's own parser, which this one wraps. */
export function acceptJsonOnly(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser("error", "error");
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, bytes: Buffer, done) => {
    // Clients that set the content type on every request send it with no body too.
    if (bytes.length === 0) return done(null, undefined);
    let text: string;
    try {
      text = decode(bytes);
    } catch (error) {
      return done(error as TriadError);
    }
    return parse(request, text, done);
  });
}
