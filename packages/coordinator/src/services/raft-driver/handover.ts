/** Waits for leadership to be somewhere else. Asked after every turn; Raft gives up by itself after an election timeout. */
import type { RawNode } from "../../core/raft/raw-node.ts";
import { NONE } from "../../core/raft/types.ts";

/** The member that a leader hands over to with the least delay; undefined where nobody else was heard lately. */
export function successorOf(node: RawNode): number | undefined {
  const { id, progress, membership } = node.status();
  const able = progress.filter((one) => one.id !== id && one.recentActive && !one.isLearner && membership.incoming.includes(one.id));
  return able.toSorted((a, b) => b.match - a.match || a.id - b.id)[0]?.id;
}

export class Handover {
  readonly #node: RawNode;
  readonly #settle: (handedOver: boolean) => void;
  #open = true;

  constructor(node: RawNode, settle: (handedOver: boolean) => void) {
    this.#node = node;
    this.#settle = settle;
  }

  look(): void {
    const { id, role, lead, leadTransferee } = this.#node.status();
    // Until somebody leads, this node's vote may be what it takes.
    if (role !== "StateLeader" && lead !== NONE && lead !== id) this.end(true);
    else if (role === "StateLeader" && leadTransferee === NONE) this.end(false);
  }

  end(handedOver: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    this.#settle(handedOver);
  }
}
