/**
 * What travels between coordinators: one frame holds the Raft messages of one sender's turn to one peer. Hand-written and fixed, since
 * it is on the path of every hand-off. A frame is untrusted input: whatever does not parse is a typed rejection, never an exception,
 * and nothing is allocated for a length before the bytes that it claims are known to be there.
 *
 *     frame:   magic u32 · version u8 · 3 zeros · cluster u32 · from u64 · to u64 · boot epoch u64 · crc u32 · count u32 · messages
 *     message: type u8 · flags u8 · context u16 · entries u32 · term · logTerm · index · commit · vote · rejectHint u64 · context · entries
 *     entry:   type u8 · length u32 · term u64 · index u64 · data
 *
 * Little endian. The crc covers everything but itself. Sender and receiver of the messages are those of the frame.
 */
import { crc32 } from "node:zlib";
import type { Entry, EntryType, Message, MessageType } from "../../core/raft/types.ts";

const MAGIC = 0x54524146;
const VERSION = 1;
export const FRAME_HEADER_BYTES = 44;
const CRC_OFFSET = 36;
const MESSAGE_HEADER_BYTES = 56;
const ENTRY_HEADER_BYTES = 21;
const CONTEXT_BYTES_MAX = 0xffff;
/** A frame stops growing here; one message that is larger travels alone (state.md 11: a frame to a peer). */
export const FRAME_BYTES_SOFT_MAX: number = 256 * 1024;
/** What is refused unread: above what a bus carries. */
export const FRAME_BYTES_HARD_MAX: number = 1024 * 1024;
/** No honest cluster gets there (a thousand elections a second for thirty years); a garbled term does (nats-server#6403). */
const TERM_MAX: number = 2 ** 40;

const FLAG_REJECT = 1;
const FLAG_CONTEXT = 2;

/** What may come from another node. Proposals are not forwarded and snapshots not sent, so neither is accepted. */
const WIRE_TYPES: readonly MessageType[] = [
  "MsgApp",
  "MsgAppResp",
  "MsgVote",
  "MsgVoteResp",
  "MsgPreVote",
  "MsgPreVoteResp",
  "MsgHeartbeat",
  "MsgHeartbeatResp",
  "MsgReadIndex",
  "MsgReadIndexResp",
  "MsgTransferLeader",
  "MsgTimeoutNow",
];
const ENTRY_TYPES: readonly EntryType[] = ["EntryNormal", "EntryConfChange", "EntryConfChangeV2"];

export type FrameRejection =
  | "tooLarge"
  | "tooShort"
  | "magic"
  | "version"
  | "cluster"
  | "checksum"
  | "receiver"
  | "sender"
  | "staleBoot"
  | "malformed";

export interface FrameHeader {
  /** Hash of the cluster's name. */
  readonly cluster: number;
  readonly from: number;
  readonly to: number;
  readonly bootEpoch: number;
}

export type DecodedFrame =
  | { readonly ok: true; readonly bootEpoch: number; readonly messages: readonly Message[] }
  | { readonly ok: false; readonly reason: FrameRejection };

export function clusterHash(cluster: string): number {
  return crc32(new TextEncoder().encode(cluster));
}

export function isWireMessage(message: Message): boolean {
  return WIRE_TYPES.includes(message.type) && message.snapshot === undefined;
}

export function messageBytes(message: Message): number {
  let bytes = MESSAGE_HEADER_BYTES + (message.context?.length ?? 0);
  for (const entry of message.entries) bytes += ENTRY_HEADER_BYTES + entry.data.length;
  return bytes;
}

function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 0x1_0000_0000, true);
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
}

function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true);
}

/** The crc of all but its own four bytes. */
function frameCrc(frame: Uint8Array): number {
  return crc32(frame.subarray(CRC_OFFSET + 4), crc32(frame.subarray(0, CRC_OFFSET)));
}

/** Who says that it sent the frame; 0 where it is too short to say. Whether that is true shows with its checksum, in decodeFrame. */
export function frameSender(frame: Uint8Array): number {
  if (frame.length < FRAME_HEADER_BYTES) return 0;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  return view.getUint32(12, true) + view.getUint32(16, true) * 2 ** 32;
}

export function encodeFrame(header: FrameHeader, messages: readonly Message[]): Uint8Array {
  let bytes = FRAME_HEADER_BYTES;
  for (const message of messages) bytes += messageBytes(message);
  const frame = new Uint8Array(bytes);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, VERSION);
  view.setUint32(8, header.cluster, true);
  writeU64(view, 12, header.from);
  writeU64(view, 20, header.to);
  writeU64(view, 28, header.bootEpoch);
  view.setUint32(40, messages.length, true);
  let offset = FRAME_HEADER_BYTES;
  for (const message of messages) offset = encodeMessage(frame, view, offset, message);
  view.setUint32(CRC_OFFSET, frameCrc(frame), true);
  return frame;
}

function encodeMessage(frame: Uint8Array, view: DataView, start: number, message: Message): number {
  const { context, entries } = message;
  if (!isWireMessage(message)) throw new RangeError(`${message.type} does not travel between nodes`);
  if ((context?.length ?? 0) > CONTEXT_BYTES_MAX) throw new RangeError("a message's context is too large");
  view.setUint8(start, WIRE_TYPES.indexOf(message.type) + 1);
  view.setUint8(start + 1, (message.reject ? FLAG_REJECT : 0) | (context === undefined ? 0 : FLAG_CONTEXT));
  view.setUint16(start + 2, context?.length ?? 0, true);
  view.setUint32(start + 4, entries.length, true);
  writeU64(view, start + 8, message.term);
  writeU64(view, start + 16, message.logTerm);
  writeU64(view, start + 24, message.index);
  writeU64(view, start + 32, message.commit);
  writeU64(view, start + 40, message.vote);
  writeU64(view, start + 48, message.rejectHint);
  let offset = start + MESSAGE_HEADER_BYTES;
  if (context !== undefined) {
    frame.set(context, offset);
    offset += context.length;
  }
  for (const entry of entries) {
    view.setUint8(offset, ENTRY_TYPES.indexOf(entry.type));
    view.setUint32(offset + 1, entry.data.length, true);
    writeU64(view, offset + 5, entry.term);
    writeU64(view, offset + 13, entry.index);
    frame.set(entry.data, offset + ENTRY_HEADER_BYTES);
    offset += ENTRY_HEADER_BYTES + entry.data.length;
  }
  return offset;
}

