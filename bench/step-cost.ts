/**
 * What one no-op step costs the leader, a follower and a worker's main thread, part by part, in processor time of one thread: no network, no
 * fsync, no other process, so that it can be read on a busy machine, and a change of the path be judged by it.
 *
 *     node bench/step-cost.ts [CONVERSATIONS [STEPS]]
 *
 * Runs the coordinator's own parts around the way of a step: finished step → proposal → plan → entry → apply → hash → store → dispatch → worker.
 * A follower pays for decode, apply, hash, index and store. Sockets, Raft's core, the log, HTTP and a worker's threads are not in it.
 */
import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manifestOf } from "../packages/agent-worker/src/manifest.ts";
import { StateStore } from "../packages/coordinator/src/adapters/store/state-store.ts";
import { applyEntry, hashWrites } from "../packages/coordinator/src/core/state/apply.ts";
import { digestOf } from "../packages/coordinator/src/core/state/registry.ts";
import { LiveIndex } from "../packages/coordinator/src/services/consensus-engine/live-index.ts";
import { Load } from "../packages/coordinator/src/services/consensus-engine/load.ts";
import { Planner } from "../packages/coordinator/src/services/consensus-engine/planner.ts";
import { Dispatcher } from "../packages/coordinator/src/services/dispatcher/dispatcher.ts";
import type { Clock, Messenger } from "../packages/coordinator/src/services/ports.ts";
import { Router } from "../packages/coordinator/src/services/router/router.ts";
import { WorkerDirectory } from "../packages/coordinator/src/services/worker-directory/worker-directory.ts";
import {
  type Command,
  decodeCommands,
  decodeMessage,
  encodeCommands,
  encodeMessage,
  type InboxMessage,
} from "../packages/protocol/src/index.ts";
import team from "./teams/noop.ts";

const [conversations = 128, steps = 9_000] = process.argv.slice(2).map(Number);
/** Of the steps, before counting begins: the compiler's time. */
const WARM_SHARE = 1 / 3;
const FACTS = 16;
const ENTRY_BYTES_MAX = 2_000_000;
const WORKERS = ["w1", "w2"];

const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");
const parts = new Map<string, number>();
let lastUs = 0;

/** Processor time of this thread since the last call goes to a part. */
function book(part: string): void {
  const { user, system } = process.threadCpuUsage();
  parts.set(part, (parts.get(part) ?? 0) + user + system - lastUs);
  const after = process.threadCpuUsage();
  lastUs = after.user + after.system;
}

const folder = mkdtempSync(join(tmpdir(), "triad bench "));
const state = StateStore.open(folder, (error) => {
  throw error;
});
const index = LiveIndex.of(state);
const load = new Load(index);
const planner = new Planner(state, new Router({ load, directory: new WorkerDirectory(), rng: Math.random }), sha256, Math.random);
const outbox: InboxMessage[] = [];
const soon: (() => void)[] = [];
const clock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule: () => () => undefined,
  soon: (run) => soon.push(run),
};
const messenger: Messenger = {
  connected: true,
  toWorker: (_, message) => outbox.push(message),
  forward: () => Promise.resolve({ kind: "silent" }),
  publishDecisions: () => undefined,
  publishCommit: () => undefined,
  publishStatus: () => undefined,
  onLiveEvents: () => () => undefined,
};
const dispatcher = new Dispatcher({ state, index, clock, messenger, self: "c1", term: () => 1 });

