/** What a step's effects come to over starts and attempts: called once where the outcome is known, and only after the intent is in the log. */
import type { CommandResult } from "@triad/protocol";
import { limits } from "@triad/protocol";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type AgentConfig, defineAgent, defineTeam, type Tool } from "../../src/index.ts";
import type { Model, ModelAnswer, ModelRequest } from "../../src/services/model.ts";
import type { ModelCall, StepOutcome } from "../../src/services/ports.ts";
import { ConversationMemory } from "../../src/services/recall.ts";
import { StepRunner } from "../../src/services/step-runner.ts";
import { dispatchOf, sha256 } from "../support/make.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

type Step = AgentConfig["step"];

/** A step that starts again and again over one journal, as lost workers and failed attempts make it. */
class Starts {
  readonly journal = new MemoryJournal();
  readonly clock = new ManualClock();
  readonly deltas: string[] = [];
  readonly modelCalls: ModelCall[] = [];
  readonly requests: ModelRequest[] = [];
  readonly outcomes = new Map<number, StepOutcome>();
  private readonly runner: StepRunner;
  private fence = 0;

  constructor(step: Step, model: (request: ModelRequest) => string | ModelAnswer = () => "answer") {
    const agent = defineAgent({ name: "a", prompt: { template: "{{input:text}}", version: 1 }, model: "fake:m", timeoutMs: 1_000, step });
    const answer = async (request: ModelRequest) => {
      this.requests.push(request);
      const said = model(request);
      return typeof said === "string" ? { text: said, tokensIn: 3, tokensOut: 2 } : said;
    };
    const fake: Model = { label: "fake", generate: answer, stream: answer };
    const unasked = () => Promise.reject(new Error("nobody was to be asked"));
    const nobody = { read: unasked, readBody: unasked };
    this.runner = new StepRunner(
      defineTeam({ name: "t", agents: [agent] }),
      this.clock,
      {
        memory: new ConversationMemory(nobody, sha256),
        effects: this.journal,
        log: pino({ level: "silent" }),
        nowMs: () => this.clock.nowMs(),
        model: () => Promise.resolve(fake),
        emit: (_fence, text) => void this.deltas.push(text),
        modelCalled: (call) => void this.modelCalls.push(call),
      },
      { started: () => undefined, ended: (fence, outcome) => void this.outcomes.set(fence, outcome) },
    );
  }

  /** Begins the step anew with what is journaled by now; gives its fence. */
  begin(attempt = 1): number {
    this.journal.attempt = attempt;
    const fence = ++this.fence;
    this.runner.run(dispatchOf(fence, "a", "in", { task: "t", attempt, start: fence, effects: [...this.journal.entries.values()] }));
    return fence;
  }

  async start(attempt = 1): Promise<StepOutcome> {
    const fence = this.begin(attempt);
    await settle();
    const outcome = this.outcomes.get(fence);
    if (outcome === undefined) throw new Error("the step has not ended");
    return outcome;
  }

  abort(fence: number): void {
    this.runner.abort(fence);
  }
}

