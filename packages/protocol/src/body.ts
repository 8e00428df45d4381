/**
 * Texts that are too large for the log: cut into chunks that are stored by their hash on the coordinators, and named in the log by a reference.
 * Kept apart from who stores chunks and who asks for them; SHA-256 is an argument, because this package runs in browsers too.
 *
 * B1 A reference stands in the log only after every chunk that it names is durable on a majority. B2 The same text has the same reference: chunks
 * are cut at fixed places, and names are hashes. B3 What is read is checked, chunk by chunk and as a whole, before anyone sees it.
 */
import { BODY_HEAD_LENGTH, CHUNK_BYTES_MAX } from "./limits.ts";

/** SHA-256 as lower-case hex. */
export type BodyHash = (bytes: Uint8Array) => string;

/** A text that is stored in chunks. */
export interface StoredBody {
  /** SHA-256 of the whole text in UTF-8. */
  readonly ref: string;
  /** Length of the whole in UTF-8. */
  readonly bytes: number;
  /** SHA-256 of each chunk, in order; all but the last are CHUNK_BYTES_MAX long. */
  readonly chunks: readonly string[];
}

/** The same with its beginning: what transcripts, views and searches show without reading a chunk. */
export interface BodyRef extends StoredBody {
  readonly head: string;
}

/** A text as commands and records hold it: itself, or where it is. */
export type Body = string | BodyRef;

/** How many chunks a text of this many bytes has. */
export function chunkCount(bytes: number): number {
  return Math.ceil(bytes / CHUNK_BYTES_MAX);
}

/** The beginning of a text that stands for the whole; a surrogate pair is one character and never cut in two. */
export function bodyHead(text: string): string {
  if (text.length <= BODY_HEAD_LENGTH) return text;
  const last = text.charCodeAt(BODY_HEAD_LENGTH - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? BODY_HEAD_LENGTH - 1 : BODY_HEAD_LENGTH);
}

/** The reference of a text and the chunks that it names, by hash; a chunk that occurs twice is stored once. `bytes` is the text in UTF-8. */
export function splitBody(
  text: string,
  bytes: Uint8Array,
  sha256: BodyHash,
): { readonly body: BodyRef; readonly chunks: ReadonlyMap<string, Uint8Array> } {
  const hashes: string[] = [];
  const chunks = new Map<string, Uint8Array>();
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES_MAX) {
    const chunk = bytes.subarray(start, start + CHUNK_BYTES_MAX);
    const hash = sha256(chunk);
    hashes.push(hash);
    chunks.set(hash, chunk);
  }
  return { body: { ref: sha256(bytes), bytes: bytes.length, chunks: hashes, head: bodyHead(text) }, chunks };
}

/** The whole from its chunks; undefined where a chunk is missing or they are not the text that the reference names (B3). */
export function joinBody(body: StoredBody, chunks: ReadonlyMap<string, Uint8Array>, sha256: BodyHash): Uint8Array | undefined {
  const whole = new Uint8Array(body.bytes);
  let offset = 0;
  for (const hash of body.chunks) {
    const chunk = chunks.get(hash);
    if (chunk === undefined || offset + chunk.length > whole.length) return undefined;
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return offset === whole.length && sha256(whole) === body.ref ? whole : undefined;
}
