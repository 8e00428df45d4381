/**
 * The composition root and entry of a step thread: one long-lived piscina task a thread, which loads the team, then runs the steps that come through its port until
 * it is told to stop. Everything that a team's code can break, it breaks here and not in the worker's main thread.
 */
import "./adapters/threads/resolve-triad.ts";
import { hash } from "node:crypto";
import { type CommandResult, errorFromBody, type StoredBody, type TranscriptEvent, TriadError } from "@triad/protocol";
import pino, { type Logger } from "pino";
import { createModel } from "./adapters/models/create-model.ts";
import { PROCESS_CLOCK } from "./adapters/process-clock.ts";
import {
  errorAsData,
  FrameChannel,
  type FromThread,
  type ThreadError,
  type ThreadStart,
  type ToThread,
} from "./adapters/threads/frames.ts";
import { loadTeam } from "./adapters/threads/load-team.ts";
import type { AgentDefinition, TeamDefinition } from "./define.ts";
import { digestOf, manifestOf } from "./manifest.ts";
import type { Model } from "./services/model.ts";
import type { EffectCommand, EffectRecorder, TranscriptReader } from "./services/ports.ts";
import { ConversationMemory } from "./services/recall.ts";
import { StepRunner } from "./services/step-runner.ts";

type Channel = FrameChannel<FromThread, ToThread>;

/** Runs until the main thread says `stop`. */
export default async function runThread(start: ThreadStart): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  const early: ToThread[] = [];
  let handle = (frame: ToThread): void => void early.push(frame);
  const channel: Channel = new FrameChannel(start.port, (frame: ToThread) => (frame.kind === "stop" ? stopped.resolve() : handle(frame)));
  try {
    const team = await loadTeam(start.teamUrl);
    const manifest = manifestOf(team);
    handle = threadOf(team, start, channel);
    channel.send({ kind: "ready", manifest, digest: digestOf(manifest) });
    for (const frame of early.splice(0)) handle(frame);
  } catch (error) {
    channel.send({ kind: "broken", error: errorAsData(error) });
  }
  await stopped.promise;
  channel.close();
}

function threadOf(team: TeamDefinition, start: ThreadStart, channel: Channel): (frame: ToThread) => void {
  const begun = new Int32Array(start.begun);
  const reader = new PortReader(channel);
  const effects = new PortRecorder(channel);
  // stderr, and synchronously: what a step logged before it ended its process must not be lost with it.
  const log: Logger = pino({ level: start.logLevel, base: { worker: start.worker } }, pino.destination({ dest: 2, sync: true }));
  const memory = new ConversationMemory(reader, (bytes) => hash("sha256", bytes, "hex"));
  const models = new Map<string, Promise<Model>>();
  const around = {
    memory,
    effects,
    log,
    nowMs: PROCESS_CLOCK.nowMs,
    model: (agent: AgentDefinition) => modelFor(agent, models, start.teamUrl),
    emit: (fence: number, text: string) => channel.send({ kind: "delta", fence, text }),
    modelCalled: (call: Extract<FromThread, { kind: "modelCalled" }>["call"]) => channel.send({ kind: "modelCalled", call }),
  };
  const runner = new StepRunner(team, PROCESS_CLOCK, around, {
    started: (fence) => channel.send({ kind: "started", fence }),
    ended: (fence, outcome) => channel.send({ kind: "ended", fence, outcome }),
  });
  return (frame) => {
    switch (frame.kind) {
      case "run":
        Atomics.store(begun, 0, frame.seq);
        return runner.run(frame.dispatch);
      case "abort":
        return runner.abort(frame.fence);
      case "ping":
        return channel.send({ kind: "pong", n: frame.n, stateBytes: runner.stateBytes });
      case "recorded":
        return effects.resolve(frame);
      case "events":
        return reader.resolve(frame.request, frame.events);
      case "body":
        return reader.resolveBody(frame.request, frame.text);
      case "notRead":
        return reader.reject(frame.request, frame.error);
    }
  };
}

async function modelFor(agent: AgentDefinition, models: Map<string, Promise<Model>>, teamUrl: string): Promise<Model> {
  if (agent.model === undefined) {
    throw new TriadError("TRIAD_MODEL_UNKNOWN", `agent "${agent.name}" declares no model; give it \`model: "openai-compatible:URL#NAME"\``);
  }
  let model = models.get(agent.model);
  if (model === undefined) {
    model = createModel(agent.model, { teamUrl, env: process.env });
    models.set(agent.model, model);
  }
  return model;
}

/** Older events come through the main thread, which holds the one connection to NATS. */
class PortReader implements TranscriptReader {
  private readonly channel: Channel;
  private readonly open = new Map<number, PromiseWithResolvers<readonly TranscriptEvent[]>>();
  private readonly openBodies = new Map<number, PromiseWithResolvers<string>>();
  private last = 0;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  read(conversation: string, from: number, to: number): Promise<readonly TranscriptEvent[]> {
    const request = ++this.last;
    const waiting = Promise.withResolvers<readonly TranscriptEvent[]>();
    this.open.set(request, waiting);
    this.channel.send({ kind: "readEvents", request, conversation, from, to });
    return waiting.promise;
  }

  readBody(body: StoredBody): Promise<string> {
    const request = ++this.last;
    const waiting = Promise.withResolvers<string>();
    this.openBodies.set(request, waiting);
    this.channel.send({ kind: "readBody", request, body });
    return waiting.promise;
  }

  resolveBody(request: number, text: string): void {
    this.openBodies.get(request)?.resolve(text);
    this.openBodies.delete(request);
  }

  resolve(request: number, events: readonly TranscriptEvent[]): void {
    this.open.get(request)?.resolve(events);
    this.open.delete(request);
  }

  reject(request: number, error: ThreadError): void {
    for (const open of [this.open, this.openBodies]) {
      open.get(request)?.reject(errorFromBody(error));
      open.delete(request);
    }
  }
}

/** A step's effects go to the leader through the main thread. */
class PortRecorder implements EffectRecorder {
  private readonly channel: Channel;
  private readonly open = new Map<string, (result: CommandResult) => void>();

  constructor(channel: Channel) {
    this.channel = channel;
  }

  record(command: EffectCommand, bytes: number): Promise<CommandResult> {
    return new Promise((resolve) => {
      this.open.set(placeOf(command), resolve);
      this.channel.send({ kind: "record", command, bytes });
    });
  }

  resolve(frame: Extract<ToThread, { kind: "recorded" }>): void {
    const place = placeOf(frame);
    this.open.get(place)?.(frame.result);
    this.open.delete(place);
  }
}

function placeOf({ type, fence, n }: { readonly type: string; readonly fence: number; readonly n: number }): string {
  return `${type} ${fence} ${n}`;
}