describe("an effect whose outcome is journaled", () => {
  test("is given back in a later start and a later attempt, and not called", async () => {
    const keys: string[] = [];
    const starts = new Starts(async (turn) => {
      const seat = await turn.effect("book", { seat: 7 }, (key) => {
        keys.push(key);
        return { booked: 7, gone: undefined };
      });
      return turn.finish({ output: seat });
    });
    for (const attempt of [1, 1, 2]) expect(await starts.start(attempt)).toMatchObject({ kind: "finished", output: '{"booked":7}' });
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(starts.journal.said).toEqual(["intend 1", "returned 1"]);
  });

  test("nothing returned is nothing again", async () => {
    const starts = new Starts(async (turn) => turn.finish({ output: `${await turn.effect("tell", null, () => undefined)}` }));
    for (const attempt of [1, 1]) expect(await starts.start(attempt)).toMatchObject({ output: "undefined" });
    expect(starts.journal.said).toEqual(["intend 1", "returned 1"]);
  });

  test("what failed goes the same way in its own attempt, and is called again in the next", async () => {
    let calls = 0;
    const starts = new Starts(async (turn) => {
      const value = await turn.effect("pay", 1, () => {
        calls++;
        if (calls === 1) throw new Error("the bank is closed");
        return "paid";
      });
      return turn.finish({ output: value });
    });
    const failed = { kind: "failed", terminal: false, error: { code: "TRIAD_STEP_FAILED", message: "the bank is closed" } };
    expect(await starts.start(1)).toMatchObject(failed);
    expect(await starts.start(1)).toMatchObject(failed);
    expect(calls).toBe(1);
    expect(await starts.start(2)).toMatchObject({ output: "paid" });
    expect(await starts.start(2)).toMatchObject({ output: "paid" });
    expect(calls).toBe(2);
  });

  test.each<[string, (round: number) => [string, unknown]]>([
    ["name", (round) => [`book-${round}`, 1]],
    ["input", (round) => ["book", { round }]],
  ])("another %s there fails the step for good, whatever it makes of the error", async (_what, call) => {
    let round = 0;
    let calls = 0;
    const starts = new Starts(async (turn) => {
      const [name, input] = call(round++);
      await turn.effect(name, input, () => ++calls).catch(() => undefined);
      return turn.finish({ output: "as if nothing had been" });
    });
    expect((await starts.start()).kind).toBe("finished");
    expect(await starts.start()).toMatchObject({ kind: "failed", terminal: true, error: { code: "TRIAD_EFFECT_MISMATCH" } });
    expect(calls).toBe(1);
  });

  test("effects at once keep their places", async () => {
    const called: string[] = [];
    const starts = new Starts(async (turn) => {
      const call = (name: string) => turn.effect(name, null, () => void called.push(name));
      await Promise.all([call("a"), turn.generate({ prompt: "p" }), call("b")]);
      return turn.finish();
    });
    await starts.start();
    await starts.start();
    expect(called).toEqual(["a", "b"]);
    expect([...starts.journal.entries.values()].map(({ n, name }) => `${n} ${name}`).sort()).toEqual(["1 a", "2 generate", "3 b"]);
  });
});

describe("an effect before its outcome", () => {
  test("is not called before its intent, and every outcome before it, are answered", async () => {
    const order: string[] = [];
    const starts = new Starts(async (turn) => {
      await turn.effect("one", null, () => void order.push("one"));
      order.push("between");
      await turn.effect("two", null, () => void order.push("two"));
      return turn.finish();
    });
    const gates = new Map<string, PromiseWithResolvers<undefined>>();
    starts.journal.answer = (command) => {
      const gate = Promise.withResolvers<undefined>();
      gates.set(`${command.type} ${command.n}`, gate);
      return gate.promise as Promise<never>;
    };
    const open = async (what: string) => {
      gates.get(what)?.resolve(undefined);
      await settle();
    };
    const fence = starts.begin();
    await settle();
    expect(order).toEqual([]);
    await open("EffectIntended 1");
    // The outcome of the first and the intent of the second are on their way together.
    expect(order).toEqual(["one", "between"]);
    expect([...gates.keys()]).toEqual(["EffectIntended 1", "EffectDone 1", "EffectIntended 2"]);
    await open("EffectIntended 2");
    expect(order).toEqual(["one", "between"]);
    await open("EffectDone 1");
    expect(order).toEqual(["one", "between", "two"]);
    await open("EffectDone 2");
    expect(starts.outcomes.get(fence)?.kind).toBe("finished");
  });

  test.each<CommandResult>([{ outcome: "fenced" }, { outcome: "ended" }, { outcome: "ok", effect: { round: 0, parked: true } }])(
    "answered %j it is not called",
    async (answer) => {
      let calls = 0;
      const starts = new Starts(async (turn) => turn.finish({ output: await turn.effect("pay", null, () => ++calls) }));
      starts.journal.answer = () => answer;
      expect(await starts.start()).toMatchObject({ kind: "failed", error: { code: "TRIAD_CANCELLED" } });
      expect(calls).toBe(0);
    },
  );

  test("waits for a cluster without a leader until the step is ended", async () => {
    let calls = 0;
    const starts = new Starts(async (turn) => turn.finish({ output: await turn.effect("pay", null, () => ++calls) }));
    starts.journal.answer = () => new Promise<never>(() => undefined);
    const fence = starts.begin();
    await settle();
    starts.abort(fence);
    await settle();
    expect(starts.outcomes.get(fence)).toMatchObject({ kind: "aborted" });
    expect(calls).toBe(0);
  });

  test("a call that the step's end cut off stays in doubt; one that came back is kept", async () => {
    const starts = new Starts(async (turn) => {
      await turn.effect("slow", null, () => {
        const { promise, reject } = Promise.withResolvers<never>();
        turn.signal.addEventListener("abort", () => reject(turn.signal.reason));
        return promise;
      });
      return turn.finish();
    });
    const fence = starts.begin();
    await settle();
    starts.abort(fence);
    await settle();
    expect(starts.journal.said).toEqual(["intend 1"]);
  });

  test("a repetition that the log calls a new one has a key of its own", async () => {
    const keys: string[] = [];
    const starts = new Starts(async (turn) => turn.finish({ output: await turn.effect("pay", null, (key) => void keys.push(key)) }));
    for (const round of [0, 1, 1]) {
      starts.journal.answer = (command) =>
        command.type === "EffectIntended" ? { outcome: "ok", effect: { round, parked: false } } : { outcome: "ok" };
      await starts.start();
    }
    expect(keys[0]).not.toBe(keys[1]);
    expect(keys[1]).toBe(keys[2]);
  });
});

