/**
 * The journal of a step's effects (docs/state.md, Effects): what a step is about to call outside stands in the log before the call, and how it ended after it.
 * Kept apart from the step's own end (steps.ts), which the journal outlives: it is kept over attempts, starts and workers, and goes with its step.
 *
 * J1 one (step, member, n) never has two outcomes. J2 only the fence that holds the step writes; a repetition of the same fence changes nothing.
 * J3 an intent of another fence without an outcome is in doubt: nothing is called again but by the rule that was recorded with it.
 */
import {
  type CommandResult,
  type EffectDone,
  type EffectIntended,
  type EffectOutcome,
  type EffectResolved,
  encodeCanonical,
  limits,
  utf8Length,
} from "@triad/protocol";
import { type Application, ok, refused } from "./application.ts";
import { assignPicks, replaceMember } from "./assignment.ts";
import { asked } from "./journal.ts";
import { keys } from "./keys.ts";
import type { EffectRecord, JournalRecord, Member } from "./records.ts";
import { isOwned, type Owned, owned } from "./steps.ts";
import type { Transaction } from "./transaction.ts";

type Place = { readonly task: string; readonly step: number; readonly member: number };

const EMPTY: JournalRecord = { count: 0, bytes: 0 };

/** The member that may write at this place; a step that is over, by whichever fence, takes no more effects. */
function writer(app: Application, command: EffectIntended | EffectDone): Owned | CommandResult {
  const found = owned(app, command);
  if (isOwned(found) || found.outcome !== "duplicate") return found;
  return { outcome: "ended", task: command.task };
}

export function effectIntended(app: Application, command: EffectIntended): CommandResult {
  const found = writer(app, command);
  if (!isOwned(found)) return found;
  const { task, member } = found;
  if (command.n > limits.EFFECTS_MAX) return refused("TRIAD_EFFECTS_TOO_MANY", `more than ${limits.EFFECTS_MAX} effects in one step`);
  const before = app.tx.effect(command.task, command.step, command.member, command.n);
  if (before === undefined) {
    const journal = journalOf(app.tx, command);
    app.tx.put(keys.journal(command.task, command.step, command.member), { ...journal, count: journal.count + 1 });
    return begin(app, task, member, command, 0);
  }
  // What failed is known not to have happened: a later attempt may go another way there.
  const free = before.state === "failed" && before.fence !== member.fence;
  if (!free && (before.name !== command.name || before.inputDigest !== command.inputDigest)) return mismatch(before, command);
  if (before.fence === member.fence) return { outcome: "duplicate", task: task.id, effect: { round: before.round, parked: false } };
  switch (before.state) {
    case "done":
      // Its dispatch has told it so: one that asks all the same must not be let call again.
      return refused("TRIAD_EFFECT_MISMATCH", `effect ${before.n} of this step has an outcome`);
    case "failed":
      forget(app, command, before);
      return begin(app, task, member, command, before.round);
    case "released":
      return before.question === null ? intend(app, task, before, member) : park(app, task, member, before);
    case "asked":
      return park(app, task, member, before);
    case "intended":
      return doubtful(app, task, member, before);
  }
}

/** An intent of a start that is over, and no outcome: its worker may have died before the call, during it or after it (J3). */
function doubtful(app: Application, task: Owned["task"], member: Member, before: EffectRecord): CommandResult {
  app.emit({ kind: "journal", outcome: "doubt" });
  switch (before.onDoubt) {
    case "sameKey":
      return intend(app, task, before, member);
    case "repeat":
      return intend(app, task, { ...before, round: before.round + 1 }, member);
    case "ask":
      return park(app, task, member, before);
  }
}

/** A place that nothing is known of, or where what was tried is known to have failed. */
function begin(app: Application, task: Owned["task"], member: Member, command: EffectIntended, round: number): CommandResult {
  const { n, name, inputDigest, onDoubt, question } = command;
  const { fence, attempt } = member;
  const record: EffectRecord = {
    n,
    name,
    inputDigest,
    onDoubt,
    question: question ?? null,
    round,
    fence,
    attempt,
    state: "intended",
    outcome: null,
  };
  return question === undefined ? intend(app, task, record, member) : park(app, task, member, record);
}

/** A failure that is about to be replaced counts no longer. */
function forget(app: Application, place: Place, before: EffectRecord): void {
  const journal = journalOf(app.tx, place);
  const bytes = journal.bytes - (before.outcome === null ? 0 : outcomeBytes(before.outcome));
  app.tx.put(keys.journal(place.task, place.step, place.member), { ...journal, bytes });
}

function intend(app: Application, task: Owned["task"], record: EffectRecord, member: Member): CommandResult {
  const { fence, attempt } = member;
  put(app, { task: task.id, step: task.step.n, member: member.member }, { ...record, fence, attempt, state: "intended", outcome: null });
  app.emit({ kind: "journal", outcome: "intended" });
  return { ...ok, task: task.id, effect: { round: record.round, parked: false } };
}

