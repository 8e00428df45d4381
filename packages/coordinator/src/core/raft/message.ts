/**
 * Builds messages with every field present, so that they all have one shape, and knows which types are local or answers.
 * Kept apart from the vocabulary, which is types only.
 */
import type { Entry, Message, MessageType, Snapshot } from "./types.ts";
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, NONE } from "./types.ts";

export interface MessageFields {
  readonly from?: number;
  readonly term?: number;
  readonly logTerm?: number;
  readonly index?: number;
  readonly entries?: readonly Entry[];
  readonly commit?: number;
  readonly vote?: number;
  readonly reject?: boolean;
  readonly rejectHint?: number;
  readonly context?: Uint8Array | undefined;
  readonly snapshot?: Snapshot | undefined;
  readonly responses?: readonly Message[];
}

type Building = { -readonly [Key in keyof Message]: Message[Key] };

export const NO_ENTRIES: readonly Entry[] = [];
export const NO_DATA: Uint8Array = new Uint8Array(0);

export function createMessage(type: MessageType, to: number, fields: MessageFields): Message {
  return createMessageOfTerm(type, fields.from ?? NONE, to, fields.term ?? 0, fields);
}

/** The same with sender and term given apart, for the hot path: it saves copying `fields`. */
export function createMessageOfTerm(type: MessageType, from: number, to: number, term: number, fields: MessageFields): Message {
  const message: Building = {
    type,
    to,
    from,
    term,
    logTerm: fields.logTerm ?? 0,
    index: fields.index ?? 0,
    entries: fields.entries ?? NO_ENTRIES,
    commit: fields.commit ?? 0,
    vote: fields.vote ?? NONE,
    reject: fields.reject ?? false,
    rejectHint: fields.rejectHint ?? 0,
  };
  if (fields.context !== undefined) message.context = fields.context;
  if (fields.snapshot !== undefined) message.snapshot = fields.snapshot;
  if (fields.responses !== undefined) message.responses = fields.responses;
  return message;
}

export function isLocalTarget(id: number): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}

/** Types that never travel between nodes. */
export function isLocalMessageType(type: MessageType): boolean {
  switch (type) {
    case "MsgHup":
    case "MsgBeat":
    case "MsgUnreachable":
    case "MsgSnapStatus":
    case "MsgCheckQuorum":
    case "MsgStorageAppend":
    case "MsgStorageAppendResp":
    case "MsgStorageApply":
    case "MsgStorageApplyResp":
      return true;
    default:
      return false;
  }
}

/** Types that only a known member may send. */
export function isResponseMessageType(type: MessageType): boolean {
  switch (type) {
    case "MsgAppResp":
    case "MsgVoteResp":
    case "MsgHeartbeatResp":
    case "MsgUnreachable":
    case "MsgReadIndexResp":
    case "MsgPreVoteResp":
    case "MsgStorageAppendResp":
    case "MsgStorageApplyResp":
      return true;
    default:
      return false;
  }
}

/** Numbers a message may carry: integers in [0, 2^53 − 1], as everywhere in the core. */
export function hasSoundNumbers(message: Message): boolean {
  return (
    isSound(message.term) &&
    isSound(message.index) &&
    isSound(message.logTerm) &&
    isSound(message.commit) &&
    isSound(message.rejectHint) &&
    isSound(message.from)
  );
}

function isSound(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
