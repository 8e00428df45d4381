/**
 * The effects of one start of a step: each is in the log before it is called and its outcome after it, and what the journal of earlier starts
 * holds is given back instead of being called (docs/state.md, Effects). Kept apart from the way to the leader, which is a recorder.
 *
 * J1 `invoke` is called only once the intent, and every outcome before it, stand in the log. An outcome and the next intent travel together.
 * J2 places are given when the call is made, before anything is waited for, so that the same code gives the same places in every start.
 * J3 a call that the step's own end cut off is not known to have failed: it stays in doubt.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { hash } from "node:crypto";
import {
  type Canonical,
  type CommandResult,
  type Dispatch,
  type EffectOutcome,
  encodeCanonical,
  errorFromBody,
  type JournalEntry,
  type Json,
  limits,
  type OnDoubt,
  type TaskError,
  TriadError,
  utf8Length,
} from "@triad/protocol";
import type { EffectRecorder } from "./ports.ts";
import { COMMAND_BYTES } from "./step-command.ts";
import { failureOf } from "./step-failure.ts";

export interface EffectCall {
  readonly name: string;
  readonly input: unknown;
  readonly onDoubt: OnDoubt;
  /** Nothing is called: a person is asked. */
  readonly question?: string;
}

const POLICIES: ReadonlySet<string> = new Set<OnDoubt>(["sameKey", "repeat", "ask"]);
/** Details of an error that the journal keeps; the rest of it says enough. */
const DETAILS_BYTES_MAX = 4096;

/** Tells a call within a call: on replay the inner one would not be made, and every place after it would move. */
const within = new AsyncLocalStorage<EffectJournal>();

export class EffectJournal {
  private readonly dispatch: Dispatch;
  private readonly recorder: EffectRecorder;
  private readonly known: ReadonlyMap<number, JournalEntry>;
  private readonly unrecorded = new Set<Promise<void>>();
  private readonly ended: PromiseWithResolvers<never> = Promise.withResolvers<never>();
  private isEnded = false;
  private last = 0;
  private bytes = 0;
  /** Why nothing that this step returns can be trusted any more, or recorded. */
  broken: TriadError | undefined;

  constructor(dispatch: Dispatch, recorder: EffectRecorder) {
    this.dispatch = dispatch;
    this.recorder = recorder;
    this.known = new Map((dispatch.effects ?? []).map((entry) => [entry.n, entry]));
    for (const { outcome } of this.known.values()) this.bytes += outcomeBytes(outcome);
    // Nobody may be waiting when the step is ended.
    this.ended.promise.catch(() => undefined);
  }

  /** The step is over, from outside: whoever waits here is told so. */
  abort(reason: unknown): void {
    this.isEnded = true;
    this.ended.reject(reason);
  }

  /** What `invoke` returned, as JSON has it; now or in an earlier start. @throws what `invoke` threw, and the journal's own TriadErrors */
  async run(call: EffectCall, invoke: (key: string) => unknown): Promise<Json | undefined> {
    checkCall(call);
    if (within.getStore() === this) throw new TriadError("TRIAD_STEP_INVALID", `effect "${call.name}" is called within another effect`);
    const n = ++this.last; // J2
    const inputDigest = sha256(encodeCanonical(JSON.parse(jsonTextOf(call.input, call.name, "input") || "null") as Canonical));
    const known = this.known.get(n);
    if (known !== undefined && !this.mayTryAgain(known)) return this.replay(known, call, inputDigest);
    if (known !== undefined) this.bytes -= outcomeBytes(known.outcome);
    const round = await this.intend(n, call, inputDigest);
    let returned: unknown;
    try {
      returned = await within.run(this, () => invoke(this.keyOf(n, round)));
    } catch (error) {
      if (!this.isEnded) this.record(n, { kind: "threw", error: journalError(error) }); // J3
      throw error;
    }
    const value = jsonTextOf(returned, call.name, "result");
    const outcome: EffectOutcome = { kind: "returned", value };
    this.checkSize(call.name, outcome);
    this.record(n, outcome);
    return jsonOf(value);
  }

  /** What failed is known not to have happened. The attempt that it failed in goes the same way again; a later one may call it anew. */
  private mayTryAgain(known: JournalEntry): boolean {
    return known.outcome.kind === "threw" && known.attempt < this.dispatch.attempt;
  }

  private replay(known: JournalEntry, call: EffectCall, inputDigest: string): Json | undefined {
    if (known.name !== call.name || known.inputDigest !== inputDigest) {
      const what = known.name === call.name ? "with another input" : `as "${known.name}"`;
      throw this.break("TRIAD_EFFECT_MISMATCH", `effect ${known.n} of this step, "${call.name}", was called before ${what}`);
    }
    if (known.outcome.kind === "threw") throw errorFromBody(known.outcome.error);
    return jsonOf(known.outcome.value);
  }