/** One entry of these commands; gives what the workers got. */
async function commit(proposed: readonly Command[]): Promise<readonly InboxMessage[]> {
  const planned: Command[] = [];
  const picked = [];
  for (const command of proposed) {
    const plan = planner.plan(command, Date.now());
    if (plan.kind !== "append") throw new Error(`${command.type} was answered: ${JSON.stringify(plan.result)}`);
    load.add(plan.picks);
    picked.push(...plan.picks);
    planned.push(plan.command);
  }
  book("leader: plan and route");
  const data = encodeCommands(Date.now(), planned);
  book("leader: encode the entry");
  const { at, commands } = decodeCommands(data, ENTRY_BYTES_MAX);
  book("all: decode the entry");
  const applied = applyEntry(state, commands, at, sha256);
  book("all: apply");
  const { hash: stateHash, encoded } = hashWrites(state.applied.stateHash, state.applied.index + 1, applied.writes, sha256);
  book("all: encode and hash the writes");
  state.commit(applied.writes, encoded, { index: state.applied.index + 1, term: 1, stateHash });
  index.note(applied.writes);
  load.remove(picked);
  book("all: cache and index");
  for (const effect of applied.effects) if (effect.kind === "routed") dispatcher.enqueue(effect.pick.worker, effect.fence);
  for (const run of soon.splice(0)) run();
  book("leader: build dispatches");
  const frames = outbox.splice(0).map((message) => encodeMessage(message));
  book("leader: encode dispatches");
  const messages = frames.map((frame) => decodeMessage(frame).message as InboxMessage);
  book("worker: decode dispatches");
  await new Promise((resolve) => setImmediate(resolve));
  book("all: lmdb, as far as this thread has a part in it");
  return messages;
}

/** Each dispatched step, finished: hands on to the other agent for ever. */
function finish(messages: readonly InboxMessage[]): readonly Command[] {
  const evidence = { vector: new Uint8Array(256).map((_, i) => (i * 37) & 255), scale: 0.2 };
  return messages.flatMap((message) =>
    message.kind !== "dispatch"
      ? []
      : message.items.map(
          ({ task, step, member, fence, agent }): Command => ({
            type: "StepFinished",
            ...{ task, step, member, fence },
            output: String(process.hrtime.bigint()),
            facts: { [`fact-${step % FACTS}`]: step },
            evidence,
            usage: { tokensIn: 0, tokensOut: 0, costUsd: 0 },
            serviceMs: 0.1,
            next: { kind: "handoff", to: agent === "ping" ? "pong" : "ping" },
            assign: [],
          }),
        ),
  );
}

const manifest = manifestOf(team);
const digest = digestOf(manifest, sha256);
await commit([{ type: "RegisterTeam", manifest, digest }]);
for (const worker of WORKERS) await commit([{ type: "RegisterWorker", worker, bootId: "b", digest, pid: 1, threads: 2, http: "" }]);
let got = await commit(
  Array.from({ length: conversations }, (_, i): Command => {
    const name = String(i).padStart(26, "0");
    return {
      type: "OpenTask",
      ...{ task: `t_${name}`, conversation: `c_${name}`, requestDigest: "d", input: '{"hops":10000,"facts":16}', observations: [] },
      ...{ requires: { passing: 1 }, strategy: { kind: "single" }, facts: {}, maxTransitions: 10_000, assign: [] },
    };
  }),
);
let done = 0;
let counted = 0;
while (done < steps) {
  const commands = finish(got);
  if (done >= steps * WARM_SHARE && counted === 0) parts.clear();
  book("the bench itself");
  const frame = encodeMessage({ kind: "propose", from: "w1", commands });
  book("worker: encode the proposal");
  decodeMessage(frame);
  book("leader: decode the proposal");
  got = await commit(commands);
  done += commands.length;
  if (done - commands.length >= steps * WARM_SHARE) counted += commands.length;
}
parts.delete("the bench itself");
const sum = (who: readonly string[]): string =>
  ([...parts].filter(([part]) => who.some((name) => part.startsWith(name))).reduce((all, [, us]) => all + us, 0) / counted).toFixed(1);
console.log(`${conversations} conversations, ${counted} steps; processor µs a step:`);
for (const [part, us] of parts) console.log(`${(us / counted).toFixed(1).padStart(9)}  ${part}`);
console.log(`leader ${sum(["leader", "all"])} · a follower ${sum(["all"])} · the worker's main thread ${sum(["worker"])}`);
await state.close();
rmSync(folder, { recursive: true });
