/**
 * The codec on frames that are what they say, and on frames that are wrong in one place: every kind comes back as it was sent, and each
 * wrong place is refused. Random and mutated bytes: codec-fuzz.test.ts.
 */
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { checkCommand, decodeCommands, decodeMessage, ENVELOPE_VERSION, encodeCommands, encodeMessage } from "../src/codec.ts";
import type { Command, CommandType } from "../src/commands.ts";
import { TriadError } from "../src/errors.ts";
import {
  ENTRY_BYTES_MAX,
  ENTRY_COMMANDS_MAX,
  FRAME_BYTES_MAX,
  FRAME_CONTAINERS_MAX,
  FRAME_DEPTH_MAX,
  INLINE_BODY_BYTES_MAX,
} from "../src/limits.ts";
import type { Heartbeat, MessageKind } from "../src/messages.ts";
import { ROUTING_DIM } from "../src/triple.ts";
import { command, commandByType, message, messageByKind, text } from "./arbitraries.ts";

const plain = new Packr({ useRecords: false, variableMapSize: true });
const frame = (body: unknown): Uint8Array => plain.pack([ENVELOPE_VERSION, "", null, null, body]);

/** The code of the error that a call ends with. */
function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof TriadError) return error.code;
    throw error;
  }
  return "none";
}

const heartbeat: Heartbeat = {
  kind: "heartbeat",
  worker: "w1",
  bootId: "b-1",
  token: 1,
  echoTerm: 2,
  echoNo: 3,
  fences: [256, 512],
  threads: 2,
  inFlight: 1,
  lagMs: 0.5,
};
const openTask: Command = {
  type: "OpenTask",
  task: "t-1",
  conversation: "c-1",
  requestDigest: "d",
  input: "hello",
  observations: [],
  strategy: { kind: "single" },
  facts: {},
  maxTransitions: 64,
  assign: [],
};

describe("messages", () => {
  it.each(Object.keys(messageByKind) as MessageKind[])("%s comes back as it was sent", (kind) => {
    fc.assert(
      fc.property(messageByKind[kind], (sent) => {
        expect(decodeMessage(encodeMessage(sent))).toEqual({ id: "", message: sent });
      }),
    );
  });

  it("carry id, causation and deadline, or none of them", () => {
    const header = fc.record({ id: text(60), causation: text(60), deadlineAt: fc.maxSafeNat() }, { requiredKeys: ["id"] });
    fc.assert(
      fc.property(message, header, (sent, envelope) => {
        expect(decodeMessage(encodeMessage(sent, envelope))).toEqual({ ...envelope, message: sent });
      }),
    );
  });

  it("are decoded from the middle of a larger buffer", () => {
    const bytes = encodeMessage(heartbeat);
    const larger = new Uint8Array(bytes.length + 7).fill(0xc1);
    larger.set(bytes, 3);
    expect(decodeMessage(larger.subarray(3, 3 + bytes.length)).message).toEqual(heartbeat);
  });

  it("lose fields that nobody knows: a newer sender is understood", () => {
    expect(decodeMessage(frame({ ...heartbeat, later: { any: 1 } })).message).toEqual(heartbeat);
  });

  it("above the frame limit are not sent", () => {
    const events = Array.from({ length: 9 }, (_, i) => ({
      seq: i + 1,
      prev: "",
      id: "",
      type: "step" as const,
      at: 0,
      task: "t",
      step: 1,
      by: "a",
      text: "x".repeat(INLINE_BODY_BYTES_MAX),
      facts: {},
    }));
    expect(codeOf(() => encodeMessage({ kind: "transcript", events }))).toBe("TRIAD_FRAME_TOO_LARGE");
    expect(decodeMessage(encodeMessage({ kind: "transcript", events: events.slice(0, 7) })).message).toEqual({
      kind: "transcript",
      events: events.slice(0, 7),
    });
  });
});

describe("commands", () => {
  it.each(Object.keys(commandByType) as CommandType[])("%s comes back as it was written", (type) => {
    fc.assert(
      fc.property(fc.array(commandByType[type] as fc.Arbitrary<Command>, { maxLength: 3 }), fc.maxSafeNat(), (commands, at) => {
        expect(decodeCommands(encodeCommands(at, commands), ENTRY_BYTES_MAX * 4)).toEqual({ at, commands });
      }),
      { numRuns: 50 },
    );
  });

  it("above the entry's own limits are refused", () => {
    const many = encodeCommands(
      1,
      Array.from({ length: ENTRY_COMMANDS_MAX + 1 }, (): Command => ({ type: "Tick" })),
    );
    expect(codeOf(() => decodeCommands(many, ENTRY_BYTES_MAX))).toBe("TRIAD_FRAME_INVALID");
    const bytes = encodeCommands(1, [openTask]);
    expect(decodeCommands(bytes, bytes.length).commands).toEqual([openTask]);
    expect(codeOf(() => decodeCommands(bytes, bytes.length - 1))).toBe("TRIAD_FRAME_INVALID");
  });

  it("pass checkCommand as they are, without what nobody knows", () => {
    fc.assert(
      fc.property(command, (of) => {
        expect(checkCommand({ ...of, later: 1 })).toEqual(of);
      }),
    );
    expect(codeOf(() => checkCommand({ type: "Unknown" }))).toBe("TRIAD_FRAME_INVALID");
  });
});

