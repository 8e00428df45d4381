/**
 * The door to the Raft core: inputs as method calls, outputs as Ready values. Single-threaded and synchronous; a driver owns the clock,
 * the disk and the network.
 *
 * Without async storage writes the driver handles one Ready at a time, in the order its type tells, and then calls advance().
 * With async storage writes it may call ready() at any time, sends `messages`, hands those for LOCAL_APPEND_THREAD and
 * LOCAL_APPLY_THREAD to its two threads, and delivers their `responses` when they are done (those to this node by step()).
 *
 * Invariant: nothing is handed out twice. Entries, messages, states and committed entries leave with exactly one Ready.
 */
import type { ConfChange } from "./conf-change.ts";
import { asConfChangeV2 } from "./conf-change.ts";
import { encodeConfChange } from "./conf-change-codec.ts";
import { campaignTypeFor, startElection } from "./elections.ts";
import { encodedBytes } from "./entry-size.ts";
import { storageAppendMessage, storageAppendResponse, storageApplyMessage, storageApplyResponse } from "./local-storage-messages.ts";
import { createMessage, hasSoundNumbers, isLocalMessageType, isLocalTarget, isResponseMessageType } from "./message.ts";
import { Raft } from "./raft.ts";
import type { RaftConfig } from "./raft-config.ts";
import { resolveRaftConfig } from "./raft-config.ts";
import { invariant } from "./raft-invariant-error.ts";
import type { RaftStatus } from "./raft-status.ts";
import { raftStatus } from "./raft-status.ts";
import { readIndexRequest } from "./reads.ts";
import type { StepOutcome } from "./step-outcome.ts";
import type { ConfState, Entry, HardState, Message, Ready, Role, SoftState } from "./types.ts";
import { NONE } from "./types.ts";

export type { RaftConfig } from "./raft-config.ts";
export type { StepOutcome } from "./step-outcome.ts";

export class RawNode {
  readonly #raft: Raft;
  readonly #asyncStorageWrites: boolean;
  #previousSoftState: SoftState;
  #previousHardState: HardState;
  /** Answers of storage to step on advance(), as the caller is the storage thread here. */
  #stepsOnAdvance: Message[] = [];
  #awaitsAdvance = false;

  /** Throws RaftConfigError on a configuration that cannot work, RaftInvariantError on storage that contradicts itself. */
  constructor(config: RaftConfig) {
    const resolved = resolveRaftConfig(config);
    this.#asyncStorageWrites = resolved.asyncStorageWrites;
    this.#raft = new Raft(resolved);
    this.#previousSoftState = this.#softState();
    this.#previousHardState = this.#hardState();
  }

  get id(): number {
    return this.#raft.id;
  }

  get role(): Role {
    return this.#raft.role;
  }

  get term(): number {
    return this.#raft.term;
  }

  /** The leader of this term as far as known here, or NONE. */
  get lead(): number {
    return this.#raft.lead;
  }

  /** Highest index known to be committed. */
  get committedIndex(): number {
    return this.#raft.log.committed;
  }

  /** One unit of time has passed. */
  tick(): void {
    this.#raft.tick();
  }

  /** A message from another node, or from a local storage thread. */
  step(message: Message): StepOutcome {
    const fromLocalThread = isLocalTarget(message.from);
    if (!hasSoundNumbers(message)) return { kind: "refused", reason: "malformed" };
    if (isLocalMessageType(message.type) && !fromLocalThread) return { kind: "refused", reason: "localMessage" };
    if (isResponseMessageType(message.type) && !fromLocalThread && this.#raft.tracker.get(message.from) === undefined) {
      return { kind: "refused", reason: "unknownPeer" };
    }
    return this.#raft.step(message);
  }

  /** Proposes one command. See StepOutcome: a proposal is never dropped in silence here, but may be lost on the way to the leader. */
  propose(data: Uint8Array): StepOutcome {
    return this.proposeBatch([data]);
  }

  /** Proposes several commands at once: one append to each follower instead of one per command. They are taken or dropped together. */
  proposeBatch(commands: readonly Uint8Array[]): StepOutcome {
    const entries = commands.map((data): Entry => ({ term: 0, index: 0, type: "EntryNormal", data }));
    return this.#raft.step(createMessage("MsgProp", NONE, { from: this.#raft.id, entries }));
  }

  proposeConfChange(change: ConfChange): StepOutcome {
    const { type, data } = encodeConfChange(change);
    return this.#raft.step(createMessage("MsgProp", NONE, { entries: [{ term: 0, index: 0, type, data }] }));
  }

  /**
   * Activates a committed conf change. Must be called when its entry is applied, before that entry is reported as applied; the result
   * is to be stored with the applied state. Throws ConfChangeError, with nothing changed, if it does not fit.
   */
  applyConfChange(change: ConfChange): ConfState {
    return this.#raft.applyConfChange(asConfChangeV2(change));
  }

  /** Asks for a read index; the answer comes as a ReadState with the same context, or not at all if leadership changes. */
  readIndex(requestContext: Uint8Array): StepOutcome {
    return this.#raft.step(readIndexRequest(requestContext));
  }

