/**
 * The turn that a step is given. What costs something (facts as a plain object, the context vector, the abort signal, the logger, the view) is
 * made when the step first asks for it: most steps ask for little, and a hop must cost the same at length 2 and 1,000.
 */
import { hash } from "node:crypto";
import {
  CONTEXT_DIM,
  type Dispatch,
  encodeCanonical,
  floatsFromBytes,
  type Json,
  type Requirements,
  type TranscriptEvent,
  TriadError,
  type ViewReport,
} from "@triad/protocol";
import type { Logger } from "pino";
import { type AgentTriple, buildView, PROMPT_TOKENS_DEFAULT, renderPrompt, type ViewEvent, type ViewFact } from "../core/index.ts";
import type { AgentDefinition } from "../define.ts";
import type {
  EffectOptions,
  FinishResult,
  Generated,
  GenerateOptions,
  HandoffOptions,
  HandoffResult,
  PromptOptions,
  Recalled,
  ResultOptions,
  Turn,
} from "../turn.ts";
import { EffectJournal } from "./effect-journal.ts";
import { generate } from "./generate.ts";
import type { Model } from "./model.ts";
import type { EffectRecorder, ModelCall } from "./ports.ts";
import type { ConversationMemory } from "./recall.ts";
import { finishResult, handoffResult } from "./step-result.ts";

/** What a turn needs of its thread. */
export interface TurnSurroundings {
  readonly memory: ConversationMemory;
  readonly effects: EffectRecorder;
  readonly log: Logger;
  nowMs(): number;
  model(agent: AgentDefinition): Promise<Model>;
  emit(fence: number, text: string): void;
  modelCalled(call: ModelCall): void;
}

const sha256Hex = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

export class StepTurn implements Turn {
  readonly task: string;
  readonly step: number;
  readonly agent: string;
  readonly conversation: string;
  readonly attempt: number;
  readonly input: string;
  readonly requires: Requirements;
  private readonly dispatch: Dispatch;
  private readonly definition: AgentDefinition;
  private readonly triple: AgentTriple;
  private readonly around: TurnSurroundings;
  private controller: AbortController | undefined;
  private abortReason: unknown;
  private plainFacts: Readonly<Record<string, Json>> | undefined;
  private contextVector: Float32Array | undefined;
  private key: string | undefined;
  private logger: Logger | undefined;
  private lastView: ViewReport | undefined;
  private journal: EffectJournal | undefined;
  private spent = { tokensIn: 0, tokensOut: 0, costUsd: 0 };

  constructor(dispatch: Dispatch, definition: AgentDefinition, triple: AgentTriple, around: TurnSurroundings) {
    this.task = dispatch.task;
    this.step = dispatch.step;
    this.agent = dispatch.agent;
    this.conversation = dispatch.conversation;
    this.attempt = dispatch.attempt;
    this.input = dispatch.input;
    this.requires = dispatch.requires;
    this.dispatch = dispatch;
    this.definition = definition;
    this.triple = triple;
    this.around = around;
  }

  get facts(): Readonly<Record<string, Json>> {
    if (this.plainFacts === undefined) {
      // Without a prototype: a fact that nobody set is undefined, whatever its name.
      const facts = Object.create(null) as Record<string, Json>;
      for (const [name, fact] of Object.entries(this.dispatch.facts)) facts[name] = deepFreeze(fact.value);
      this.plainFacts = Object.freeze(facts);
    }
    return this.plainFacts;
  }

  get transcript(): readonly TranscriptEvent[] {
    return this.dispatch.events;
  }

  get context(): Float32Array {
    this.contextVector ??= this.triple.context.length === 0 ? new Float32Array(CONTEXT_DIM) : floatsFromBytes(this.triple.context);
    return this.contextVector;
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.abortReason !== undefined) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  get idempotencyKey(): string {
    this.key ??= sha256Hex(encodeCanonical({ task: this.task, step: this.step, member: this.dispatch.member }));
    return this.key;
  }

  get log(): Logger {
    this.logger ??= this.around.log.child({ agent: this.agent, task: this.task, step: this.step, attempt: this.attempt });
    return this.logger;
  }

  get view(): ViewReport | undefined {
    return this.lastView;
  }

  get usage(): { readonly tokensIn: number; readonly tokensOut: number; readonly costUsd: number } {
    return this.spent;
  }

  /** Fires the signal, now or when it is first asked for. */
  abort(reason: unknown): void {
    this.abortReason ??= reason;
    this.controller?.abort(reason);
    this.journal?.abort(reason);
  }

  /** Why the step fails whatever it returns: its effects are not those of the start before. */
  get broken(): TriadError | undefined {
    return this.journal?.broken;
  }

