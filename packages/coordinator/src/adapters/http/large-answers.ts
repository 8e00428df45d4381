/**
 * Sends views, in pieces where they are large: between two pieces Raft gets its turn, and a piece is made only when the reader has taken the one
 * before. Owns the bound of such answers, since each holds its texts in memory until it is sent, and their end.
 */

import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { TriadError } from "@triad/protocol";
import type { FastifyReply } from "fastify";
import { isLarge, jsonPieces } from "./json-pieces.ts";

/** Large answers on their way at once; each holds up to VIEW_BODIES_BYTES_MAX of text. */
const LARGE_ANSWERS_MAX = 8;
/** A reader that has not taken its answer by then is cut off: others wait for its place. */
const LARGE_ANSWER_MS = 120_000;

export class LargeAnswers {
  private sending = 0;

  /** Throws TRIAD_OVERLOADED at the bound. */
  send(reply: FastifyReply, view: object): FastifyReply {
    if (!isLarge(view)) return reply.send(view);
    if (this.sending >= LARGE_ANSWERS_MAX) throw new TriadError("TRIAD_OVERLOADED", "Too many large answers are being sent; repeat later.");
    this.sending++;
    const pieces = Readable.from(paced(view), { objectMode: false });
    const late = setTimeout(() => reply.raw.destroy(), LARGE_ANSWER_MS);
    pieces.once("close", () => {
      clearTimeout(late);
      this.sending--;
    });
    return reply.type("application/json; charset=utf-8").send(pieces);
  }
}

async function* paced(view: object): AsyncGenerator<Buffer> {
  for (const piece of jsonPieces(view)) {
    yield Buffer.from(piece);
    await nextTurn();
  }
}
