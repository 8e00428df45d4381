/**
 * What a node has promised to others, read off the wire: log positions that it acknowledged, votes that it gave, what it handed to its
 * state machine as durable. After a crash its disk must hold all of it. This is "persist before send", judged from outside.
 */

import type { HardState, Message } from "../../src/core/raft/types.ts";
import type { LogBatch } from "../../src/services/raft-driver/ports.ts";
import type { Invariants, JudgedLog } from "./invariants.ts";

export class Promises {
  readonly #node: number;
  readonly #invariants: Invariants;
  #index = 0;
  #indexTerm = 0;
  #term = 0;
  /** The vote in `#term` that someone counted on; 0: none. */
  #vote = 0;

  constructor(node: number, invariants: Invariants) {
    this.#node = node;
    this.#invariants = invariants;
  }

  sent(message: Message, log: JudgedLog): void {
    switch (message.type) {
      case "MsgAppResp":
        this.#inTerm(message.term, 0);
        if (!message.reject) this.durableUpTo(message.index, log);
        return;
      case "MsgVoteResp":
        if (!message.reject) this.#inTerm(message.term, message.to);
        return;
      case "MsgVote":
      case "MsgApp":
      case "MsgHeartbeat":
        // Who asks for votes in a term, or leads in it, has voted for itself there, and must not for another after a crash.
        this.#inTerm(message.term, this.#node);
        return;
      default:
        return;
    }
  }

  durableUpTo(index: number, log: JudgedLog): void {
    if (index <= this.#index || index > log.lastIndex()) return;
    this.#index = index;
    this.#indexTerm = log.term(index);
  }

  /** A conflicting append takes back what was promised of the entries it replaces; the new leader has not counted on them. */
  appending(batch: LogBatch, log: JudgedLog): void {
    const first = batch.entries[0];
    if (first === undefined || first.index > this.#index) return;
    this.#index = first.index - 1;
    this.#indexTerm = this.#index === 0 ? 0 : log.term(this.#index);
  }

  assertKept(hardState: HardState, log: JudgedLog): void {
    const found = this.#index === 0 ? 0 : this.#index <= log.lastIndex() ? log.term(this.#index) : undefined;
    if (found !== this.#indexTerm) {
      const detail = `had acknowledged its log up to ${this.#index} (term ${this.#indexTerm}), but came back with ${found ?? "less"}`;
      this.#invariants.breach("persistBeforeSend", `node ${this.#node} ${detail}`);
    }
    const voteLost = hardState.term === this.#term && this.#vote !== 0 && hardState.vote !== this.#vote;
    if (hardState.term < this.#term || voteLost) {
      const detail = `had spoken in term ${this.#term} with a vote for ${this.#vote}, but came back in term ${hardState.term} with ${hardState.vote}`;
      this.#invariants.breach("persistBeforeSend", `node ${this.#node} ${detail}`);
    }
  }

  #inTerm(term: number, vote: number): void {
    if (term < this.#term) return;
    if (term > this.#term) {
      this.#term = term;
      this.#vote = vote;
    } else if (vote !== 0) {
      if (this.#vote !== 0 && this.#vote !== vote) {
        this.#invariants.breach("electionSafety", `node ${this.#node} gave its vote in term ${term} to ${this.#vote} and to ${vote}`);
      }
      this.#vote = vote;
    }
  }
}