  /** Starts an election now. */
  campaign(): void {
    startElection(this.#raft, campaignTypeFor(this.#raft));
  }

  /** Asks the leader to hand leadership to `to`. */
  transferLeader(to: number): StepOutcome {
    return this.#raft.step(createMessage("MsgTransferLeader", NONE, { from: to }));
  }

  /** The application knows that the leader is gone: be ready to vote for another one now. */
  forgetLeader(): StepOutcome {
    return this.#raft.step(createMessage("MsgForgetLeader", NONE, {}));
  }

  /** The transport could not deliver to `id` lately. */
  reportUnreachable(id: number): void {
    this.#raft.step(createMessage("MsgUnreachable", NONE, { from: id }));
  }

  /** The snapshot for `id` was delivered, or failed. Must be called, or replication to it stays paused. */
  reportSnapshot(id: number, status: "finished" | "failed"): void {
    this.#raft.step(createMessage("MsgSnapStatus", NONE, { from: id, reject: status === "failed" }));
  }

  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.log.unstable.hasNextEntries ||
      raft.readStates.length > 0 ||
      raft.log.unstable.nextSnapshot !== undefined ||
      raft.log.hasNextCommittedEntries(!this.#asyncStorageWrites) ||
      this.#softStateChanged() ||
      this.#hardStateChanged()
    );
  }

  /** Everything there is to do since the last call. */
  ready(): Ready {
    invariant(!this.#awaitsAdvance, () => "two accepted Ready structs without call to Advance");
    const raft = this.#raft;
    const allowUnstable = !this.#asyncStorageWrites;
    const entries = raft.log.unstable.nextEntries();
    const committedEntries = raft.log.nextCommittedEntries(allowUnstable);
    const snapshot = raft.log.unstable.nextSnapshot;
    const softState = this.#softStateChanged() ? this.#softState() : undefined;
    const hardState = this.#hardStateChanged() ? this.#hardState() : undefined;
    const mustSync = entries.length > 0 || raft.vote !== this.#previousHardState.vote || raft.term !== this.#previousHardState.term;
    const { messages, readStates } = raft;
    if (this.#asyncStorageWrites) {
      const append = storageAppendMessage(raft, entries, hardState, snapshot);
      if (append !== undefined) messages.push(append);
      if (committedEntries.length > 0) messages.push(storageApplyMessage(raft, committedEntries));
    } else {
      this.#splitMessagesAfterAppend(messages);
      const response = storageAppendResponse(raft, snapshot);
      if (response !== undefined) this.#stepsOnAdvance.push(response);
      if (committedEntries.length > 0) this.#stepsOnAdvance.push(storageApplyResponse(raft, committedEntries));
      this.#awaitsAdvance = true;
    }
    this.#accept(softState, hardState, committedEntries, allowUnstable);
    return {
      ...(softState !== undefined && { softState }),
      ...(hardState !== undefined && { hardState }),
      readStates,
      entries,
      ...(snapshot !== undefined && { snapshot }),
      committedEntries,
      messages,
      mustSync,
    };
  }

  /** The last Ready is handled: written, sent and applied. Only without async storage writes. */
  advance(): void {
    invariant(!this.#asyncStorageWrites, () => "Advance must not be called when using AsyncStorageWrites");
    const steps = this.#stepsOnAdvance;
    this.#stepsOnAdvance = [];
    this.#awaitsAdvance = false;
    for (const message of steps) this.#raft.step(message);
  }

  status(): RaftStatus {
    return raftStatus(this.#raft);
  }

  /** Fixes the current randomised election timeout, until the next change of role or term; for tests that need exact ticks. */
  setRandomizedElectionTimeout(ticks: number): void {
    this.#raft.randomizedElectionTimeout = ticks;
  }

  /** Answers to others leave with this Ready, as the caller writes before it sends; the one to ourselves is stepped on advance(). */
  #splitMessagesAfterAppend(messages: Message[]): void {
    for (const message of this.#raft.messagesAfterAppend) {
      if (message.to === this.#raft.id) this.#stepsOnAdvance.push(message);
      else messages.push(message);
    }
  }

  #accept(
    softState: SoftState | undefined,
    hardState: HardState | undefined,
    committedEntries: readonly Entry[],
    allowUnstable: boolean,
  ): void {
    const raft = this.#raft;
    if (softState !== undefined) this.#previousSoftState = softState;
    if (hardState !== undefined) this.#previousHardState = hardState;
    raft.readStates = [];
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.log.unstable.acceptInProgress();
    const last = committedEntries.at(-1);
    if (last !== undefined) raft.log.acceptApplying(last.index, encodedBytes(committedEntries), allowUnstable);
  }

  #softState(): SoftState {
    return { lead: this.#raft.lead, role: this.#raft.role };
  }

  #softStateChanged(): boolean {
    return this.#raft.lead !== this.#previousSoftState.lead || this.#raft.role !== this.#previousSoftState.role;
  }

  #hardState(): HardState {
    return { term: this.#raft.term, vote: this.#raft.vote, commit: this.#raft.log.committed };
  }

  #hardStateChanged(): boolean {
    const previous = this.#previousHardState;
    return this.#raft.term !== previous.term || this.#raft.vote !== previous.vote || this.#raft.log.committed !== previous.commit;
  }
}