  /** J1; how often a repetition has given the effect a new key. */
  private async intend(n: number, call: EffectCall, inputDigest: string): Promise<number> {
    if (this.isEnded) await this.ended.promise;
    if (n > limits.EFFECTS_MAX) throw new TriadError("TRIAD_EFFECTS_TOO_MANY", `more than ${limits.EFFECTS_MAX} effects in one step`);
    const { task, step, member, fence } = this.dispatch;
    const { name, onDoubt, question } = call;
    const asks = question === undefined ? {} : { question };
    const intent = this.recorder.record(
      { type: "EffectIntended", task, step, member, fence, n, name, inputDigest, onDoubt, ...asks },
      COMMAND_BYTES + utf8Length(question ?? ""),
    );
    const [result] = await Promise.race([Promise.all([intent, ...this.unrecorded]), this.ended.promise]);
    if (this.broken !== undefined) throw this.broken;
    if (result.outcome === "refused") {
      if (result.code === "TRIAD_EFFECT_MISMATCH") throw this.break("TRIAD_EFFECT_MISMATCH", result.message ?? "");
      throw refusalOf(result);
    }
    const isTaken = (result.outcome === "ok" || result.outcome === "duplicate") && result.effect?.parked !== true;
    // Void, or waiting for a person: the worker has ended this start, and nothing of it is committed.
    if (!isTaken) throw new TriadError("TRIAD_CANCELLED", "the step was ended by the cluster while an effect was about to be called");
    return result.effect?.round ?? 0;
  }

  private record(n: number, outcome: EffectOutcome): void {
    const { task, step, member, fence } = this.dispatch;
    const size = outcomeBytes(outcome);
    this.bytes += size;
    const recorded = this.recorder
      .record({ type: "EffectDone", task, step, member, fence, n, outcome }, COMMAND_BYTES + size)
      .then((result) => {
        if (result.outcome === "refused") this.broken ??= refusalOf(result);
        this.unrecorded.delete(recorded);
      });
    this.unrecorded.add(recorded);
  }

  private checkSize(name: string, outcome: EffectOutcome): void {
    const size = outcomeBytes(outcome);
    if (size > limits.INLINE_BODY_BYTES_MAX) {
      throw new TriadError(
        "TRIAD_BODY_TOO_LARGE",
        `the result of effect "${name}" is ${size} bytes; at most ${limits.INLINE_BODY_BYTES_MAX}`,
      );
    }
    if (this.bytes + size > limits.EFFECTS_BYTES_MAX) {
      const message = `with the result of "${name}" this step's effects come to ${this.bytes + size} bytes; at most ${limits.EFFECTS_BYTES_MAX}`;
      throw new TriadError("TRIAD_EFFECTS_TOO_LARGE", message);
    }
  }

  private break(code: "TRIAD_EFFECT_MISMATCH", message: string): TriadError {
    this.broken ??= new TriadError(code, message);
    return this.broken;
  }

  /** Stable over attempts, starts and workers; a repetition has one of its own. */
  private keyOf(n: number, round: number): string {
    const { task, step, member } = this.dispatch;
    return sha256(encodeCanonical(round === 0 ? { task, step, member, n } : { task, step, member, n, round }));
  }
}

const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

function checkCall({ name, onDoubt, question }: EffectCall): void {
  if (typeof name !== "string" || name === "" || name.length > limits.NAME_LENGTH_MAX) {
    throw new TriadError("TRIAD_STEP_INVALID", `an effect needs a name of at most ${limits.NAME_LENGTH_MAX} characters`);
  }
  if (!POLICIES.has(onDoubt)) throw new TriadError("TRIAD_STEP_INVALID", `effect "${name}": onDoubt is one of ${[...POLICIES].join(", ")}`);
  if (question !== undefined && (typeof question !== "string" || question === "" || question.length > limits.QUESTION_LENGTH_MAX)) {
    throw new TriadError("TRIAD_STEP_INVALID", `a question is a text of at most ${limits.QUESTION_LENGTH_MAX} characters`);
  }
}

/** As JSON has it; empty for what JSON leaves out (undefined). The first call gives what a later start will be given. */
function jsonTextOf(value: unknown, name: string, what: "input" | "result"): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch (cause) {
    throw new TriadError("TRIAD_BODY_INVALID", `the ${what} of effect "${name}" cannot be written as JSON`, undefined, { cause });
  }
}

function jsonOf(text: string): Json | undefined {
  return text === "" ? undefined : (JSON.parse(text) as Json);
}

function journalError(error: unknown): TaskError {
  const { code, message, details } = failureOf(error).error;
  const keeps = details !== undefined && JSON.stringify(details).length <= DETAILS_BYTES_MAX;
  return keeps ? { code, message, details } : { code, message };
}

function outcomeBytes(outcome: EffectOutcome): number {
  return utf8Length(outcome.kind === "returned" ? outcome.value : JSON.stringify(outcome.error));
}

function refusalOf(result: CommandResult): TriadError {
  return errorFromBody({ code: result.code ?? "TRIAD_INTERNAL", message: result.message ?? "the cluster refused the effect" });
}
