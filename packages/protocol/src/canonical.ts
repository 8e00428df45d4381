/**
 * Canonical bytes for whatever is hashed (theory.md, appendix A): one value, one byte string, on every machine.
 * Tagged values; object fields in ascending order of their UTF-16 code units; integers as zigzag LEB128, other numbers as IEEE 754 big-endian
 * with −0 written as 0; NaN, infinities and undefined are refused. The same bytes are the stored form of state records.
 */

const TAG = { null: 0, false: 1, true: 2, integer: 3, float: 4, text: 5, bytes: 6, list: 7, record: 8 } as const;
const DEPTH_MAX = 64;

export type Canonical =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Canonical[]
  | { readonly [name: string]: Canonical | undefined };

export class CanonicalError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CanonicalError";
  }
}

/** Grows by doubling; one per encode call or reused by a caller that copies the result. */
class Writer {
  bytes = new Uint8Array(256);
  length = 0;
  private view = new DataView(this.bytes.buffer);

  reserve(extra: number): void {
    const wanted = this.length + extra;
    if (wanted <= this.bytes.length) return;
    let size = this.bytes.length * 2;
    while (size < wanted) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Unsigned LEB128 of an integer in [0, 2^53 − 1]. */
  unsigned(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.bytes[this.length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  float(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value === 0 ? 0 : value, false);
    this.length += 8;
  }

  /** UTF-8; a lone surrogate becomes U+FFFD, as TextEncoder has it. Writes the byte length first. */
  text(value: string): void {
    const size = utf8Length(value);
    this.unsigned(size);
    this.reserve(size);
    if (size === value.length) {
      for (let i = 0; i < value.length; i++) this.bytes[this.length++] = value.charCodeAt(i);
      return;
    }
    for (const character of value) {
      let code = character.codePointAt(0) ?? 0xfffd;
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
      if (code < 0x80) this.bytes[this.length++] = code;
      else if (code < 0x800) {
        this.bytes[this.length++] = 0xc0 | (code >> 6);
        this.bytes[this.length++] = 0x80 | (code & 63);
      } else if (code < 0x10000) {
        this.bytes[this.length++] = 0xe0 | (code >> 12);
        this.bytes[this.length++] = 0x80 | ((code >> 6) & 63);
        this.bytes[this.length++] = 0x80 | (code & 63);
      } else {
        this.bytes[this.length++] = 0xf0 | (code >> 18);
        this.bytes[this.length++] = 0x80 | ((code >> 12) & 63);
        this.bytes[this.length++] = 0x80 | ((code >> 6) & 63);
        this.bytes[this.length++] = 0x80 | (code & 63);
      }
    }
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }
}

/** Length in bytes of a string as UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) bytes += 1;
    else if (code >= 0xd800 && code <= 0xdbff && i + 1 < text.length) {
      const low = text.charCodeAt(i + 1);
      if (low >= 0xdc00 && low <= 0xdfff) {
        bytes += 2;
        i++;
      } else bytes += 2;
    } else bytes += 2;
  }
  return bytes;
}

function write(out: Writer, value: Canonical, depth: number): void {
  if (depth > DEPTH_MAX) throw new CanonicalError("nested too deeply");
  if (value === null) out.byte(TAG.null);
  else if (typeof value === "boolean") out.byte(value ? TAG.true : TAG.false);
  else if (typeof value === "number") writeNumber(out, value);
  else if (typeof value === "string") {
    out.byte(TAG.text);
    out.text(value);
  } else if (typeof value !== "object") throw new CanonicalError(`a ${typeof value} has no canonical form`);
  else if (value instanceof Uint8Array) {
    out.byte(TAG.bytes);
    out.unsigned(value.length);
    out.raw(value);
  } else if (Array.isArray(value)) {
    out.byte(TAG.list);
    out.unsigned(value.length);
    for (const item of value as readonly Canonical[]) write(out, item, depth + 1);
  } else writeRecord(out, value as CanonicalRecord, depth);
}

type CanonicalRecord = { readonly [name: string]: Canonical | undefined };

/** Names of the fields that are there, ascending; most records have them so already. */
function namesOf(record: CanonicalRecord): readonly string[] {
  const names = Object.keys(record);
  let ready = true;
  for (let i = 0; i < names.length; i++) {
    if (record[names[i]!] === undefined || (i > 0 && names[i - 1]! > names[i]!)) {
      ready = false;
      break;
    }
  }
  return ready ? names : names.filter((name) => record[name] !== undefined).sort();
}

function writeRecord(out: Writer, record: CanonicalRecord, depth: number): void {
  const names = namesOf(record);
  out.byte(TAG.record);
  out.unsigned(names.length);
  for (const name of names) {
    out.text(name);
    write(out, record[name] as Canonical, depth + 1);
  }
}

function writeNumber(out: Writer, value: number): void {
  if (Number.isSafeInteger(value)) {
    // Zigzag, in doubles: 2n for n ≥ 0, −2n − 1 below; the largest safe integers would overflow it and go as floats.
    const zigzag = value >= 0 ? value * 2 : -value * 2 - 1;
    if (zigzag <= Number.MAX_SAFE_INTEGER) {
      out.byte(TAG.integer);
      out.unsigned(zigzag);
      return;
    }
  }
  if (!Number.isFinite(value)) throw new CanonicalError(`${value} has no canonical form`);
  out.byte(TAG.float);
  out.float(value);
}

/** Canonical bytes of a value. Fields that are undefined count as absent. Throws {@link CanonicalError}. */
export function encodeCanonical(value: Canonical): Uint8Array {
  scratch.length = 0;
  write(scratch, value, 0);
  const bytes = scratch.bytes.slice(0, scratch.length);
  if (scratch.bytes.length > SCRATCH_BYTES_MAX) scratch = new Writer();
  return bytes;
}

/** One writer for all calls: encoding calls nothing that could encode in between, and what it gives is a copy. */
let scratch = new Writer();
/** A large value must not be paid for in memory for ever. */
const SCRATCH_BYTES_MAX = 1024 * 1024;

class Reader {
  private readonly view: DataView;
  at = 0;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    // Never the Buffer that a store or a socket lends: its `slice` shares memory, and what is read here is kept.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw new CanonicalError("cut off");
    this.at++;
    return value;
  }

  unsigned(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 128;
    }
    throw new CanonicalError("an integer beyond 2^53");
  }

