/**
 * What a decoded value is made of, as a set of lines such as `heartbeat.fences.[] number`. Learned from many valid messages, it says
 * without asking the schemas whether a decoded frame has only fields and types that a message of its kind can have.
 */

/** Objects whose names are data: any name may stand there. */
const TABLES = new Set(["requires", "facts", "capabilities", "prototypes"]);
/** Fields that hold any JSON. */
const JSON_FIELDS = new Set(["details", "value"]);

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof Uint8Array) return "bytes";
  return Array.isArray(value) ? "list" : typeof value;
}

/** Adds the lines of `value` to `into`; `path` says where it stands. */
export function shapeOf(value: unknown, path: string, into: Set<string>): void {
  const type = typeOf(value);
  into.add(`${path} ${type}`);
  if (type === "list") for (const item of value as unknown[]) shapeOf(item, `${path}.[]`, into);
  if (type !== "object") return;
  const discriminant = (value as { kind?: unknown; type?: unknown }).kind ?? (value as { type?: unknown }).type;
  const here = typeof discriminant === "string" && !/\.events\.\[\]$/.test(path) ? `${path}:${discriminant}` : path;
  for (const [name, field] of Object.entries(value as object)) fieldShape(name, field, here, into);
}

function fieldShape(name: string, field: unknown, path: string, into: Set<string>): void {
  if (JSON_FIELDS.has(name)) {
    into.add(`${path}.${name} JSON`);
    return;
  }
  if (!TABLES.has(name) || typeOf(field) !== "object") {
    shapeOf(field, `${path}.${name}`, into);
    return;
  }
  into.add(`${path}.${name} table`);
  for (const entry of Object.values(field as object)) {
    // Facts by name are values of any JSON in a command or event, facts with their provenance in a dispatch.
    if (name === "facts" && !path.includes(":dispatch.items.[]")) continue;
    if (name === "facts" && path.includes(".events.[]")) continue;
    shapeOf(entry, `${path}.${name}.*`, into);
  }
}

/** Every object in a decoded value has the plain prototype, and no value is of a kind that no frame can carry. */
export function isPlain(value: unknown): boolean {
  switch (typeOf(value)) {
    case "object":
      return Object.getPrototypeOf(value) === Object.prototype && Object.values(value as object).every(isPlain);
    case "list":
      return (value as unknown[]).every(isPlain);
    case "undefined":
    case "function":
    case "symbol":
      return false;
    default:
      return true;
  }
}
