/**
 * Random valid messages and commands, one arbitrary a kind. The tables are typed by every kind there is, so a new message that nobody
 * generates does not compile.
 */
import fc from "fast-check";
import { type Body, type BodyRef, chunkCount, type StoredBody } from "../src/body.ts";
import type { Command, CommandResult, CommandType } from "../src/commands.ts";
import type { FactsDelta, Json } from "../src/json.ts";
import { CHUNK_BYTES_MAX } from "../src/limits.ts";
import type { Dispatch, Message, MessageKind } from "../src/messages.ts";
import type { EffectOutcome, Fact, JournalEntry, NextMove, Pick, Requirements, RoutingDecision, Strategy, TaskError } from "../src/task.ts";
import type { TranscriptEvent } from "../src/transcript.ts";
import { CONTEXT_DIM, ROUTING_DIM, type TeamManifest } from "../src/triple.ts";

const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

export const text = (maxLength = 40): fc.Arbitrary<string> => fc.string({ unit: "binary", maxLength });
export const token: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/);
const id: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:~-]{0,30}$/);
const name = token.filter((value) => !FORBIDDEN.has(value));
const whole = fc.maxSafeNat();
/** Without −0, which msgpack's integers do not hold: it arrives as 0, as it does in canonical bytes. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const share = fc.double({ min: 0, max: 1, noNaN: true });
const vector = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

/** An object without the keys whose value is undefined: an optional field is present or absent, never undefined. */
function record<T>(fields: { [K in keyof T]-?: fc.Arbitrary<T[K]> }, optional: readonly (keyof T)[] = []): fc.Arbitrary<T> {
  const required = (Object.keys(fields) as (keyof T)[]).filter((key) => !optional.includes(key));
  return fc.record(fields as { [K in keyof T]: fc.Arbitrary<T[K]> }, { requiredKeys: required, noNullPrototype: true }) as fc.Arbitrary<T>;
}

const dictionary = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>, maxKeys = 4): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(key, value, { maxKeys, noNullPrototype: true });

const jsonKey = text(12).filter((key) => !FORBIDDEN.has(key));
export const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), finite, text()),
    fc.array(tie("value"), { maxLength: 3 }),
    dictionary(jsonKey, tie("value"), 3),
  ) as fc.Arbitrary<Json>,
})).value;

const factName = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((key) => !FORBIDDEN.has(key));
const facts: fc.Arbitrary<FactsDelta> = dictionary(factName, json);
const requires: fc.Arbitrary<Requirements> = dictionary(name, fc.double({ min: 0, max: 1e6, noNaN: true }));

const strategy: fc.Arbitrary<Strategy> = fc.oneof(
  fc.constant({ kind: "single" } as const),
  record<Extract<Strategy, { kind: "ensemble" }>>(
    {
      kind: fc.constant("ensemble" as const),
      agents: fc.integer({ min: 1, max: 32 }),
      aggregate: fc.constantFrom("first", "majority", "weighted", "merge", "judge"),
      quorum: fc.integer({ min: 1, max: 32 }),
    },
    ["quorum"],
  ),
);

const taskError: fc.Arbitrary<TaskError> = record<TaskError>({ code: text(20), message: text(), details: json }, ["details"]);
const parts = record({ time: finite, cost: finite, affinity: finite, quality: finite, incumbent: finite });
const routing: fc.Arbitrary<RoutingDecision> = record<RoutingDecision>({
  score: finite,
  runnerUp: fc.option(token),
  candidates: fc.array(record({ agent: token, score: finite, parts }), { maxLength: 8 }),
  reason: fc.constantFrom("best", "nearTie", "incumbent", "only", "named", "explore", "ensemble", "retry", "lost"),
});
const member = fc.integer({ min: 0, max: 31 });
const pick: fc.Arbitrary<Pick> = record<Pick>(
  {
    task: id,
    step: whole,
    member,
    agent: token,
    worker: token,
    workerToken: whole,
    requires,
    routing,
    voteWeight: whole,
    alone: fc.boolean(),
  },
  ["voteWeight", "alone"],
);
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const chunksOf = (bytes: number) => fc.array(sha256, { minLength: chunkCount(bytes), maxLength: chunkCount(bytes) });
const storedBody: fc.Arbitrary<StoredBody> = fc
  .integer({ min: 1, max: 3 * CHUNK_BYTES_MAX })
  .chain((bytes) => record<StoredBody>({ ref: sha256, bytes: fc.constant(bytes), chunks: chunksOf(bytes) }));
