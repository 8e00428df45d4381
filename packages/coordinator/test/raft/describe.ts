/** etcd's textual formats for messages, entries, states and Readys, which its scenario files are written in. */
import { asConfChangeV2, type ConfChangeSingle } from "../../src/core/raft/conf-change.ts";
import { decodeConfChange } from "../../src/core/raft/conf-change-codec.ts";
import {
  type ConfState,
  type Entry,
  type HardState,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  type Message,
  NONE,
  type Ready,
  type Snapshot,
} from "../../src/core/raft/types.ts";

export function describeReady(ready: Ready): string {
  let text = "";
  if (ready.softState !== undefined) text += `Lead:${ready.softState.lead} State:${ready.softState.role}\n`;
  if (ready.hardState !== undefined) text += `HardState ${describeHardState(ready.hardState)}\n`;
  if (ready.readStates.length > 0) {
    text += `ReadStates [${ready.readStates.map((state) => `{${state.index} [${state.requestContext.join(" ")}]}`).join(" ")}]\n`;
  }
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries)}`;
  if (ready.snapshot !== undefined) text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  if (ready.committedEntries.length > 0) text += `CommittedEntries:\n${describeEntries(ready.committedEntries)}`;
  if (ready.messages.length > 0) text += `Messages:\n${ready.messages.map((message) => `${describeMessage(message)}\n`).join("")}`;
  return text === "" ? "<empty Ready>" : `Ready MustSync=${ready.mustSync}:\n${text}`;
}

export function describeMessage(message: Message, indent = ""): string {
  let text = `${indent}${describeTarget(message.from)}->${describeTarget(message.to)} ${message.type} `;
  text += `Term:${message.term} Log:${message.logTerm}/${message.index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== NONE) text += ` Vote:${message.vote}`;
  const [first] = message.entries;
  if (message.entries.length === 1) text += ` Entries:[${describeEntry(first!)}]`;
  else if (message.entries.length > 1) {
    text += ` Entries:[${message.entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`).join("")}\n${indent}]`;
  }
  if (message.snapshot !== undefined && message.snapshot.index !== 0) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(message.snapshot)}`;
  }
  const responses = message.responses ?? [];
  if (responses.length > 0) {
    text += ` Responses:[${responses.map((one) => `\n${describeMessage(one, `${indent}  `)}`).join("")}\n${indent}]`;
  }
  return text;
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join("");
}

export function describeConfChanges(changes: readonly ConfChangeSingle[]): string {
  const letters = { ConfChangeAddNode: "v", ConfChangeAddLearnerNode: "l", ConfChangeRemoveNode: "r", ConfChangeUpdateNode: "u" };
  return changes.map((change) => `${letters[change.type]}${change.nodeId}`).join(" ");
}

/** `v1 l2 r3 u4` as changes. */
export function parseConfChanges(text: string): ConfChangeSingle[] {
  const types = { v: "ConfChangeAddNode", l: "ConfChangeAddLearnerNode", r: "ConfChangeRemoveNode", u: "ConfChangeUpdateNode" } as const;
  const words = text.trim().split(/\s+/).filter(Boolean);
  return words.map((word) => {
    const letter = word[0];
    if (letter !== "v" && letter !== "l" && letter !== "r" && letter !== "u") throw new Error(`unknown input: ${word}`);
    return { type: types[letter], nodeId: Number(word.slice(1)) };
  });
}

export function describeSnapshot(snapshot: Snapshot): string {
  return `Index:${snapshot.index} Term:${snapshot.term} ConfState:${describeConfState(snapshot.confState)}`;
}

function describeConfState(state: ConfState): string {
  const list = (ids: readonly number[]) => `[${ids.join(" ")}]`;
  return (
    `Voters:${list(state.voters)} VotersOutgoing:${list(state.votersOutgoing)} Learners:${list(state.learners)} ` +
    `LearnersNext:${list(state.learnersNext)} AutoLeave:${state.autoLeave}`
  );
}

function describeHardState(state: HardState): string {
  return `Term:${state.term}${state.vote === NONE ? "" : ` Vote:${state.vote}`} Commit:${state.commit}`;
}

function describeEntry(entry: Entry): string {
  const data =
    entry.type === "EntryNormal"
      ? quote(entry.data)
      : describeConfChanges(asConfChangeV2(decodeConfChange(entry.type, entry.data)).changes);
  return `${entry.term}/${entry.index} ${entry.type}${data === "" ? "" : ` ${data}`}`;
}

function describeTarget(id: number): string {
  if (id === NONE) return "None";
  if (id === LOCAL_APPEND_THREAD) return "AppendThread";
  if (id === LOCAL_APPLY_THREAD) return "ApplyThread";
  return id.toString(16);
}

/** Like Go's %q, for the printable texts that scenarios propose. */
function quote(data: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(data));
}