describe("refused", () => {
  test.each<[string, string, Step]>([
    ["a call within a call", "TRIAD_STEP_INVALID", async (turn) => turn.effect("a", 1, () => turn.effect("b", 2, () => 3))],
    ["no name", "TRIAD_STEP_INVALID", async (turn) => turn.effect("", 1, () => 3)],
    ["an unknown policy", "TRIAD_STEP_INVALID", async (turn) => turn.effect("a", 1, () => 3, { onDoubt: "guess" as never })],
    ["a result that is not JSON", "TRIAD_BODY_INVALID", async (turn) => turn.effect("a", 1, () => 3n as never)],
    ["an input that is not JSON", "TRIAD_BODY_INVALID", async (turn) => turn.effect("a", 1n, () => 3 as never)],
    [
      "a result that is too large",
      "TRIAD_BODY_TOO_LARGE",
      async (turn) => turn.effect("a", 1, () => "y".repeat(limits.INLINE_BODY_BYTES_MAX) as never),
    ],
    [
      "results that are too large together",
      "TRIAD_EFFECTS_TOO_LARGE",
      async (turn) => {
        for (let i = 0; i < 3; i++) await turn.effect("a", i, () => "y".repeat(100_000));
        return turn.finish();
      },
    ],
    [
      "too many",
      "TRIAD_EFFECTS_TOO_MANY",
      async (turn) => {
        for (let i = 0; i <= limits.EFFECTS_MAX; i++) await turn.effect("a", i, () => i);
        return turn.finish();
      },
    ],
  ] as [string, string, Step][])("%s: %s, terminal", async (_what, code, step) => {
    const starts = new Starts(step);
    const fence = starts.begin();
    for (let i = 0; i < 50 && !starts.outcomes.has(fence); i++) await settle();
    expect(starts.outcomes.get(fence)).toMatchObject({ kind: "failed", terminal: true, error: { code } });
  });

  test("an outcome that the log did not take fails the step", async () => {
    const starts = new Starts(async (turn) => {
      await turn.effect("a", 1, () => 1);
      await turn.effect("b", 1, () => 1);
      return turn.finish();
    });
    starts.journal.answer = (command) =>
      command.type === "EffectDone" ? { outcome: "refused", code: "TRIAD_EFFECTS_TOO_LARGE", message: "full" } : undefined;
    expect(await starts.start()).toMatchObject({ kind: "failed", terminal: true, error: { code: "TRIAD_EFFECTS_TOO_LARGE" } });
  });
});