const body: fc.Arbitrary<Body> = fc.oneof(
  text(200),
  storedBody.chain(({ ref, bytes, chunks }) =>
    record<BodyRef>({ ref: fc.constant(ref), bytes: fc.constant(bytes), chunks: fc.constant(chunks), head: text(200) }),
  ),
);
const assign = fc.array(pick, { maxLength: 3 });

const manifest: fc.Arbitrary<TeamManifest> = record<TeamManifest>({
  name: token,
  skills: fc.array(token, { maxLength: 3 }),
  negotiation: record<TeamManifest["negotiation"]>({
    alpha: fc.oneof(fc.constant("auto" as const), fc.double({ min: 1e-9, max: 10, noNaN: true })),
    lambda: fc.double({ min: 0, max: 10, noNaN: true }),
    beta: fc.double({ min: 1e-9, max: 10, noNaN: true }),
    weights: fc.constantFrom("uniform", "trust"),
    stepPolicy: fc.constantFrom("reject", "clamp"),
  }),
  agents: fc.array(
    record<TeamManifest["agents"][number]>(
      {
        name: token,
        prompt: record({ template: text(), version: whole }),
        capabilities: dictionary(name, share),
        examples: fc.array(text(), { maxLength: 3 }),
        model: text(),
        timeoutMs: fc.integer({ min: 1, max: 3_600_000 }),
        retry: record({ attempts: fc.integer({ min: 1, max: 100 }), backoffMs: fc.integer({ min: 0, max: 30_000 }) }),
        concurrency: fc.integer({ min: 1, max: 1024 }),
      },
      ["model"],
    ),
    { minLength: 1, maxLength: 3 },
  ),
  idf: fc.oneof(fc.constant(new Uint8Array(0)), vector(ROUTING_DIM * 4)),
  prototypes: dictionary(name, fc.array(vector(ROUTING_DIM), { maxLength: 2 }), 2),
});

const next: fc.Arbitrary<NextMove> = fc.oneof(
  fc.constant({ kind: "finish" } as const),
  record<Extract<NextMove, { kind: "handoff" }>>({ kind: fc.constant("handoff" as const), to: token, requires }, ["to", "requires"]),
);
const step = { task: id, step: whole, member, fence: whole };
const constant = <const T extends string>(value: T): fc.Arbitrary<T> => fc.constant(value);
const counts = { factTokens: whole, textTokens: whole, factsShown: whole, factsLeftOut: whole, eventsShown: whole, eventsLeftOut: whole };

type CommandOf<T extends CommandType> = Extract<Command, { readonly type: T }>;

const place = fc.integer({ min: 1, max: 256 });
const effectName = fc.string({ minLength: 1, maxLength: 64 });
const effectOutcome: fc.Arbitrary<EffectOutcome> = fc.oneof(
  record({ kind: constant("returned"), value: text() }),
  record({ kind: constant("threw"), error: taskError }),
);
const journalEntry: fc.Arbitrary<JournalEntry> = record({
  n: place,
  name: effectName,
  inputDigest: text(64),
  attempt: whole,
  outcome: effectOutcome,
});