  private get effects(): EffectJournal {
    if (this.journal === undefined) {
      this.journal = new EffectJournal(this.dispatch, this.around.effects);
      if (this.abortReason !== undefined) this.journal.abort(this.abortReason);
    }
    return this.journal;
  }

  prompt(values: Readonly<Record<string, Json | undefined>> = {}, options: PromptOptions = {}): string {
    const events = this.around.memory.atHand(this.dispatch);
    const view = buildView({
      facts: this.viewFacts(events),
      events: events.filter((event) => this.isTalk(event)).map(viewEventOf),
      eventsElsewhere: Math.max(0, (events[0]?.seq ?? this.dispatch.eventsTotal + 1) - 1),
      query: this.input,
      factTokens: options.factTokens ?? this.definition.view.factTokens,
      textTokens: options.textTokens ?? this.definition.view.textTokens,
    });
    const slots = { input: this.input, agent: this.agent, ...values };
    const prompt = renderPrompt(this.triple.prompt, view, slots, options.promptTokens ?? PROMPT_TOKENS_DEFAULT);
    this.lastView = prompt.report;
    return prompt.text;
  }

  async recall(query: string, k?: number): Promise<readonly Recalled[]> {
    return this.around.memory.recall(this.dispatch, query, k);
  }

  async read(event: TranscriptEvent): Promise<string> {
    return this.around.memory.textOf(event);
  }

  async generate(options: GenerateOptions = {}): Promise<Generated> {
    const prompt = options.prompt ?? this.prompt(options.values, options);
    const request = {
      prompt,
      key: options.key ?? sha256Hex(new TextEncoder().encode(prompt)),
      ...(options.system === undefined ? {} : { system: options.system }),
      ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
      ...(options.outputTokensMax === undefined ? {} : { outputTokensMax: options.outputTokensMax }),
    };
    const generated = await generate(request, options, {
      effects: this.effects,
      declared: this.definition.model,
      price: this.definition.price,
      model: () => this.around.model(this.definition),
      signal: () => this.signal,
      nowMs: () => this.around.nowMs(),
      emit: (text) => this.emit(text),
      modelCalled: (call) => this.around.modelCalled(call),
    });
    // What an earlier start paid was paid for this step.
    this.spent.tokensIn += generated.tokensIn;
    this.spent.tokensOut += generated.tokensOut;
    this.spent.costUsd += generated.costUsd;
    return generated;
  }

  emit(delta: string): void {
    if (this.abortReason !== undefined) return;
    const text = typeof delta === "string" ? delta : JSON.stringify(delta);
    if (text) this.around.emit(this.dispatch.fence, text);
  }

  handoff(options: HandoffOptions): HandoffResult {
    return handoffResult(options);
  }

  finish(options: ResultOptions = {}): FinishResult {
    return finishResult(options);
  }

  fanOut(): never {
    throw notAvailable("turn.fanOut");
  }

  async ask(question: string): Promise<Json> {
    const call = { name: "ask", input: question, onDoubt: "ask", question } as const;
    const answer = await this.effects.run(call, () => {
      throw new Error("a question was taken for a call");
    });
    return answer ?? null;
  }

  async effect<T>(name: string, input: unknown, run: (key: string) => T | Promise<T>, options: EffectOptions = {}): Promise<T> {
    return (await this.effects.run({ name, input, onDoubt: options.onDoubt ?? "sameKey" }, run)) as T;
  }

  /** Facts in the order of their names, so that the same facts are the same bytes whoever sent them; each with the event that set it, as far as at hand. */
  private viewFacts(events: readonly TranscriptEvent[]): readonly ViewFact[] {
    const setBy = new Map<string, number>();
    for (const event of events) for (const name of Object.keys(event.facts)) setBy.set(name, event.seq);
    return Object.keys(this.dispatch.facts)
      .sort()
      .map((name) => ({ name, value: this.dispatch.facts[name]?.value ?? null, setBy: setBy.get(name) ?? 0 }));
  }

  /** The input has a slot of its own, and the status of an ended task says nothing. */
  private isTalk(event: TranscriptEvent): boolean {
    if (event.type === "ended") return false;
    return !(event.type === "opened" && event.task === this.task);
  }
}

function viewEventOf(event: TranscriptEvent): ViewEvent {
  return { seq: event.seq, by: event.by, text: event.text, facts: event.facts };
}

function deepFreeze(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  for (const item of Object.values(value)) deepFreeze(item as Json);
  return Object.freeze(value);
}

function notAvailable(what: string): TriadError {
  return new TriadError("TRIAD_NOT_AVAILABLE", `${what} is not available in this version`);
}
