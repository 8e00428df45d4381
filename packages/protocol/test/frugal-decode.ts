/**
 * A process of its own with a small heap (codec-fuzz.test.ts starts it): decodes frames of the largest size that hold, or claim, as many
 * values as they can, and prints how each was refused and how long that took.
 */
import { decodeMessage } from "../src/codec.ts";
import { TriadError } from "../src/errors.ts";
import { FRAME_BYTES_MAX } from "../src/limits.ts";

const HEAD = Buffer.from([0x95, 0x01, 0xa0, 0xc0, 0xc0]);
const text = (value: string): Buffer => Buffer.concat([Buffer.from([0xa0 + value.length]), Buffer.from(value)]);
const list32 = (length: number): Buffer => Buffer.from([0xdd, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]);

/** A frame of `head` and then as often `unit` as fits, behind a list head that counts them. */
function filled(head: readonly Buffer[], unit: readonly number[]): Buffer {
  const start = Buffer.concat([HEAD, ...head]);
  const count = Math.floor((FRAME_BYTES_MAX - start.length - 5) / unit.length);
  return Buffer.concat([start, list32(count), Buffer.alloc(count * unit.length, Buffer.from(unit))]);
}

const abort = [Buffer.from([0x84]), text("kind"), text("abort"), text("term"), Buffer.from([1]), text("leader"), text("a"), text("fences")];
const decisions = [
  Buffer.from([0x84]),
  text("kind"),
  text("decisions"),
  text("index"),
  Buffer.from([1]),
  text("term"),
  Buffer.from([1]),
  text("decisions"),
];
const proposed = [Buffer.from([0x82]), text("kind"), text("proposed"), text("results")];

const frames: readonly (readonly [string, Buffer])[] = [
  ["a million numbers where few are allowed", filled(abort, [0])],
  ["a million wrong numbers", filled(abort, [0xff])],
  ["a million empty objects where results stand", filled(proposed, [0x80])],
  ["a million empty objects where decisions stand", filled(decisions, [0x80])],
  ["a million empty lists", filled([], [0x90])],
  ["lists in lists", Buffer.concat([HEAD, Buffer.alloc(FRAME_BYTES_MAX - HEAD.length, 0x91)])],
  ["a list that claims 2^32 − 1", Buffer.concat([HEAD, list32(0xffffffff)])],
  ["a text that claims 2^32 − 1", Buffer.concat([HEAD, Buffer.from([0xdb, 255, 255, 255, 255, 65])])],
  ["bytes that claim 2^32 − 1", Buffer.concat([HEAD, Buffer.from([0xc6, 255, 255, 255, 255, 0])])],
  ["a map that claims 2^32 − 1", Buffer.concat([HEAD, Buffer.from([0xdf, 255, 255, 255, 255, 0xa1, 0x61, 0])])],
  ["one byte too many", Buffer.concat([filled(abort, [0]), Buffer.alloc(100)]).subarray(0, FRAME_BYTES_MAX + 1)],
];

const refusals = frames.map(([what, bytes]) => {
  const start = performance.now();
  let code = "none";
  try {
    decodeMessage(bytes);
  } catch (error) {
    code = error instanceof TriadError ? error.code : String(error);
  }
  return { what, code, ms: performance.now() - start };
});
process.stdout.write(JSON.stringify(refusals));
