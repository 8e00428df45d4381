/** The step runner on a clock that the test moves: exactly one outcome a dispatch, whatever the step does. */
import { CONTEXT_DIM, floatsToBytes, limits } from "@triad/protocol";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { type AgentConfig, defineAgent, defineTeam, type Turn } from "../../src/index.ts";
import type { Model } from "../../src/services/model.ts";
import type { ModelCall, StepOutcome } from "../../src/services/ports.ts";
import { ConversationMemory } from "../../src/services/recall.ts";
import { SETTLE_GRACE_MS, StepRunner } from "../../src/services/step-runner.ts";
import { chainOf, dispatchOf, factsOf, sha256 } from "../support/make.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

type Step = AgentConfig["step"];

interface Bench {
  readonly clock: ManualClock;
  readonly runner: StepRunner;
  readonly outcomes: Map<number, StepOutcome>;
  readonly deltas: string[];
  readonly calls: ModelCall[];
  readonly order: string[];
}

function bench(step: Step, more: Partial<AgentConfig> = {}, model?: Model): Bench {
  const clock = new ManualClock();
  const outcomes = new Map<number, StepOutcome>();
  const deltas: string[] = [];
  const calls: ModelCall[] = [];
  const order: string[] = [];
  const team = defineTeam({
    name: "t",
    agents: [
      defineAgent({
        name: "a",
        prompt: { template: "{{agent:text}}: {{input:text:required}} {{facts:json}}", version: 1 },
        timeoutMs: 1_000,
        step,
        ...more,
      }),
    ],
  });
  const unasked = () => Promise.reject(new Error("nobody was to be asked"));
  const memory = new ConversationMemory({ read: unasked, readBody: unasked }, sha256);
  const runner = new StepRunner(
    team,
    clock,
    {
      memory,
      effects: new MemoryJournal(),
      log: pino({ level: "silent" }),
      nowMs: () => clock.nowMs(),
      model: () => (model ? Promise.resolve(model) : Promise.reject(new Error("no model"))),
      emit: (_fence, text) => deltas.push(text),
      modelCalled: (call) => calls.push(call),
    },
    {
      started: (fence) => order.push(`started ${fence}`),
      ended: (fence, outcome) => {
        if (outcomes.has(fence)) throw new Error(`a second outcome for ${fence}`);
        order.push(`ended ${fence}`);
        outcomes.set(fence, outcome);
      },
    },
  );
  return { clock, runner, outcomes, deltas, calls, order };
}

/** The outcome of one dispatch of agent `a`. */
async function outcomeOf(step: Step, more: Parameters<typeof dispatchOf>[3] = {}): Promise<StepOutcome> {
  const b = bench(step);
  b.runner.run(dispatchOf(1, "a", "hello", more));
  await settle();
  const outcome = b.outcomes.get(1);
  if (outcome === undefined) throw new Error("the step has not ended");
  expect(b.runner.inFlight).toBe(0);
  return outcome;
}

