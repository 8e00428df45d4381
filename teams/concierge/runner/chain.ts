/** The hash chain of a conversation, recomputed outside the cluster from the events that it shows. */
import { hash } from "node:crypto";
import { verifyEvents } from "@triad/agent-worker";
import type { ConversationView } from "@triad/client";
import { type TranscriptEvent, TriadError } from "@triad/protocol";

/** Whether the events are numbered from 1, each is the hash of its content and of the one before, and the last is the root. */
export function chainHolds({ root, events }: Pick<ConversationView, "root" | "events">): boolean {
  const chain = events as readonly TranscriptEvent[];
  if (chain[0]?.seq !== 1) return false;
  try {
    verifyEvents(chain, root, (bytes) => hash("sha256", bytes, "hex"));
    return true;
  } catch (error) {
    if (error instanceof TriadError) return false;
    throw error;
  }
}
