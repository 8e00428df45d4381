/**
 * Renders a parsed template from values, purely. A missing or blank required slot is TRIAD_SLOT_MISSING, a value of another type
 * TRIAD_SLOT_TYPE; a missing optional slot leaves nothing behind.
 */
import { type Json, TriadError } from "@triad/protocol";
import { describeType, type Slot, type SlotType, type Template } from "./template.ts";

/** What a step may pass for a slot. */
export type SlotValues = Readonly<Record<string, Json | undefined>>;

/** @throws TriadError TRIAD_SLOT_MISSING, TRIAD_SLOT_TYPE */
export function renderTemplate(template: Template, values: SlotValues): string {
  return template.parts.map((part) => (typeof part === "string" ? part : renderSlot(part, values))).join("");
}

/** The text of one slot. @throws TriadError TRIAD_SLOT_MISSING, TRIAD_SLOT_TYPE */
export function renderSlot(slot: Slot, values: SlotValues): string {
  const value = Object.hasOwn(values, slot.name) ? values[slot.name] : undefined;
  const isMissing = value === undefined || (value === null && slot.type.kind !== "json");
  const text = isMissing ? "" : renderValue(slot, slot.type, value);
  if (slot.required && text.trim() === "") {
    throw new TriadError("TRIAD_SLOT_MISSING", `the required slot "${slot.name}" has no value`, { slot: slot.name });
  }
  return text;
}

const EVENT_ID = /^[0-9a-f]{64}$/;

function renderValue(slot: Slot, type: SlotType, value: Json): string {
  switch (type.kind) {
    case "text":
      if (typeof value === "string") return value;
      break;
    case "int":
      if (Number.isSafeInteger(value)) return String(value);
      break;
    case "float":
      if (typeof value === "number" && Number.isFinite(value)) return String(value);
      break;
    case "bool":
      if (typeof value === "boolean") return String(value);
      break;
    case "enum":
      if (typeof value === "string" && type.values.includes(value)) return value;
      break;
    case "ref":
      if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return `#${value}`;
      if (typeof value === "string" && EVENT_ID.test(value)) return `#${value}`;
      break;
    case "json":
      return JSON.stringify(value);
    case "list":
      if (Array.isArray(value)) return value.map((item: Json) => `- ${renderValue(slot, type.of, item)}`).join("\n");
  }
  throw new TriadError("TRIAD_SLOT_TYPE", `slot "${slot.name}" takes ${describeType(type)}, not ${describeValue(value)}`, {
    slot: slot.name,
  });
}

function describeValue(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return `the ${typeof value} ${JSON.stringify(value).slice(0, 60)}`;
}