describe("what a step returns", () => {
  test("finish: output, facts, quality, evidence", async () => {
    const outcome = await outcomeOf((turn) =>
      turn.finish({ output: { a: [1] }, facts: { area: "north", gone: null, absent: undefined }, quality: 0.5 }),
    );
    expect(outcome).toMatchObject({
      kind: "finished",
      output: '{"a":[1]}',
      facts: { area: "north", gone: null },
      quality: 0.5,
      next: { kind: "finish" },
    });
    expect(outcome.kind === "finished" && Object.keys(outcome.facts)).toEqual(["area", "gone"]);
    expect(outcome.kind === "finished" && outcome.evidence?.vector.length).toBe(CONTEXT_DIM);
    expect(outcome.kind === "finished" && outcome.evidence?.scale).toBeGreaterThan(0);
  });

  test("handoff by name or by skills", async () => {
    expect(await outcomeOf((turn) => turn.handoff({ to: "b" }))).toMatchObject({ next: { kind: "handoff", to: "b" } });
    expect(await outcomeOf((turn) => turn.handoff({ requires: { s: 1 } }))).toMatchObject({
      next: { kind: "handoff", requires: { s: 1 } },
    });
  });

  test.each<[string, Step]>([
    ["nothing", () => undefined as never],
    ["a look-alike", () => ({ kind: "finish", output: "", facts: {} })],
    ["null", () => null as never],
    ["a hand-off to nobody", (turn) => turn.handoff({})],
    ["a hand-off to a number", (turn) => turn.handoff({ to: 7 as never })],
    ["a hand-off that requires nothing", (turn) => turn.handoff({ requires: {} })],
    ["a negative weight", (turn) => turn.handoff({ requires: { s: -1 } })],
    ["a quality above 1", (turn) => turn.finish({ quality: 1.5 })],
  ])("%s is TRIAD_STEP_INVALID, terminal", async (_what, step) => {
    expect(await outcomeOf(step)).toMatchObject({
      kind: "failed",
      cause: "invalid",
      terminal: true,
      error: { code: "TRIAD_STEP_INVALID" },
    });
  });

  test("in an ensemble only finish is allowed", async () => {
    expect(await outcomeOf((turn) => turn.handoff({ to: "b" }), { ensemble: true })).toMatchObject({
      terminal: true,
      error: { code: "TRIAD_STEP_INVALID" },
    });
    expect(await outcomeOf((turn) => turn.finish(), { ensemble: true })).toMatchObject({ kind: "finished" });
  });

  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  test.each<[string, Step]>([
    ["a function as output", (turn) => turn.finish({ output: () => 1 })],
    ["a circle", (turn) => turn.finish({ output: circular })],
    ["a fact that is no JSON", (turn) => turn.finish({ facts: { when: new Date(0) } })],
    ["a fact that is not a number", (turn) => turn.finish({ facts: { n: Number.NaN } })],
    ["a name that touches prototypes", (turn) => turn.finish({ facts: JSON.parse('{"__proto__": 1}') as Record<string, unknown> })],
    ["facts that are a list", (turn) => turn.finish({ facts: [] as never })],
  ])("%s is TRIAD_BODY_INVALID, terminal", async (_what, step) => {
    expect(await outcomeOf(step)).toMatchObject({
      kind: "failed",
      cause: "invalid",
      terminal: true,
      error: { code: "TRIAD_BODY_INVALID" },
    });
  });

  test("output and facts have a bound each, in bytes", async () => {
    const half = limits.BODY_BYTES_MAX / 2;
    const facts = { f: "y".repeat(limits.INLINE_BODY_BYTES_MAX - 8) };
    const fits = await outcomeOf((turn) => turn.finish({ output: "ü".repeat(half), facts }));
    expect(fits).toMatchObject({ kind: "finished", bytes: limits.BODY_BYTES_MAX + limits.INLINE_BODY_BYTES_MAX });
    const tooLarge = { terminal: true, error: { code: "TRIAD_BODY_TOO_LARGE" } };
    expect(await outcomeOf((turn) => turn.finish({ output: `${"ü".repeat(half)}x` }))).toMatchObject(tooLarge);
    expect(await outcomeOf((turn) => turn.finish({ facts: { f: `${facts.f}y` } }))).toMatchObject(tooLarge);
  });
});

