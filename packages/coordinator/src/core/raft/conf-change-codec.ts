/**
 * Conf changes to entry bytes and back, in the wire format etcd uses (protobuf: ConfChange and ConfChangeV2), written out by hand because
 * the core imports nothing. Kept apart from the change types so that nothing else knows about varints.
 *
 * Invariant: decode(encode(x)) equals x; malformed bytes are a {@link MalformedConfChangeError}, never a guess.
 */
import type { ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV1, ConfChangeV2 } from "./conf-change.ts";
import { isConfChangeV1 } from "./conf-change.ts";
import type { EntryType } from "./types.ts";

const CHANGE_TYPES: readonly ConfChangeType[] = [
  "ConfChangeAddNode",
  "ConfChangeRemoveNode",
  "ConfChangeUpdateNode",
  "ConfChangeAddLearnerNode",
];

const TRANSITIONS: readonly ConfChangeTransition[] = [
  "ConfChangeTransitionAuto",
  "ConfChangeTransitionJointImplicit",
  "ConfChangeTransitionJointExplicit",
];

const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
/** Enough 7-bit groups for 2^53 − 1. */
const VARINT_BYTES_MAX = 8;

export class MalformedConfChangeError extends Error {
  constructor(detail: string) {
    super(`malformed conf change: ${detail}`);
    this.name = "MalformedConfChangeError";
  }
}

/** Entry type and data for a conf change. */
export function encodeConfChange(change: ConfChange): { readonly type: EntryType; readonly data: Uint8Array } {
  const out: number[] = [];
  if (isConfChangeV1(change)) {
    writeVarintField(out, 2, CHANGE_TYPES.indexOf(change.type));
    writeVarintField(out, 3, change.nodeId);
    if (change.context !== undefined) writeBytesField(out, 4, change.context);
    return { type: "EntryConfChange", data: Uint8Array.from(out) };
  }
  // The default transition is left out, so that LEAVE_JOINT is zero bytes.
  const transition = TRANSITIONS.indexOf(change.transition);
  if (transition > 0) writeVarintField(out, 1, transition);
  for (const single of change.changes) {
    const inner: number[] = [];
    writeVarintField(inner, 1, CHANGE_TYPES.indexOf(single.type));
    writeVarintField(inner, 2, single.nodeId);
    writeBytesField(out, 2, inner);
  }
  if (change.context !== undefined) writeBytesField(out, 3, change.context);
  return { type: "EntryConfChangeV2", data: Uint8Array.from(out) };
}

/** The conf change in an entry of type EntryConfChange or EntryConfChangeV2. */
export function decodeConfChange(type: EntryType, data: Uint8Array): ConfChange {
  if (type === "EntryConfChange") return decodeV1(data);
  if (type === "EntryConfChangeV2") return decodeV2(data);
  throw new MalformedConfChangeError(`entry type ${type} carries no conf change`);
}

function decodeV1(data: Uint8Array): ConfChangeV1 {
  let type = 0;
  let nodeId = 0;
  let context: Uint8Array | undefined;
  forEachField(data, (field, value) => {
    if (field === 2) type = asNumber(value);
    else if (field === 3) nodeId = asNumber(value);
    else if (field === 4) context = asBytes(value);
  });
  const change = { type: changeType(type), nodeId };
  return context === undefined ? change : { ...change, context };
}

function decodeV2(data: Uint8Array): ConfChangeV2 {
  let transition = 0;
  let context: Uint8Array | undefined;
  const changes: ConfChangeSingle[] = [];
  forEachField(data, (field, value) => {
    if (field === 1) transition = asNumber(value);
    else if (field === 2) changes.push(decodeSingle(asBytes(value)));
    else if (field === 3) context = asBytes(value);
  });
  const name = TRANSITIONS[transition];
  if (name === undefined) throw new MalformedConfChangeError(`unknown transition ${transition}`);
  const change = { transition: name, changes };
  return context === undefined ? change : { ...change, context };
}

function decodeSingle(data: Uint8Array): ConfChangeSingle {
  let type = 0;
  let nodeId = 0;
  forEachField(data, (field, value) => {
    if (field === 1) type = asNumber(value);
    else if (field === 2) nodeId = asNumber(value);
  });
  return { type: changeType(type), nodeId };
}

function changeType(code: number): ConfChangeType {
  const type = CHANGE_TYPES[code];
  if (type === undefined) throw new MalformedConfChangeError(`unknown change type ${code}`);
  return type;
}

function asNumber(value: number | Uint8Array): number {
  if (typeof value !== "number") throw new MalformedConfChangeError("expected a number");
  return value;
}

function asBytes(value: number | Uint8Array): Uint8Array {
  if (typeof value === "number") throw new MalformedConfChangeError("expected bytes");
  return value;
}

function writeVarintField(out: number[], field: number, value: number): void {
  writeVarint(out, field * 8 + WIRE_VARINT);
  writeVarint(out, value);
}

function writeBytesField(out: number[], field: number, bytes: ArrayLike<number>): void {
  writeVarint(out, field * 8 + WIRE_BYTES);
  writeVarint(out, bytes.length);
  for (let at = 0; at < bytes.length; at++) out.push(bytes[at]!);
}

/** Arithmetic instead of shifts: ids go up to 2^53 − 1, shifts only to 2^32. */
function writeVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    const low = rest % 128;
    out.push(low + 128);
    rest = (rest - low) / 128;
  }
  out.push(rest);
}

function forEachField(data: Uint8Array, visit: (field: number, value: number | Uint8Array) => void): void {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      const byte = data[at++];
      if (byte === undefined) throw new MalformedConfChangeError("truncated number");
      value += (byte % 128) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new MalformedConfChangeError("number too large");
  };
  while (at < data.length) {
    const tag = readVarint();
    const wire = tag % 8;
    const field = (tag - wire) / 8;
    if (wire === WIRE_VARINT) {
      visit(field, readVarint());
    } else if (wire === WIRE_BYTES) {
      const length = readVarint();
      if (at + length > data.length) throw new MalformedConfChangeError("truncated bytes");
      visit(field, data.subarray(at, at + length));
      at += length;
    } else {
      throw new MalformedConfChangeError(`unknown wire type ${wire}`);
    }
  }
}
