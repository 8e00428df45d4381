/**
 * Prompt templates as data: text with typed slots, `{{name:type}}` or `{{name:type:required}}`.
 * Parsed once, rendered purely; nothing in a template or in a value is ever evaluated, and a value's own braces stay text.
 */

/** What a slot's value must be. `ref` points at a transcript event, by its number or its id. */
export type SlotType =
  | { readonly kind: "text" | "int" | "float" | "bool" | "ref" | "json" }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "list"; readonly of: SlotType };

export interface Slot {
  readonly name: string;
  readonly type: SlotType;
  readonly required: boolean;
}

/** Literal texts and slots in the order in which they stand. */
export interface Template {
  readonly parts: readonly (string | Slot)[];
  readonly slots: readonly Slot[];
}

/** The type as it is written in a template, for messages. */
export function describeType(type: SlotType): string {
  if (type.kind === "enum") return `enum(${type.values.join("|")})`;
  if (type.kind === "list") return `list<${describeType(type.of)}>`;
  return type.kind;
}
