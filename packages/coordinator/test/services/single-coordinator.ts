/**
 * A ConsensusEngine alone: a clock that stands still, a log in memory whose commits the test releases, and a messenger that writes down what was
 * sent. What the engine does between a proposal and its result can be looked at one move at a time.
 */
import type { InboxMessage } from "@triad/protocol";
import type { ConfigRecord } from "../../src/core/state/records.ts";
import { type AppliedState, ConsensusEngine } from "../../src/services/consensus-engine/consensus-engine.ts";
import type { Clock, Messenger, ServiceMetrics } from "../../src/services/ports.ts";
import { MemoryState, sha256 } from "../state/memory-state.ts";

class TestState extends MemoryState implements AppliedState {
  applied = { index: 0, term: 0, stateHash: "" };

  commit(...[writes, , mark]: Parameters<AppliedState["commit"]>): void {
    for (const [key, record] of writes) {
      if (record === undefined) this.records.delete(key);
      else this.records.set(key, record);
    }
    this.applied = { ...mark };
  }
}

class TestClock implements Clock {
  now = 1_000_000;
  private timers: { readonly at: number; readonly run: () => void; live: boolean }[] = [];
  private ready: (() => void)[] = [];

  monotonicMs(): number {
    return this.now;
  }
  wallMs(): number {
    return this.now;
  }
  schedule(delayMs: number, run: () => void): () => void {
    const timer = { at: this.now + delayMs, run, live: true };
    this.timers.push(timer);
    return () => {
      timer.live = false;
    };
  }
  soon(run: () => void): void {
    this.ready.push(run);
  }

  /** Runs what was put off to the next loop turn, and what that puts off. */
  turn(): void {
    for (let batch = this.ready; batch.length > 0; batch = this.ready) {
      this.ready = [];
      for (const run of batch) run();
    }
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.live && timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      due.live = false;
      this.now = Math.max(this.now, due.at);
      due.run();
      this.turn();
    }
    this.timers = this.timers.filter((timer) => timer.live);
    this.now = end;
  }
}

const noMetrics: ServiceMetrics = {
  routed: () => undefined,
  routeSeconds: () => undefined,
  attempt: () => undefined,
  handoff: () => undefined,
  effect: () => undefined,
  taskEnded: () => undefined,
  tasksRunning: () => undefined,
  applied: () => undefined,
  fencedWrite: () => undefined,
  negotiated: () => undefined,
  team: () => undefined,
};

export class SingleCoordinator {
  readonly state: TestState;
  readonly clock: TestClock = new TestClock();
  readonly sent: { readonly worker: string; readonly message: InboxMessage }[] = [];
  readonly engine: ConsensusEngine;
  connected = true;
  /** The log has no room for the next entry. */
  refuseNext = false;
  private readonly waiting: { readonly index: number; readonly term: number; readonly data: Uint8Array }[] = [];
  private lastIndex: number;
  private term = 0;

  constructor(state: TestState = new TestState(), wanted: Partial<ConfigRecord> = {}) {
    this.state = state;
    this.lastIndex = state.applied.index;
    const owner = this;
    const messenger: Messenger = {
      get connected() {
        return owner.connected;
      },
      toWorker: (worker, message) => void this.sent.push({ worker, message }),
      forward: () => Promise.resolve({ kind: "silent" }),
      publishDecisions: () => undefined,
      publishCommit: () => undefined,
      publishStatus: () => undefined,
      onLiveEvents: () => () => undefined,
    };
    this.engine = new ConsensusEngine({
      self: "c1",
      nameOf: (id) => (id === 0 ? "" : `c${id}`),
      state,
      clock: this.clock,
      messenger,
      metrics: noMetrics,
      sha256,
      rng: () => 0.5,
      warn: () => undefined,
      wanted,
    });
    this.engine.attach((data) => {
      if (this.refuseNext) {
        this.refuseNext = false;
        return { ok: false, reason: "busy", leader: 1 };
      }
      if (this.engine.softState.role !== "StateLeader") return { ok: false, reason: "notLeader", leader: 0 };
      this.waiting.push({ index: ++this.lastIndex, term: this.term, data });
      return { ok: true, index: this.lastIndex, term: this.term };
    });
  }

  /** Wins an election; its empty entry is committed with the next release. */
  lead(): void {
    this.term++;
    this.engine.onSoftState({ leader: 1, role: "StateLeader", term: this.term });
    this.waiting.push({ index: ++this.lastIndex, term: this.term, data: new Uint8Array(0) });
  }

  stepDown(): void {
    this.term++;
    this.engine.onSoftState({ leader: 2, role: "StateFollower", term: this.term });
  }

  /** Commits what was appended, until nothing more comes of it. */
  release(): void {
    this.clock.turn();
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      this.engine.onCommitted([{ ...next, type: "EntryNormal" }]);
      this.clock.turn();
    }
  }

  /** Commits the first of what was appended, and lets what comes of it be appended. */
  releaseOne(): void {
    const next = this.waiting.shift();
    if (next !== undefined) this.engine.onCommitted([{ ...next, type: "EntryNormal" }]);
    this.clock.turn();
  }

  /** Entries appended and not committed. */
  get inFlight(): number {
    return this.waiting.length;
  }

  /** Another leader's entries stand where this one's were. */
  overwrite(): void {
    const lost = this.waiting.splice(0);
    for (const { index } of lost) this.engine.onCommitted([{ index, term: this.term, type: "EntryNormal", data: new Uint8Array(0) }]);
  }
}