describe("tools", () => {
  /** Asks for the weather of two towns, then for one more, then says what it was told. */
  const script = (request: ModelRequest): ModelAnswer => {
    const rounds = request.rounds ?? [];
    const call = (id: string, town: string) => ({ id, name: "weather", input: { town } });
    if (rounds.length === 0) return { text: "", ...cost, calls: [call("1", "Ely"), call("2", "Cam")] };
    if (rounds.length === 1) return { text: "", ...cost, calls: [call("3", "Ware"), { id: "4", name: "nothing", input: null }] };
    return { text: JSON.stringify(rounds.map(({ results }) => results)), ...cost };
  };
  const cost = { tokensIn: 1, tokensOut: 1 };
  const towns: string[] = [];
  const weather = (fails = 0): Record<string, Tool> => ({
    weather: {
      description: "the weather of a town",
      inputSchema: z.object({ town: z.string() }),
      execute({ town }: { town: string }, { key }) {
        towns.push(town);
        if (towns.length === fails) throw new Error("no line");
        return { town, sun: key.length === 64 };
      },
    },
  });
  const told =
    '[[{"town":"Ely","sun":true},{"town":"Cam","sun":true}],[{"town":"Ware","sun":true},{"error":"there is no tool \\"nothing\\""}]]';

  test("each call and each round is an effect: nothing of it is done or paid twice", async () => {
    towns.length = 0;
    const starts = new Starts(
      async (turn) => turn.finish({ output: (await turn.generate({ prompt: "p", tools: weather() })).text }),
      script,
    );
    for (const attempt of [1, 1, 2]) {
      expect(await starts.start(attempt)).toMatchObject({ output: told, usage: { tokensIn: 3, tokensOut: 3 } });
    }
    expect([towns, starts.requests.length]).toEqual([["Ely", "Cam", "Ware"], 3]);
    expect([...starts.journal.entries.values()].map(({ n, name }) => `${n} ${name}`).sort()).toEqual([
      "1 generate",
      "2 tool:weather",
      "3 tool:weather",
      "4 generate",
      "5 tool:weather",
      "6 generate",
    ]);
  });

  test("one that throws fails the step; the next attempt calls that one alone", async () => {
    towns.length = 0;
    const tools = weather(2);
    const starts = new Starts(async (turn) => turn.finish({ output: (await turn.generate({ prompt: "p", tools })).text }), script);
    expect(await starts.start(1)).toMatchObject({ kind: "failed", terminal: false, error: { message: "no line" } });
    expect(await starts.start(2)).toMatchObject({ output: told });
    expect([towns, starts.requests.length]).toEqual([["Ely", "Cam", "Cam", "Ware"], 3]);
  });

  test("a model that never comes to an end is ended", async () => {
    const again = (): ModelAnswer => ({ text: "", ...cost, calls: [{ id: "1", name: "weather", input: { town: "Ely" } }] });
    const starts = new Starts(async (turn) => {
      await turn.generate({ prompt: "p", tools: weather(), roundsMax: 3 });
      return turn.finish();
    }, again);
    expect(await starts.start()).toMatchObject({ kind: "failed", terminal: true, error: { code: "TRIAD_MODEL_FAILED" } });
    expect(starts.requests.length).toBe(3);
  });
});

describe("turn.generate and turn.ask", () => {
  test("a recorded answer is not paid again, counts for the step, and is shown to whoever watches", async () => {
    const starts = new Starts(async (turn) => {
      const { text } = await turn.generate({ prompt: "p", stream: true });
      return turn.finish({ output: text });
    });
    for (const attempt of [1, 1, 2]) {
      expect(await starts.start(attempt)).toMatchObject({ output: "answer", usage: { tokensIn: 3, tokensOut: 2 } });
    }
    expect([starts.requests.length, starts.modelCalls.length]).toEqual([1, 1]);
    expect(starts.requests[0]?.idempotencyKey).toMatch(/^[0-9a-f]{64}$/);
    expect(starts.deltas).toEqual(["answer", "answer"]);
  });

  test("a bad answer is asked for again within the step, at a place of its own", async () => {
    let answers = 0;
    const starts = new Starts(
      async (turn) => {
        let text = "";
        while (text !== "good") ({ text } = await turn.generate({ prompt: "p" }));
        return turn.finish({ output: text });
      },
      () => (++answers < 3 ? "bad" : "good"),
    );
    for (const attempt of [1, 2]) expect(await starts.start(attempt)).toMatchObject({ output: "good" });
    expect(answers).toBe(3);
  });

  test("a question is put once, and the next start is given its answer", async () => {
    const starts = new Starts(async (turn) => turn.finish({ output: await turn.ask("which card?") }));
    starts.journal.answer = () => ({ outcome: "ok", effect: { round: 0, parked: true } });
    await starts.start();
    const [asked] = starts.journal.commands;
    expect(asked).toMatchObject({ type: "EffectIntended", n: 1, onDoubt: "ask", question: "which card?" });
    const { name, inputDigest } = asked as Extract<typeof asked, { type: "EffectIntended" }>;
    starts.journal.entries.set(1, { n: 1, name, inputDigest, attempt: 1, outcome: { kind: "returned", value: '"the blue one"' } });
    expect(await starts.start()).toMatchObject({ output: "the blue one" });
    expect(starts.journal.commands.length).toBe(1);
  });
});