export const commandByType: { readonly [T in CommandType]: fc.Arbitrary<CommandOf<T>> } = {
  RegisterTeam: record({ type: constant("RegisterTeam"), manifest, digest: text(64) }),
  RegisterWorker: record({
    type: constant("RegisterWorker"),
    worker: token,
    bootId: token,
    digest: text(64),
    pid: whole,
    threads: fc.integer({ min: 0, max: 4096 }),
    http: text(),
  }),
  DrainWorker: record({ type: constant("DrainWorker"), worker: token }),
  WorkerLost: record<CommandOf<"WorkerLost">>({
    type: constant("WorkerLost"),
    worker: token,
    token: whole,
    reason: fc.constantFrom("silent", "left"),
  }),
  OpenTask: record<CommandOf<"OpenTask">>(
    {
      type: constant("OpenTask"),
      task: id,
      conversation: id,
      key: text(),
      requestDigest: text(64),
      input: text(200),
      observations: fc.array(record({ by: text(), text: text() }), { maxLength: 3 }),
      embedding: vector(ROUTING_DIM),
      requires,
      strategy,
      facts,
      deadlineAt: whole,
      maxTransitions: fc.integer({ min: 0, max: 10_000 }),
      assign,
    },
    ["key", "embedding", "requires", "deadlineAt"],
  ),
  StepFinished: record<CommandOf<"StepFinished">>(
    {
      type: constant("StepFinished"),
      ...step,
      output: body,
      facts,
      evidence: record({ vector: vector(CONTEXT_DIM), scale: fc.double({ min: 0, max: 1, noNaN: true }) }),
      quality: share,
      usage: record({ tokensIn: whole, tokensOut: whole, costUsd: share }),
      serviceMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      view: record(counts),
      next,
      assign,
    },
    ["evidence", "quality", "view"],
  ),
  StepFailed: record<CommandOf<"StepFailed">>({
    type: constant("StepFailed"),
    ...step,
    cause: fc.constantFrom("threw", "timeout", "invalid", "killed"),
    terminal: fc.boolean(),
    error: taskError,
    retryAt: whole,
    assign,
  }),
  StepLost: record({ type: constant("StepLost"), ...step, alone: fc.boolean(), assign }),
  EffectIntended: record<CommandOf<"EffectIntended">>(
    {
      type: constant("EffectIntended"),
      ...step,
      n: place,
      name: effectName,
      inputDigest: text(64),
      onDoubt: fc.constantFrom("sameKey", "repeat", "ask"),
      question: text(),
    },
    ["question"],
  ),
  EffectDone: record({ type: constant("EffectDone"), ...step, n: place, outcome: effectOutcome }),
  EffectResolved: record<CommandOf<"EffectResolved">>(
    {
      type: constant("EffectResolved"),
      task: id,
      n: place,
      member,
      verdict: fc.oneof(fc.constant({ kind: "repeat" } as const), record({ kind: constant("done"), value: text() })),
      request: text(),
      assign,
    },
    ["member"],
  ),
  Assign: record({ type: constant("Assign"), assign: fc.array(pick, { minLength: 1, maxLength: 3 }) }),
  EndTask: record<CommandOf<"EndTask">>(
    { type: constant("EndTask"), task: id, status: fc.constantFrom("cancelled", "expired", "failed"), error: taskError, assign },
    ["error"],
  ),
  Feedback: record<CommandOf<"Feedback">>({ type: constant("Feedback"), task: id, step: whole, quality: share, request: text() }, ["step"]),
  SetConfig: record<CommandOf<"SetConfig">>({ type: constant("SetConfig"), retentionMs: whole, keyTtlMs: whole }, [
    "retentionMs",
    "keyTtlMs",
  ]),
  Tick: record({ type: constant("Tick") }),
};

export const command: fc.Arbitrary<Command> = fc.oneof(...(Object.values(commandByType) as fc.Arbitrary<Command>[]));

const result: fc.Arbitrary<CommandResult> = record<CommandResult>(
  {
    outcome: fc.constantFrom("ok", "duplicate", "conflict", "fenced", "ended", "refused"),
    code: text(),
    message: text(),
    details: json,
    task: text(),
    conversation: text(),
    status: text(20),
    token: whole,
    effect: record({ round: whole, parked: fc.boolean() }),
    index: whole,
  },
  ["code", "message", "details", "task", "conversation", "status", "token", "effect", "index"],
);
const event: fc.Arbitrary<TranscriptEvent> = record<TranscriptEvent>(
  {
    seq: whole,
    prev: text(),
    id: text(),
    type: fc.constantFrom("observed", "opened", "step", "ended"),
    at: whole,
    task: text(),
    step: whole,
    by: text(),
    text: text(),
    body: storedBody,
    facts,
  },
  ["body"],
);
const fact: fc.Arbitrary<Fact> = record<Fact>({ value: json, version: whole, task: text(), step: whole, agent: text() });
const dispatchItem: fc.Arbitrary<Dispatch> = record<Dispatch>(
  {
    no: whole,
    ...step,
    attempt: whole,
    start: whole,
    alone: fc.boolean(),
    conversation: id,
    agent: token,
    input: text(),
    requires,
    facts: dictionary(factName, fact),
    events: fc.array(event, { maxLength: 3 }),
    eventsTotal: whole,
    root: text(),
    context: fc.oneof(fc.constant(new Uint8Array(0)), vector(CONTEXT_DIM * 4)),
    deadlineAt: whole,
    ensemble: fc.boolean(),
    effects: fc.array(journalEntry, { maxLength: 3 }),
  },
  ["deadlineAt", "effects"],
);

