/**
 * A prompt from a template, a view and the step's own values. `facts` and `transcript` come from the view, within its budgets; the other slots
 * share what is left of the prompt's budget in the order of the template, the required ones first.
 * Only a slot marked `required` that does not fit is an error (TRIAD_VIEW_BUDGET); an optional one is cut and says so.
 */
import { TriadError, type ViewReport } from "@triad/protocol";
import { renderSlot, type SlotValues } from "../template/render-template.ts";
import type { Slot, Template } from "../template/template.ts";
import { countTokens } from "../tokens.ts";
import type { View } from "./build-view.ts";

/** Of a whole prompt: the smallest window of today's models that a team is likely to use. */
export const PROMPT_TOKENS_DEFAULT = 65_536;

export interface Prompt {
  readonly text: string;
  readonly report: ViewReport;
}

/** @throws TriadError TRIAD_VIEW_BUDGET, TRIAD_SLOT_MISSING, TRIAD_SLOT_TYPE */
export function renderPrompt(template: Template, view: View, values: SlotValues, tokensMax: number): Prompt {
  const fromView = (slot: Slot): string | undefined => {
    if (Object.hasOwn(values, slot.name)) return undefined;
    if (slot.name === "facts") return view.facts;
    return slot.name === "transcript" ? view.transcript : undefined;
  };
  refuseCutRequired(template, view, fromView);
  const texts = new Map<Slot, string>();
  let room = tokensMax;
  for (const part of template.parts) if (typeof part === "string") room -= countTokens(part);
  const ordered = [...template.slots].sort((a, b) => Number(b.required) - Number(a.required));
  for (const slot of ordered) {
    const whole = fromView(slot) ?? renderSlot(slot, values);
    const cost = countTokens(whole);
    if (cost <= room) {
      texts.set(slot, whole);
      room -= cost;
    } else if (slot.required) {
      throw tooLarge(slot, cost, Math.max(0, room));
    } else {
      const cut = cutToTokens(whole, Math.max(0, room));
      texts.set(slot, cut);
      room -= countTokens(cut);
    }
  }
  const shows = (name: string): boolean => template.slots.some((slot) => slot.name === name && fromView(slot) !== undefined);
  return {
    text: template.parts.map((part) => (typeof part === "string" ? part : (texts.get(part) ?? ""))).join(""),
    report: reportOf(view.report, shows("facts"), shows("transcript")),
  };
}

function refuseCutRequired(template: Template, view: View, fromView: (slot: Slot) => string | undefined): void {
  for (const slot of template.slots) {
    if (!slot.required || fromView(slot) === undefined) continue;
    if (slot.name === "facts" && view.report.factsLeftOut > 0) throw leftOut(slot, view.report.factsLeftOut, "facts");
    if (slot.name === "transcript" && view.report.eventsLeftOut > 0) throw leftOut(slot, view.report.eventsLeftOut, "events");
  }
}

/** A template without the slot shows nothing of it, whatever the view holds. */
function reportOf(report: ViewReport, showsFacts: boolean, showsText: boolean): ViewReport {
  return {
    factTokens: showsFacts ? report.factTokens : 0,
    factsShown: showsFacts ? report.factsShown : 0,
    factsLeftOut: showsFacts ? report.factsLeftOut : report.factsShown + report.factsLeftOut,
    textTokens: showsText ? report.textTokens : 0,
    eventsShown: showsText ? report.eventsShown : 0,
    eventsLeftOut: showsText ? report.eventsLeftOut : report.eventsShown + report.eventsLeftOut,
  };
}

/** The longest beginning that leaves room for the note of what is missing; nothing at all where not even that fits. */
function cutToTokens(text: string, tokensMax: number): string {
  const note = (kept: string): string => `${kept} […${countTokens(text) - countTokens(kept)} tokens left out]`;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (countTokens(note(text.slice(0, middle))) <= tokensMax) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? "" : note(text.slice(0, low));
}

function tooLarge(slot: Slot, tokens: number, room: number): TriadError {
  const message = `the required slot "${slot.name}" needs ${tokens} tokens and ${room} are left`;
  return new TriadError("TRIAD_VIEW_BUDGET", message, { slot: slot.name, tokens, room });
}

function leftOut(slot: Slot, count: number, what: string): TriadError {
  const message = `the required slot "${slot.name}" would leave out ${count} ${what}; raise its token budget`;
  return new TriadError("TRIAD_VIEW_BUDGET", message, { slot: slot.name, leftOut: count });
}
