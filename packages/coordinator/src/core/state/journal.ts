/** Reads the journal of a step's effects, and removes it with its step. What writes it stands in effects.ts. */
import type { JournalEntry } from "@triad/protocol";
import type { Application } from "./application.ts";
import { keys } from "./keys.ts";
import type { EffectRecord, Member, OpenStep, TaskRecord } from "./records.ts";
import type { Transaction } from "./transaction.ts";

/** The effects that members of an open step wait on. */
export function asked(
  tx: Transaction,
  task: string,
  step: OpenStep,
): readonly { readonly member: Member; readonly effect: EffectRecord }[] {
  return step.members.flatMap((member) => {
    if (member.state !== "parked") return [];
    return tx
      .effects(task, step.n, member.member)
      .filter((effect) => effect.state === "asked")
      .map((effect) => ({ member, effect }));
  });
}

/** What a new start of the step is told: every effect whose outcome is known. Nothing was recorded before the first start. */
export function journalFor(tx: Transaction, task: string, step: number, member: Member): readonly JournalEntry[] {
  if (member.start <= 1) return [];
  return tx.effects(task, step, member.member).flatMap(({ n, name, inputDigest, attempt, outcome }) => {
    return outcome === null ? [] : [{ n, name, inputDigest, attempt, outcome }];
  });
}

/** The journal has done its work: its step is committed, or its task has ended. */
export function removeJournals(app: Application, task: TaskRecord): void {
  for (const { member } of task.step?.members ?? []) {
    const step = task.step?.n ?? 0;
    const key = keys.journal(task.id, step, member);
    // One look-up where there is nothing: most steps call nothing outside.
    if (app.tx.get(key) === undefined) continue;
    app.tx.remove(key);
    for (const { n } of app.tx.effects(task.id, step, member)) app.tx.remove(keys.effect(task.id, step, member, n));
  }
}
