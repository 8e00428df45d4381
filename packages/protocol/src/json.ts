/** JSON as data: what facts are made of. Checked on arrival so that nothing later has to wonder. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Facts by name; `null` as a value removes the fact. */
export type FactsDelta = Readonly<Record<string, Json>>;

const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/**
 * True where `value` is plain JSON: finite numbers, no undefined, no class instances, no keys that could pollute a prototype.
 * `depthMax` bounds the recursion.
 */
export function isJson(value: unknown, depthMax = 32): value is Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object": {
      if (value === null) return true;
      if (depthMax <= 0) return false;
      if (Array.isArray(value)) return value.every((item) => isJson(item, depthMax - 1));
      const prototype = Object.getPrototypeOf(value) as unknown;
      if (prototype !== Object.prototype && prototype !== null) return false;
      return Object.entries(value).every(([key, item]) => !FORBIDDEN_KEYS.has(key) && isJson(item, depthMax - 1));
    }
    default:
      return false;
  }
}

/** Names that may stand as a fact's name: printable, bounded, none that touches a prototype. */
export function isFactName(name: string, lengthMax = 128): boolean {
  return name.length > 0 && name.length <= lengthMax && !FORBIDDEN_KEYS.has(name);
}
