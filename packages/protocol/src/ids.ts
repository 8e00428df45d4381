/**
 * Ids of tasks, conversations and messages: opaque to users, minted from random bytes, fit for a NATS token, a URL path and a log line.
 * Randomness is an argument, so that minting can be replayed.
 */
import { NAME_LENGTH_MAX } from "./limits.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** 5 bits a character: 26 characters carry 130 bits. */
const ID_CHARACTERS = 26;

export type IdKind = "task" | "conversation" | "request" | "boot" | "node" | "cluster";

const PREFIX: Record<IdKind, string> = { task: "t", conversation: "c", request: "r", boot: "b", node: "n", cluster: "triad" };

/** Mints an id of the form `t-…`; `randomBytes` must give at least `count` unpredictable bytes. */
export function mintId(kind: IdKind, randomBytes: (count: number) => Uint8Array): string {
  const bytes = randomBytes(ID_CHARACTERS);
  let id = `${PREFIX[kind]}-`;
  for (let i = 0; i < ID_CHARACTERS; i++) id += ALPHABET[(bytes[i] ?? 0) & 31];
  return id;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:~-]*$/;
const TOKEN = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/** Ids that clients may choose themselves (tasks never, conversations and keys): printable, no separators of paths or subjects. */
export function isId(text: string): boolean {
  return text.length > 0 && text.length <= 128 && NAME.test(text);
}

/** A name that becomes a token of a NATS subject (cluster, worker, node, agent): no dots, no wildcards. */
export function isToken(text: string): boolean {
  return text.length > 0 && text.length <= NAME_LENGTH_MAX && TOKEN.test(text);
}
