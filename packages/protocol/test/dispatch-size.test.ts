/** Limits that meet in one message: a dispatch that is full in every part still fits a frame. */
import { expect, test } from "vitest";
import { encodeMessage } from "../src/codec.ts";
import * as limits from "../src/limits.ts";
import type { Dispatch } from "../src/messages.ts";

/** What the dispatcher takes of a transcript at most. */
const EVENTS = 64;
const HASH = "f".repeat(64);
const NAME = "n".repeat(limits.NAME_LENGTH_MAX);

test("the largest dispatch fits one frame", () => {
  const nameLength = 100;
  const valueLength = Math.floor(limits.FACTS_BYTES_MAX / limits.FACT_NAMES_MAX) - nameLength;
  const names = Array.from({ length: limits.FACT_NAMES_MAX }, (_, i) => `${i}`.padEnd(nameLength, "x"));
  const provenance = { version: 1_000, task: "t".repeat(28), step: limits.MAX_TRANSITIONS_MAX, agent: NAME };
  const textLength = limits.DISPATCH_TRANSCRIPT_BYTES_MAX / EVENTS;
  const dispatch: Dispatch = {
    no: 1,
    fence: Number.MAX_SAFE_INTEGER,
    task: "t".repeat(28),
    step: 1,
    member: 0,
    attempt: 1,
    start: limits.STARTS_MAX,
    alone: false,
    conversation: "c".repeat(128),
    agent: NAME,
    input: "i".repeat(limits.INLINE_BODY_BYTES_MAX),
    requires: {},
    facts: Object.fromEntries(names.map((name) => [name, { value: "v".repeat(valueLength), ...provenance }])),
    events: Array.from({ length: EVENTS }, (_, i) => ({
      seq: i + 1,
      prev: HASH,
      id: HASH,
      type: "step",
      at: 1_800_000_000_000,
      task: "t".repeat(28),
      step: 1,
      by: NAME,
      text: "e".repeat(textLength),
      facts: {},
    })),
    eventsTotal: EVENTS,
    root: HASH,
    context: new Uint8Array(4_096),
    ensemble: false,
    effects: Array.from({ length: limits.EFFECTS_MAX }, (_, i) => ({
      n: i + 1,
      name: NAME,
      inputDigest: HASH,
      attempt: limits.RETRY_ATTEMPTS_MAX,
      outcome: { kind: "returned", value: "r".repeat(limits.EFFECTS_BYTES_MAX / limits.EFFECTS_MAX) },
    })),
  };
  expect(encodeMessage({ kind: "dispatch", term: 1, leader: NAME, items: [dispatch] }).length).toBeLessThan(limits.FRAME_BYTES_MAX);
});
