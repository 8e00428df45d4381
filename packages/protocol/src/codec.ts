/**
 * The one file that turns bytes into validated types. Every frame is an envelope, a msgpack array
 * [version, id, causation, deadlineAt, message]; a frame that does not validate is a TRIAD_FRAME_INVALID with the reason, to be counted,
 * logged and dropped, never applied. Frames are scanned before they are decoded, so a lying length costs nothing.
 */
import { Packr } from "msgpackr";
import type { Command } from "./commands.ts";
import { TriadError } from "./errors.ts";
import { ENTRY_COMMANDS_MAX, FRAME_BYTES_MAX, FRAME_CONTAINERS_MAX, FRAME_DEPTH_MAX } from "./limits.ts";
import type { Message } from "./messages.ts";
import { scanMsgpack } from "./msgpack-scan.ts";
import { commandSchema, messageSchema } from "./schemas.ts";

export const ENVELOPE_VERSION = 1;

export interface EnvelopeHeader {
  /** Id of this message; empty where nobody will refer to it. */
  readonly id: string;
  /** Id of the message that caused it. */
  readonly causation?: string;
  /** Wall clock, milliseconds since the epoch, after which nobody waits for an answer. */
  readonly deadlineAt?: number;
}

export interface Envelope extends EnvelopeHeader {
  readonly message: Message;
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true, int64AsType: "number" });

const invalid = (reason: string, details?: unknown): TriadError =>
  new TriadError("TRIAD_FRAME_INVALID", `frame refused: ${reason}`, details);

/** One frame of at most FRAME_BYTES_MAX; throws TRIAD_FRAME_TOO_LARGE beyond. */
export function encodeMessage(message: Message, header: Partial<EnvelopeHeader> = {}): Uint8Array {
  const bytes = packr.pack([ENVELOPE_VERSION, header.id ?? "", header.causation ?? null, header.deadlineAt ?? null, message]);
  if (bytes.length > FRAME_BYTES_MAX) {
    throw new TriadError("TRIAD_FRAME_TOO_LARGE", `a ${message.kind} of ${bytes.length} bytes is above ${FRAME_BYTES_MAX}`);
  }
  return bytes;
}

function unpackChecked(bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.length > bytesMax) throw invalid(`${bytes.length} bytes are above ${bytesMax}`);
  const verdict = scanMsgpack(bytes, FRAME_DEPTH_MAX, FRAME_CONTAINERS_MAX);
  if (!verdict.ok) throw invalid(verdict.reason);
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw new TriadError("TRIAD_FRAME_INVALID", "frame refused: not decodable", undefined, { cause });
  }
}

/** The message in a frame, checked field by field. Throws TRIAD_FRAME_INVALID. Byte fields are views into `bytes`. */
export function decodeMessage(bytes: Uint8Array): Envelope {
  const parts = unpackChecked(bytes, FRAME_BYTES_MAX);
  if (!Array.isArray(parts) || parts.length !== 5) throw invalid("not an envelope");
  const [version, id, causation, deadlineAt, body] = parts as unknown[];
  if (version !== ENVELOPE_VERSION) throw invalid(`envelope version ${String(version)}`);
  if (typeof id !== "string" || id.length > 128) throw invalid("bad id");
  if (causation !== null && (typeof causation !== "string" || causation.length > 128)) throw invalid("bad causation");
  if (deadlineAt !== null && !(typeof deadlineAt === "number" && Number.isSafeInteger(deadlineAt) && deadlineAt >= 0)) {
    throw invalid("bad deadline");
  }
  const parsed = messageSchema.safeParse(body);
  if (!parsed.success) throw invalid("not a message that we know", firstIssues(parsed.error.issues));
  return {
    id,
    ...(causation === null ? {} : { causation: causation as string }),
    ...(deadlineAt === null ? {} : { deadlineAt: deadlineAt as number }),
    message: parsed.data,
  };
}

/** Bytes of a batch of commands: what stands in the log, behind the log time that the leader gave them. */
export function encodeCommands(at: number, commands: readonly Command[]): Uint8Array {
  return packr.pack([ENVELOPE_VERSION, at, commands]);
}

/** The batch in an entry; `bytesMax` is the entry's own limit. Throws TRIAD_FRAME_INVALID. */
export function decodeCommands(bytes: Uint8Array, bytesMax: number): { readonly at: number; readonly commands: readonly Command[] } {
  const parts = unpackChecked(bytes, bytesMax);
  if (!Array.isArray(parts) || parts.length !== 3 || parts[0] !== ENVELOPE_VERSION) throw invalid("not a batch of commands");
  const [, at, list] = parts as unknown[];
  if (typeof at !== "number" || !Number.isSafeInteger(at) || at < 0) throw invalid("bad log time");
  if (!Array.isArray(list) || list.length > ENTRY_COMMANDS_MAX) throw invalid("bad batch");
  const commands = list.map((item) => {
    const parsed = commandSchema.safeParse(item);
    if (!parsed.success) throw invalid("not a command that we know", firstIssues(parsed.error.issues));
    return parsed.data;
  });
  return { at, commands };
}

/** A command as another coordinator or a worker would send it; throws TRIAD_FRAME_INVALID. For callers that build one from user input. */
export function checkCommand(value: unknown): Command {
  const parsed = commandSchema.safeParse(value);
  if (!parsed.success) throw invalid("not a command that we know", firstIssues(parsed.error.issues));
  return parsed.data;
}

function firstIssues(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): readonly string[] {
  return issues.slice(0, 8).map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`);
}
