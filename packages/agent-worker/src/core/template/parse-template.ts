/** Parses a prompt template. Every mistake is a TRIAD_TEMPLATE_INVALID that names its line and column; `\{{` is a literal `{{`. */
import { TriadError } from "@triad/protocol";
import type { Slot, SlotType, Template } from "./template.ts";

/** Nesting of list<…>: deeper lists have no readable form in a prompt. */
const TYPE_DEPTH_MAX = 4;
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const PLAIN_TYPES = ["text", "int", "float", "bool", "ref", "json"] as const;

/** @throws TriadError TRIAD_TEMPLATE_INVALID */
export function parseTemplate(text: string): Template {
  const parts: (string | Slot)[] = [];
  const slots: Slot[] = [];
  let literal = "";
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{{", at);
    if (open < 0) break;
    if (open > 0 && text[open - 1] === "\\") {
      literal += `${text.slice(at, open - 1)}{{`;
      at = open + 2;
      continue;
    }
    const close = text.indexOf("}}", open + 2);
    if (close < 0) throw invalid(text, open, "`{{` is never closed by `}}`");
    literal += text.slice(at, open);
    if (literal !== "") parts.push(literal);
    literal = "";
    const slot = parseSlot(text, open, text.slice(open + 2, close));
    const earlier = slots.find((other) => other.name === slot.name);
    if (earlier && JSON.stringify(earlier.type) !== JSON.stringify(slot.type)) {
      throw invalid(text, open, `slot "${slot.name}" has another type where it stands first`);
    }
    parts.push(slot);
    slots.push(slot);
    at = close + 2;
  }
  literal += text.slice(at);
  if (literal !== "") parts.push(literal);
  return { parts, slots };
}

function parseSlot(text: string, offset: number, body: string): Slot {
  const [name = "", typeText, flag, ...rest] = body.split(":").map((part) => part.trim());
  if (!NAME.test(name)) throw invalid(text, offset, `"${name}" is not a slot name (letters, digits, _ and -)`);
  if (typeText === undefined || typeText === "") throw invalid(text, offset, `slot "${name}" has no type: write {{${name}:text}}`);
  if (rest.length > 0 || (flag !== undefined && flag !== "required")) {
    throw invalid(text, offset, `slot "${name}": after the type only "required" may stand`);
  }
  const type = parseType(typeText, TYPE_DEPTH_MAX);
  if (type === undefined) {
    throw invalid(text, offset, `slot "${name}": "${typeText}" is none of text, int, float, bool, enum(a|b), list<T>, ref, json`);
  }
  return { name, type, required: flag === "required" };
}

function parseType(text: string, depth: number): SlotType | undefined {
  if (depth === 0) return undefined;
  const plain = PLAIN_TYPES.find((kind) => kind === text);
  if (plain) return { kind: plain };
  if (text.startsWith("enum(") && text.endsWith(")")) {
    const values = text
      .slice(5, -1)
      .split("|")
      .map((value) => value.trim());
    return values.every((value) => value !== "") && new Set(values).size === values.length ? { kind: "enum", values } : undefined;
  }
  if (text.startsWith("list<") && text.endsWith(">")) {
    const of = parseType(text.slice(5, -1).trim(), depth - 1);
    return of && { kind: "list", of };
  }
  return undefined;
}

function invalid(text: string, offset: number, problem: string): TriadError {
  const before = text.slice(0, offset).split("\n");
  const line = before.length;
  const column = (before.at(-1)?.length ?? 0) + 1;
  return new TriadError("TRIAD_TEMPLATE_INVALID", `line ${line}, column ${column}: ${problem}`, { line, column, problem });
}
