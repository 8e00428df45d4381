/**
 * ≥ 100,000 random and mutated frames: each is a typed rejection or a valid message. Never another error, never a field of a wrong type,
 * never a polluted prototype, never memory beyond what the frame itself is worth. TRIAD_FUZZ_SEED=… repeats a run.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCommands, decodeMessage, encodeCommands, encodeMessage } from "../src/codec.ts";
import { TriadError } from "../src/errors.ts";
import { ENTRY_BYTES_MAX } from "../src/limits.ts";
import { command, message } from "./arbitraries.ts";
import { damaged, liars, randomBytes, randomFrom } from "./fuzz-frames.ts";
import { isPlain, shapeOf } from "./shape.ts";

const seed = Number(process.env["TRIAD_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const RANDOM_FRAMES = 40_000;
const DAMAGED_MESSAGES = 60_000;
const DAMAGED_ENTRIES = 20_000;

const messages = fc.sample(message, { seed, numRuns: 4000 });
const commands = fc.sample(command, { seed, numRuns: 2000 });
const frames = messages.slice(0, 600).map((of, i) => encodeMessage(of, i % 2 === 0 ? {} : { id: `m${i}`, causation: "m0", deadlineAt: i }));
const entries = commands.slice(0, 300).map((of, i) => encodeCommands(i, [of]));

/** Lines of every shape that a valid message and command has. */
const known = new Set<string>();
for (const of of messages) shapeOf(of, "", known);
for (const of of commands) shapeOf(of, "", known);

const prototypeNames = JSON.stringify(
  [Object.prototype, Array.prototype, Uint8Array.prototype].map((of) => Reflect.ownKeys(of).map(String)),
);

/** Decodes a hostile frame. True: it was accepted, and what came out is what some valid message could be. */
function survives(bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown, what: string): boolean {
  const context = `seed ${seed}, ${what}, frame ${Buffer.from(bytes).toString("hex").slice(0, 4000)}`;
  let value: unknown;
  try {
    value = decode(bytes);
  } catch (error) {
    if (error instanceof TriadError && error.code === "TRIAD_FRAME_INVALID") return false;
    throw new Error(`not a typed rejection: ${context}`, { cause: error });
  }
  if (!isPlain(value)) throw new Error(`no plain value: ${context}`);
  const shape = new Set<string>();
  shapeOf(value, "", shape);
  for (const line of shape) if (!known.has(line)) throw new Error(`a shape that no valid message has, "${line}": ${context}`);
  return true;
}

const messageIn = (bytes: Uint8Array): unknown => decodeMessage(bytes).message;
const commandIn = (bytes: Uint8Array): unknown => decodeCommands(bytes, ENTRY_BYTES_MAX).commands[0] ?? { type: "Tick" };

describe(`hostile frames (seed ${seed})`, () => {
  it(`${RANDOM_FRAMES} of random bytes`, () => {
    const random = randomFrom(seed);
    for (let i = 0; i < RANDOM_FRAMES; i++) survives(randomBytes(random), messageIn, `random frame ${i}`);
  });

  it(`${DAMAGED_MESSAGES} damaged messages`, () => {
    const random = randomFrom(seed + 1);
    let accepted = 0;
    for (let i = 0; i < DAMAGED_MESSAGES; i++) {
      const bytes = damaged(frames[random() % frames.length]!, frames[random() % frames.length]!, random);
      if (survives(bytes, messageIn, `damaged message ${i}`)) accepted++;
    }
    // Some must get through (a changed digit, an injury in a text), else the frames are too broken to reach the schemas at all.
    expect(accepted).toBeGreaterThan(DAMAGED_MESSAGES / 1000);
  });

  it(`${DAMAGED_ENTRIES} damaged entries of the log`, () => {
    const random = randomFrom(seed + 2);
    for (let i = 0; i < DAMAGED_ENTRIES; i++) {
      survives(damaged(entries[random() % entries.length]!, entries[random() % entries.length]!, random), commandIn, `damaged entry ${i}`);
    }
  });

  it("that claim more than they hold, at every place", () => {
    for (const frame of frames.slice(0, 20)) for (const bytes of liars(frame)) survives(bytes, messageIn, "a lying frame");
  });

  it("leave no trace in a prototype", () => {
    expect(JSON.stringify([Object.prototype, Array.prototype, Uint8Array.prototype].map((of) => Reflect.ownKeys(of).map(String)))).toBe(
      prototypeNames,
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("hostile frames of full size", () => {
  it("are refused in a process that has no memory to waste", () => {
    // A heap of its own: a measurement beside other tests would measure them. What is above the heap's limit ends the process.
    const run = spawnSync(process.execPath, ["--max-old-space-size=32", join(import.meta.dirname, "fixtures/frugal-decode.ts")], {
      encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
    const refusals = JSON.parse(run.stdout) as { readonly what: string; readonly code: string; readonly ms: number }[];
    expect(refusals.length).toBeGreaterThanOrEqual(8);
    for (const { what, code, ms } of refusals) {
      expect(code, what).toBe("TRIAD_FRAME_INVALID");
      // A worker's lease is two seconds: no frame may hold an event loop for a notable part of it.
      expect(ms, what).toBeLessThan(1000);
    }
  });
});