const inbox = { term: whole, leader: token };
type MessageOf<K extends MessageKind> = Extract<Message, { readonly kind: K }>;

export const messageByKind: { readonly [K in MessageKind]: fc.Arbitrary<MessageOf<K>> } = {
  propose: record({ kind: constant("propose"), from: token, commands: fc.array(command, { minLength: 1, maxLength: 3 }) }),
  proposed: record({ kind: constant("proposed"), results: fc.array(result, { maxLength: 3 }) }),
  notLeader: record({ kind: constant("notLeader"), leader: text() }),
  refused: record({ kind: constant("refused"), code: text(), message: text() }),
  dispatch: record({ kind: constant("dispatch"), ...inbox, items: fc.array(dispatchItem, { minLength: 1, maxLength: 2 }) }),
  abort: record({ kind: constant("abort"), ...inbox, fences: fc.array(whole) }),
  reregister: record({ kind: constant("reregister"), ...inbox, token: whole }),
  replaced: record({ kind: constant("replaced"), ...inbox, bootId: token }),
  drain: record({ kind: constant("drain"), ...inbox }),
  heartbeat: record({
    kind: constant("heartbeat"),
    worker: token,
    bootId: token,
    token: whole,
    echoTerm: whole,
    echoNo: whole,
    fences: fc.array(whole),
    threads: whole,
    inFlight: whole,
    lagMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  }),
  status: record<MessageOf<"status">>({
    kind: constant("status"),
    id: token,
    node: token,
    bootId: token,
    pid: whole,
    http: text(),
    term: whole,
    role: fc.constantFrom("leader", "follower", "candidate"),
    leader: text(),
    commitIndex: whole,
    appliedIndex: whole,
    stateHash: text(),
    checkIndex: whole,
    checkHash: text(),
  }),
  discover: record({ kind: constant("discover") }),
  discovered: record({ kind: constant("discovered"), cluster: token, id: token, leader: text(), term: whole, http: text() }),
  readTranscript: record({ kind: constant("readTranscript"), conversation: id, from: whole, to: whole }),
  transcript: record({ kind: constant("transcript"), events: fc.array(event, { maxLength: 3 }) }),
  chunkPut: record({ kind: constant("chunkPut"), hash: sha256, bytes: fc.uint8Array() }),
  chunkGet: record<MessageOf<"chunkGet">>({ kind: constant("chunkGet"), hash: sha256, scope: fc.constantFrom("here", "anywhere") }),
  chunkStored: record({ kind: constant("chunkStored"), hash: sha256, voters: whole, graceMs: whole }),
  chunk: record({ kind: constant("chunk"), hash: sha256, bytes: fc.uint8Array() }),
  live: record<MessageOf<"live">>({
    kind: constant("live"),
    ...step,
    attempt: whole,
    start: whole,
    n: whole,
    event: fc.constantFrom("started", "delta"),
    agent: token,
    worker: token,
    text: text(),
  }),
  decisions: record({
    kind: constant("decisions"),
    index: whole,
    term: whole,
    decisions: fc.array(record({ ...step, agent: token, worker: token, score: finite, runnerUp: fc.option(token), reason: text(20) }), {
      maxLength: 3,
    }),
  }),
  commit: record({ kind: constant("commit"), index: whole, term: whole, commands: whole }),
};

export const message: fc.Arbitrary<Message> = fc.oneof(...(Object.values(messageByKind) as fc.Arbitrary<Message>[]));