describe("a frame that is wrong in one place is refused", () => {
  it.each<[string, unknown]>([
    ["no envelope", heartbeat],
    ["another version", [ENVELOPE_VERSION + 1, "", null, null, heartbeat]],
    ["a version of another type", ["1", "", null, null, heartbeat]],
    ["a field too few", [ENVELOPE_VERSION, "", null, heartbeat]],
    ["a field too many", [ENVELOPE_VERSION, "", null, null, heartbeat, 1]],
    ["an id that is no text", [ENVELOPE_VERSION, 7, null, null, heartbeat]],
    ["an id too long", [ENVELOPE_VERSION, "x".repeat(129), null, null, heartbeat]],
    ["a causation of another type", [ENVELOPE_VERSION, "", 7, null, heartbeat]],
    ["a deadline that is no time", [ENVELOPE_VERSION, "", null, -1, heartbeat]],
    ["a deadline in fractions", [ENVELOPE_VERSION, "", null, 1.5, heartbeat]],
  ])("envelope: %s", (_what, parts) => {
    expect(codeOf(() => decodeMessage(plain.pack(parts)))).toBe("TRIAD_FRAME_INVALID");
  });

  it.each<[string, object]>([
    ["an unknown kind", { kind: "heartbeats" }],
    ["a kind of another type", { kind: 7 }],
    ["a name with a wildcard", { worker: "w.*" }],
    ["a name too long", { worker: "w".repeat(65) }],
    ["a number as text", { token: "1" }],
    ["a negative number", { token: -1 }],
    ["a fraction", { token: 1.5 }],
    ["a number beyond 2^53", { token: 2 ** 60 }],
    ["NaN", { lagMs: Number.NaN }],
    ["an infinity", { lagMs: Number.POSITIVE_INFINITY }],
    ["a list of another type", { fences: ["256"] }],
    ["an object as list", { fences: { length: 1 } }],
    ["null", { fences: null }],
    ["a list above its bound", { fences: new Array(65_537).fill(0) }],
  ])("message: %s", (_what, wrong) => {
    expect(codeOf(() => decodeMessage(frame({ ...heartbeat, ...wrong })))).toBe("TRIAD_FRAME_INVALID");
  });

  it.each(Object.keys(heartbeat))("message: without %s", (field) => {
    expect(codeOf(() => decodeMessage(frame(Object.fromEntries(Object.entries(heartbeat).filter(([name]) => name !== field)))))).toBe(
      "TRIAD_FRAME_INVALID",
    );
  });

  it.each<[string, object]>([
    ["an input above the inline limit", { input: "x".repeat(INLINE_BODY_BYTES_MAX + 1) }],
    ["a vector of another length", { embedding: new Uint8Array(ROUTING_DIM - 1) }],
    ["a vector as list", { embedding: new Array(ROUTING_DIM).fill(0) }],
    ["a weight below zero", { requires: { hotels: -1 } }],
    ["a weight that is text", { requires: { hotels: "1" } }],
    ["requirements as list", { requires: [1] }],
    ["an unknown strategy", { strategy: { kind: "all" } }],
    ["an ensemble of none", { strategy: { kind: "ensemble", agents: 0, aggregate: "first" } }],
    ["facts as list", { facts: [] }],
    ["facts as text", { facts: "{}" }],
    ["a fact without a name", { facts: { "": 1 } }],
    ["a fact's name too long", { facts: { ["x".repeat(129)]: 1 } }],
    ["a fact that is no JSON", { facts: { a: new Uint8Array(1) } }],
    ["a fact that is NaN", { facts: { a: Number.NaN } }],
    ["too many facts", { facts: Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`f${i}`, 1])) }],
    ["hand-offs without end", { maxTransitions: 1e9 }],
    ["null for an optional field", { key: null }],
    ["an id that breaks out of a path", { task: "../t" }],
    [
      "an assignment without its routing",
      { assign: [{ task: "t", step: 1, member: 0, agent: "a", worker: "w", workerToken: 1, requires: {} }] },
    ],
  ])("command: %s", (_what, wrong) => {
    expect(codeOf(() => checkCommand({ ...openTask, ...wrong }))).toBe("TRIAD_FRAME_INVALID");
    expect(codeOf(() => decodeCommands(plain.pack([ENVELOPE_VERSION, 1, [{ ...openTask, ...wrong }]]), FRAME_BYTES_MAX))).toBe(
      "TRIAD_FRAME_INVALID",
    );
  });

  it("nested or branched beyond the bounds", () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    const details = (value: unknown): unknown => ({ kind: "proposed", results: [{ outcome: "ok", details: value }] });
    expect(codeOf(() => decodeMessage(frame(details(nested(FRAME_DEPTH_MAX + 1)))))).toBe("TRIAD_FRAME_INVALID");
    expect(codeOf(() => decodeMessage(frame(details(nested(FRAME_DEPTH_MAX - 10)))))).toBe("none");
    expect(codeOf(() => decodeMessage(frame(details(new Array(FRAME_CONTAINERS_MAX).fill([])))))).toBe("TRIAD_FRAME_INVALID");
  });
});