describe("how a step fails", () => {
  test("its own message is kept, and it may be tried again", async () => {
    for (const step of [
      () => {
        throw new Error("no rooms");
      },
      () => Promise.reject(new Error("no rooms")),
    ]) {
      expect(await outcomeOf(step)).toMatchObject({
        kind: "failed",
        cause: "threw",
        terminal: false,
        error: { code: "TRIAD_STEP_FAILED", message: "no rooms" },
      });
    }
  });

  test.each([
    ["text", "text"],
    [undefined, "undefined"],
    [{ message: "mine" }, "mine"],
    [7, "7"],
  ])("thrown %j", async (thrown, message) => {
    const outcome = await outcomeOf(() => Promise.reject(thrown));
    expect(outcome).toMatchObject({ error: { code: "TRIAD_STEP_FAILED", message: expect.stringContaining(message) } });
  });

  test.each<[string, (turn: Turn) => never]>([["fanOut", (turn) => turn.fanOut([])]])(
    "turn.%s answers TRIAD_NOT_AVAILABLE, terminal",
    async (_name, step) => {
      expect(await outcomeOf(step)).toMatchObject({ terminal: true, error: { code: "TRIAD_NOT_AVAILABLE" } });
    },
  );

  test("an agent that the team has not", async () => {
    const b = bench((turn) => turn.finish());
    b.runner.run(dispatchOf(1, "nobody", ""));
    expect(b.outcomes.get(1)).toMatchObject({ kind: "failed", terminal: true, error: { code: "TRIAD_AGENT_UNKNOWN" } });
  });
});

describe("time and aborts", () => {
  const patient: Step = (turn) => new Promise((_, reject) => turn.signal.addEventListener("abort", () => reject(turn.signal.reason)));
  const deaf: Step = () => new Promise(() => undefined);

  test("at its timeout the signal fires and the step has failed, whatever it does then", async () => {
    for (const step of [
      patient,
      ((turn: Turn) => new Promise((resolve) => turn.signal.addEventListener("abort", () => resolve(turn.finish())))) as Step,
    ]) {
      const b = bench(step);
      b.runner.run(dispatchOf(1, "a", ""));
      await b.clock.advance(999);
      expect(b.outcomes.size).toBe(0);
      await b.clock.advance(30);
      expect(b.outcomes.get(1)).toMatchObject({ kind: "failed", cause: "timeout", terminal: false, error: { code: "TRIAD_STEP_TIMEOUT" } });
    }
  });

  test("S2: a step that does not listen is given up after its grace, and its late answer is dropped", async () => {
    let finish: (() => void) | undefined;
    const b = bench((turn) => new Promise((resolve) => (finish = () => resolve(turn.finish()))));
    b.runner.run(dispatchOf(1, "a", ""));
    await b.clock.advance(1_000 + SETTLE_GRACE_MS - 1);
    expect(b.outcomes.size).toBe(0);
    await b.clock.advance(50);
    expect(b.outcomes.get(1)).toMatchObject({ cause: "timeout" });
    finish?.();
    await settle();
    expect(b.order).toEqual(["started 1", "ended 1"]);
  });

  test("an abort by the cluster ends it as aborted, once, and silences its deltas", async () => {
    let turnOf: Turn | undefined;
    const b = bench((turn) => {
      turnOf = turn;
      return new Promise(() => undefined);
    });
    b.runner.run(dispatchOf(1, "a", ""));
    b.runner.abort(1);
    b.runner.abort(1);
    b.runner.abort(99);
    // Asked for only now, the signal has already fired.
    expect(turnOf?.signal.aborted).toBe(true);
    turnOf?.emit("too late");
    await b.clock.advance(SETTLE_GRACE_MS + 50);
    expect(b.outcomes.get(1)).toMatchObject({ kind: "aborted" });
    expect(b.deltas).toEqual([]);
  });

  test("a hundred steps at once each have their own time", async () => {
    const b = bench(deaf);
    for (let i = 1; i <= 100; i++) {
      b.runner.run(dispatchOf(i, "a", ""));
      await b.clock.advance(1);
    }
    await b.clock.advance(5_000);
    expect(b.outcomes.size).toBe(100);
    expect(b.runner.inFlight).toBe(0);
  });
});

