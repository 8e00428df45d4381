/**
 * References to stored texts: how many records name each chunk. A record that holds a text retains it when it is written first and releases it when
 * it is removed; what is left without a use has no record any more, and coordinators remove their copies (docs/state.md, Large outputs).
 * Steps, partial answers and events of the transcript count. A task's own output does not: it is the one of its last step, and goes with it.
 */
import type { Body, StoredBody } from "@triad/protocol";
import { keys } from "./keys.ts";
import type { Transaction } from "./transaction.ts";

/** A text that may be none, or may stand in its record as it is. */
export type MaybeStored = Body | StoredBody | null | undefined;

/** A record that holds this text is written; gives the chunks that it refers to. */
export function retainBody(tx: Transaction, body: MaybeStored): readonly string[] {
  const chunks = chunksOf(body);
  for (const hash of chunks) tx.put(keys.chunk(hash), { uses: (tx.chunk(hash)?.uses ?? 0) + 1 });
  return chunks;
}

/** A record that held this text is removed. */
export function releaseBody(tx: Transaction, body: MaybeStored): void {
  for (const hash of chunksOf(body)) {
    const uses = (tx.chunk(hash)?.uses ?? 0) - 1;
    if (uses > 0) tx.put(keys.chunk(hash), { uses });
    else tx.remove(keys.chunk(hash));
  }
}

function chunksOf(body: MaybeStored): readonly string[] {
  return typeof body === "object" && body !== null ? [...new Set(body.chunks)] : [];
}

/** What stands in the transcript for a text: itself, or its beginning and where the whole is. */
export function eventText(body: Body): { readonly text: string; readonly body?: StoredBody } {
  if (typeof body === "string") return { text: body };
  const { head, ref, bytes, chunks } = body;
  return { text: head, body: { ref, bytes, chunks } };
}

/** By what two answers are compared: small ones as texts, stored ones by the hash of the whole. */
export function answerText(body: Body): string {
  return typeof body === "string" ? body : `stored ${body.ref}`;
}