/** The step gives its worker back and waits for a person; its fence is void from here on. */
function park(app: Application, task: Owned["task"], member: Member, record: EffectRecord): CommandResult {
  put(app, { task: task.id, step: task.step.n, member: member.member }, { ...record, fence: member.fence, state: "asked" });
  app.emit({ kind: "journal", outcome: "asked" });
  app.emit({ kind: "voided", worker: member.worker, fence: member.fence });
  const parked: Member = { ...member, state: "parked", fence: 0, workerToken: 0 };
  const { agent, worker, attempt } = member;
  const told = app.tell(
    { ...replaceMember(task, parked), status: "waiting" },
    { event: "waiting", step: task.step.n, member: member.member, agent: agent ?? "", worker, attempt, text: record.name },
  );
  app.putTask(told);
  return { ...ok, task: task.id, effect: { round: record.round, parked: true } };
}

export function effectDone(app: Application, command: EffectDone): CommandResult {
  const found = writer(app, command);
  if (!isOwned(found)) return found;
  const before = app.tx.effect(command.task, command.step, command.member, command.n);
  if (before === undefined || before.fence !== command.fence) {
    return refused("TRIAD_EFFECT_MISMATCH", `effect ${command.n} was not begun by this start of the step`);
  }
  if (before.state !== "intended") return { outcome: "duplicate", task: command.task };
  const error = record(app, command, before, command.outcome);
  if (error !== undefined) return error;
  app.emit({ kind: "journal", outcome: command.outcome.kind === "returned" ? "done" : "failed" });
  return { ...ok, task: command.task };
}

/** Writes an outcome, within the bounds; else what to answer, and nothing is changed. */
function record(app: Application, place: Place, before: EffectRecord, outcome: EffectOutcome): CommandResult | undefined {
  const size = outcomeBytes(outcome);
  if (size > limits.INLINE_BODY_BYTES_MAX) {
    return refused("TRIAD_BODY_TOO_LARGE", `the ${size} bytes of an effect's result are above ${limits.INLINE_BODY_BYTES_MAX}`);
  }
  const journal = journalOf(app.tx, place);
  const bytes = journal.bytes + size;
  if (bytes > limits.EFFECTS_BYTES_MAX) {
    return refused(
      "TRIAD_EFFECTS_TOO_LARGE",
      `the results of this step's effects come to ${bytes} bytes, above ${limits.EFFECTS_BYTES_MAX}`,
    );
  }
  app.tx.put(keys.journal(place.task, place.step, place.member), { ...journal, bytes });
  put(app, place, { ...before, state: outcome.kind === "returned" ? "done" : "failed", outcome });
  return undefined;
}

/** A person's word: the step goes on with the outcome that it was given, or with a call under a new key. */
export function effectResolved(app: Application, command: EffectResolved): CommandResult {
  const task = app.tx.task(command.task);
  if (task === undefined) return refused("TRIAD_TASK_NOT_FOUND", `no task ${command.task}`);
  if (task.resolutions.includes(command.request)) return { outcome: "duplicate", task: task.id, status: task.status };
  const waiting = task.step === null ? [] : asked(app.tx, task.id, task.step).filter(({ effect }) => effect.n === command.n);
  const fitting = command.member === undefined ? waiting : waiting.filter(({ member }) => member.member === command.member);
  const [first, ...others] = fitting;
  if (first === undefined || task.step === null) {
    return refused("TRIAD_EFFECT_NOT_WAITING", `task ${task.id} waits for no word on effect ${command.n}`);
  }
  if (others.length > 0) {
    const members = fitting.map(({ member }) => member.member);
    return refused("TRIAD_BAD_REQUEST", `several members wait at effect ${command.n}; name one of them`, { members });
  }
  const place = { task: task.id, step: task.step.n, member: first.member.member };
  const { verdict } = command;
  if (verdict.kind === "repeat") put(app, place, { ...first.effect, round: first.effect.round + 1, state: "released" });
  else {
    const error = record(app, place, first.effect, { kind: "returned", value: verdict.value });
    if (error !== undefined) return error;
  }
  app.emit({ kind: "journal", outcome: "resolved" });
  const released: Member = { ...first.member, state: "waiting", retryAt: 0, because: "lost" };
  const next = replaceMember(task, released);
  const status = next.step?.members.some((member) => member.state === "parked") ? "waiting" : "running";
  const resolutions = [...task.resolutions, command.request].slice(-limits.RESOLUTIONS_KEPT);
  app.putTask(assignPicks(app, { ...next, status, resolutions }, command.assign));
  return { ...ok, task: task.id, status };
}

function journalOf(tx: Transaction, { task, step, member }: Place): JournalRecord {
  return tx.journal(task, step, member) ?? EMPTY;
}

function put(app: Application, { task, step, member }: Place, effect: EffectRecord): void {
  app.tx.put(keys.effect(task, step, member, effect.n), effect);
}

function outcomeBytes(outcome: EffectOutcome): number {
  return outcome.kind === "returned" ? utf8Length(outcome.value) : encodeCanonical(outcome.error as never).length;
}

function mismatch(before: EffectRecord, command: EffectIntended): CommandResult {
  const what = before.name === command.name ? `"${before.name}" with another input` : `"${before.name}", not "${command.name}"`;
  return refused("TRIAD_EFFECT_MISMATCH", `effect ${command.n} of this step was ${what}`);
}
