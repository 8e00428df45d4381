/**
 * What an agent's tools give back: the words for the user and the facts that the tools found. Kept apart from the
 * facts that the user settled (`settle.ts`), so that a search can never overwrite a wish.
 */
import type { Tables } from "../data/tables.ts";
import type { Facts, Frame } from "../nlu/frame.ts";

export interface ToolInput {
  readonly frame: Frame;
  /** Facts with this turn's wishes already laid over them. */
  readonly facts: Facts;
  readonly tables: Tables;
}

export interface Answer {
  readonly output: string;
  /** "hotel.ref", "hotel.found", …: names that no wish has. */
  readonly facts: Readonly<Record<string, string>>;
}

/** "a, b and c". */
export function listed(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? "") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const REFERENCE_LENGTH = 8;

/**
 * A booking's reference, made from what was booked and nothing else: a step that runs again after a crash books the
 * same thing under the same reference. FNV-1a over the inputs; it identifies, it does not protect.
 */
export function bookingReference(...inputs: readonly string[]): string {
  let hash = 0x811c9dc5;
  const mix = (code: number): void => {
    hash = Math.imul(hash ^ code, 0x01000193) >>> 0;
  };
  for (const input of inputs) {
    for (let at = 0; at < input.length; at++) mix(input.charCodeAt(at));
    mix(0x1f);
  }
  let text = "";
  for (let at = 0; at < REFERENCE_LENGTH; at++) {
    mix(at);
    text += ALPHABET[(hash >>> 16) % ALPHABET.length] ?? "";
  }
  return text;
}
