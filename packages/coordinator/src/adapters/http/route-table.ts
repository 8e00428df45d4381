/** Which methods a path takes, so that a wrong method is told apart from a wrong path (405 with `Allow`, not 404). */

interface Entry {
  readonly segments: readonly string[];
  readonly methods: Set<string>;
}

export class RouteTable {
  readonly #entries = new Map<string, Entry>();

  add(pattern: string, methods: readonly string[]): void {
    const entry = this.#entries.get(pattern) ?? { segments: pattern.split("/"), methods: new Set() };
    for (const method of methods) entry.methods.add(method);
    this.#entries.set(pattern, entry);
  }

  /** Methods of the route that a path would reach, sorted; empty where there is none. */
  methodsOf(path: string): readonly string[] {
    const segments = path.split("/");
    for (const entry of this.#entries.values()) {
      if (matches(entry.segments, segments)) return [...entry.methods].sort();
    }
    return [];
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((part, i) => (part.startsWith(":") ? path[i] !== "" : part === path[i]));
}
