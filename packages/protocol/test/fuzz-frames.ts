/**
 * Hostile frames, from a seed: random bytes, valid frames that were damaged, and frames that claim what they do not hold. Kept apart from
 * what is expected of the decoder (codec-fuzz.test.ts).
 */

/** xorshift32: small, seeded, good enough to choose what to break. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

type Random = () => number;

/** Heads that claim a lot, or that msgpack decoders treat in a way of their own. */
const HOSTILE: readonly (readonly number[])[] = [
  [0xdd, 0xff, 0xff, 0xff, 0xff], // list of 2^32 − 1
  [0xdf, 0xff, 0xff, 0xff, 0xff], // map
  [0xdb, 0xff, 0xff, 0xff, 0xff], // text
  [0xc6, 0xff, 0xff, 0xff, 0xff], // bytes
  [0xdc, 0xff, 0xff],
  [0xde, 0xff, 0xff],
  [0xc9, 0xff, 0xff, 0xff, 0xff, 0x72], // extension: a record table
  [0xd4, 0x72, 0x40], // a record definition
  [0xd6, 0xff, 0x00, 0x00, 0x00, 0x00], // a timestamp
  [0xc7, 0x00, 0x65], // an error object
  [0xd5, 0x73, 0x00, 0x00], // a set
  [0xd5, 0x78, 0x00, 0x00], // a regular expression
  [0xd5, 0x69, 0x00, 0x00], // a reference
  [0xc1], // never used
  [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], // NaN
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // 2^64 − 1
  [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], // −2^63
  [0xa9, ...Buffer.from("__proto__")],
  [0xaa, 0xc1, 0x9f, ...Buffer.from("_proto__")], // the same, its first letter overlong
  [0xab, ...Buffer.from("constructor")],
  [0x81, 0xa9, ...Buffer.from("__proto__"), 0x81, 0xa8, ...Buffer.from("polluted"), 0xc3],
  [0xa4, ...Buffer.from("kind")],
  [0xc0],
  [0x90],
  [0x80],
];

function splice(bytes: Uint8Array, at: number, remove: number, insert: ArrayLike<number>): Uint8Array {
  const out = new Uint8Array(bytes.length - remove + insert.length);
  out.set(bytes.subarray(0, at));
  out.set(Array.from(insert), at);
  out.set(bytes.subarray(at + remove), at + insert.length);
  return out;
}

/** One to four injuries of a valid frame. */
export function damaged(frame: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes = frame;
  for (let injuries = 1 + (random() % 4); injuries > 0; injuries--) {
    const at = random() % (bytes.length + 1);
    const left = bytes.length - at;
    switch (random() % 7) {
      case 0: // one bit
        if (left > 0) bytes = splice(bytes, at, 1, [bytes[at]! ^ (1 << (random() % 8))]);
        break;
      case 1: // one byte
        if (left > 0) bytes = splice(bytes, at, 1, [random() & 255]);
        break;
      case 2: // cut off
        bytes = bytes.slice(0, at);
        break;
      case 3: // a piece left out
        bytes = splice(bytes, at, Math.min(left, random() % 16), []);
        break;
      case 4: // a piece of another frame
        bytes = splice(bytes, at, Math.min(left, random() % 16), other.subarray(random() % (other.length + 1)).subarray(0, random() % 64));
        break;
      case 5: // a head that lies, over what stood there
        bytes = splice(bytes, at, Math.min(left, random() % 3), HOSTILE[random() % HOSTILE.length]!);
        break;
      default: // a value for a value: what stays well-formed gets past the scan
        if (left > 0) bytes = splice(bytes, at, 1, [[0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xff, 0x80, 0x90, 0xa0][random() % 9]!]);
    }
  }
  return bytes;
}

/** Random bytes, half of them behind the head of an envelope. */
export function randomBytes(random: Random): Uint8Array {
  const body = Uint8Array.from({ length: random() % 200 }, () => random() & 255);
  return random() % 2 === 0 ? body : splice(body, 0, 0, [0x95, 0x01, 0xa0, 0xc0, 0xc0]);
}

/** Frames that claim more than they hold, at every place where a value may stand. */
export function liars(frame: Uint8Array): Uint8Array[] {
  return HOSTILE.flatMap((head) => Array.from({ length: Math.min(frame.length, 64) }, (_, at) => splice(frame, at, 1, head)));
}