/**
 * Checks and reads a frame that came from `expected.from` for `expected.to`. Entry data are views of `frame`, which must not be
 * changed afterwards.
 */
export function decodeFrame(
  frame: Uint8Array,
  expected: { readonly cluster: number; readonly from: number; readonly to: number },
): DecodedFrame {
  if (frame.length > FRAME_BYTES_HARD_MAX) return { ok: false, reason: "tooLarge" };
  if (frame.length < FRAME_HEADER_BYTES) return { ok: false, reason: "tooShort" };
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (view.getUint32(0, true) !== MAGIC) return { ok: false, reason: "magic" };
  if (view.getUint8(4) !== VERSION) return { ok: false, reason: "version" };
  if (view.getUint32(8, true) !== expected.cluster) return { ok: false, reason: "cluster" };
  if (view.getUint32(CRC_OFFSET, true) !== frameCrc(frame)) return { ok: false, reason: "checksum" };
  if (readU64(view, 20) !== expected.to) return { ok: false, reason: "receiver" };
  if (readU64(view, 12) !== expected.from) return { ok: false, reason: "sender" };
  const bootEpoch = readU64(view, 28);
  const count = view.getUint32(40, true);
  if (!Number.isSafeInteger(bootEpoch) || count * MESSAGE_HEADER_BYTES > frame.length) return { ok: false, reason: "malformed" };
  const messages: Message[] = [];
  let offset = FRAME_HEADER_BYTES;
  for (let read = 0; read < count; read++) {
    const decoded = decodeMessage(frame, view, offset, expected);
    if (decoded === undefined) return { ok: false, reason: "malformed" };
    messages.push(decoded.message);
    offset = decoded.end;
  }
  if (offset !== frame.length) return { ok: false, reason: "malformed" };
  return { ok: true, bootEpoch, messages };
}

interface DecodedMessage {
  readonly message: Message;
  readonly end: number;
}

function decodeMessage(
  frame: Uint8Array,
  view: DataView,
  start: number,
  peers: { readonly from: number; readonly to: number },
): DecodedMessage | undefined {
  if (start + MESSAGE_HEADER_BYTES > frame.length) return undefined;
  const type = WIRE_TYPES[view.getUint8(start) - 1];
  const flags = view.getUint8(start + 1);
  const contextBytes = view.getUint16(start + 2, true);
  const entryCount = view.getUint32(start + 4, true);
  const [term, logTerm, index, commit, vote, rejectHint] = [8, 16, 24, 32, 40, 48].map((field) =>
    readU64(view, start + field),
  ) as SixNumbers;
  if (type === undefined || flags > (FLAG_REJECT | FLAG_CONTEXT)) return undefined;
  if (term > TERM_MAX || logTerm > TERM_MAX || ![index, commit, vote, rejectHint].every(Number.isSafeInteger)) return undefined;
  const entriesStart = start + MESSAGE_HEADER_BYTES + contextBytes;
  if (entriesStart + entryCount * ENTRY_HEADER_BYTES > frame.length) return undefined;
  const hasContext = (flags & FLAG_CONTEXT) !== 0;
  if (!hasContext && contextBytes > 0) return undefined;
  const decoded = decodeEntries(frame, view, entriesStart, entryCount);
  if (decoded === undefined) return undefined;
  const { entries, end } = decoded;
  // The core takes an append's entries for consecutive; here is where that becomes true.
  if (type === "MsgApp" && !followsOn(entries, index, logTerm, term)) return undefined;
  const reject = (flags & FLAG_REJECT) !== 0;
  const message: Message = { type, from: peers.from, to: peers.to, term, logTerm, index, entries, commit, vote, reject, rejectHint };
  if (!hasContext) return { message, end };
  return { message: { ...message, context: frame.subarray(start + MESSAGE_HEADER_BYTES, entriesStart) }, end };
}

type SixNumbers = [number, number, number, number, number, number];

function followsOn(entries: readonly Entry[], previousIndex: number, previousTerm: number, messageTerm: number): boolean {
  let index = previousIndex;
  let term = previousTerm;
  for (const entry of entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term > messageTerm || entry.term === 0) return false;
    index = entry.index;
    term = entry.term;
  }
  return true;
}

function decodeEntries(frame: Uint8Array, view: DataView, start: number, count: number): { entries: Entry[]; end: number } | undefined {
  const entries: Entry[] = [];
  let offset = start;
  for (let read = 0; read < count; read++) {
    if (offset + ENTRY_HEADER_BYTES > frame.length) return undefined;
    const type = ENTRY_TYPES[view.getUint8(offset)];
    const length = view.getUint32(offset + 1, true);
    const term = readU64(view, offset + 5);
    const index = readU64(view, offset + 13);
    const end = offset + ENTRY_HEADER_BYTES + length;
    if (type === undefined || term > TERM_MAX || !Number.isSafeInteger(index) || end > frame.length) return undefined;
    entries.push({ term, index, type, data: frame.subarray(offset + ENTRY_HEADER_BYTES, end) });
    offset = end;
  }
  return { entries, end: offset };
}