  /** A count of things of at least one byte each: never more than is left. */
  count(): number {
    const value = this.unsigned();
    if (value > this.bytes.length - this.at) throw new CanonicalError("cut off");
    return value;
  }

  float(): number {
    if (this.bytes.length - this.at < 8) throw new CanonicalError("cut off");
    const value = this.view.getFloat64(this.at, false);
    if (!Number.isFinite(value)) throw new CanonicalError(`${value} has no canonical form`);
    this.at += 8;
    return value;
  }

  raw(length: number): Uint8Array {
    const value = this.bytes.slice(this.at, this.at + length);
    this.at += length;
    return value;
  }

  text(): string {
    const length = this.count();
    const end = this.at + length;
    let text = "";
    while (this.at < end) {
      const lead = this.byte();
      if (lead < 0x80) text += String.fromCharCode(lead);
      else if (lead < 0xe0) text += String.fromCharCode(((lead & 31) << 6) | (this.byte() & 63));
      else if (lead < 0xf0) text += String.fromCharCode(((lead & 15) << 12) | ((this.byte() & 63) << 6) | (this.byte() & 63));
      else {
        const code = ((lead & 7) << 18) | ((this.byte() & 63) << 12) | ((this.byte() & 63) << 6) | (this.byte() & 63);
        if (code > 0x10ffff) throw new CanonicalError("not UTF-8");
        text += String.fromCodePoint(code);
      }
    }
    if (this.at !== end) throw new CanonicalError("not UTF-8");
    return text;
  }
}

function read(from: Reader, depth: number): Canonical {
  if (depth > DEPTH_MAX) throw new CanonicalError("nested too deeply");
  const tag = from.byte();
  switch (tag) {
    case TAG.null:
      return null;
    case TAG.false:
      return false;
    case TAG.true:
      return true;
    case TAG.integer: {
      const zigzag = from.unsigned();
      return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    case TAG.float:
      return from.float();
    case TAG.text:
      return from.text();
    case TAG.bytes:
      return from.raw(from.count());
    case TAG.list: {
      const length = from.count();
      const list: Canonical[] = [];
      for (let i = 0; i < length; i++) list.push(read(from, depth + 1));
      return list;
    }
    case TAG.record: {
      const length = from.count();
      const record: { [name: string]: Canonical } = {};
      for (let i = 0; i < length; i++) {
        const name = from.text();
        const value = read(from, depth + 1);
        // A name such as __proto__ becomes an own property, never the prototype.
        Object.defineProperty(record, name, { value, enumerable: true, writable: true, configurable: true });
      }
      return record;
    }
    default:
      throw new CanonicalError(`unknown tag ${tag}`);
  }
}

/** The value that canonical bytes stand for; the whole of `bytes` must be used. Throws {@link CanonicalError}. */
export function decodeCanonical(bytes: Uint8Array): Canonical {
  const from = new Reader(bytes);
  const value = read(from, 0);
  if (from.at !== bytes.length) throw new CanonicalError("bytes are left over");
  return value;
}