describe("what a turn offers", () => {
  test("facts are plain, complete and frozen; names of Object.prototype are not facts", async () => {
    const outcome = await outcomeOf(
      (turn) => {
        expect(turn.facts["area"]).toBe("north");
        expect(turn.facts["toString"]).toBeUndefined();
        expect(() => (turn.facts["list"] as string[]).push("x")).toThrow();
        expect(() => ((turn.facts as Record<string, unknown>)["new"] = 1)).toThrow();
        return turn.finish({ output: JSON.stringify(turn.facts) });
      },
      { facts: factsOf({ area: "north", list: ["a"] }) },
    );
    expect(outcome).toMatchObject({ output: '{"area":"north","list":["a"]}' });
  });

  test("the idempotency key is that of task, step and member, not of attempt, start or fence", async () => {
    const keyOf = async (more: Parameters<typeof dispatchOf>[3]): Promise<string> => {
      const outcome = await outcomeOf((turn) => turn.finish({ output: turn.idempotencyKey }), { task: "t-1", ...more });
      return outcome.kind === "finished" ? outcome.output : "";
    };
    const key = await keyOf({});
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(await keyOf({ attempt: 3, start: 9, fence: 1 })).toBe(key);
    for (const other of [{ task: "t-2" }, { step: 2 }, { member: 1 }]) expect(await keyOf(other)).not.toBe(key);
  });

  test("context: what was negotiated, or zeros for a newcomer", async () => {
    const context = Float32Array.from({ length: CONTEXT_DIM }, (_, i) => i / 1024);
    const read: Step = (turn) => turn.finish({ output: `${turn.context.length} ${turn.context[5]}` });
    expect(await outcomeOf(read, { context: floatsToBytes(context) })).toMatchObject({ output: `${CONTEXT_DIM} ${5 / 1024}` });
    expect(await outcomeOf(read)).toMatchObject({ output: `${CONTEXT_DIM} 0` });
  });

  test("the prompt, and the report of its view in the outcome", async () => {
    const events = chainOf([{ by: "b", text: "hi" }]);
    const outcome = await outcomeOf((turn) => turn.finish({ output: turn.prompt({ agent: "me" }) }), {
      facts: factsOf({ area: "north" }),
      events,
      eventsTotal: 5,
      root: events[0]?.id ?? "",
    });
    expect(outcome).toMatchObject({ output: 'me: hello {"area":"north"}', view: { factsShown: 1, eventsShown: 0 } });
  });

  test("a blank required slot fails the step, terminal", async () => {
    const b = bench((turn) => turn.finish({ output: turn.prompt() }));
    b.runner.run(dispatchOf(1, "a", " "));
    await settle();
    expect(b.outcomes.get(1)).toMatchObject({ terminal: true, error: { code: "TRIAD_SLOT_MISSING" } });
  });
});

describe("turn.generate", () => {
  const model: Model = {
    label: "fake",
    generate: async (request) => ({ text: `answer to ${request.prompt}`, tokensIn: 1_000_000, tokensOut: 500_000 }),
    stream: async (_request, _signal, piece) => {
      for (const part of ["a", "b"]) piece(part);
      return { text: "ab", tokensIn: 1, tokensOut: 2 };
    },
  };

  test("the agent's prompt by default, usage and cost summed over calls, deltas when asked", async () => {
    const b = bench(
      async (turn) => {
        const { text } = await turn.generate();
        await turn.generate({ prompt: "x", stream: true });
        return turn.finish({ output: text });
      },
      { price: { inputUsdPerMillion: 2, outputUsdPerMillion: 4 } },
      model,
    );
    b.runner.run(dispatchOf(1, "a", "hello"));
    await settle();
    expect(b.outcomes.get(1)).toMatchObject({
      kind: "finished",
      output: "answer to a: hello {}",
      usage: { tokensIn: 1_000_001, tokensOut: 500_002 },
    });
    const outcome = b.outcomes.get(1);
    expect(outcome?.kind === "finished" && outcome.usage.costUsd).toBeCloseTo(4, 4);
    expect(b.deltas).toEqual(["a", "b"]);
    expect(b.calls.map((call) => [call.model, call.ok])).toEqual([
      ["fake", true],
      ["fake", true],
    ]);
  });
});
