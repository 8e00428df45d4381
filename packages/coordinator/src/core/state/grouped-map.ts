/**
 * A map of keys of Φ that also finds what lies under a prefix without looking at all keys: keys are grouped by what stands up to their second
 * slash (`fact/<conversation>/`), or up to the first where there is no second (`worker/`). Every prefix that is listed is such a group or lies in one.
 */

function groupOf(key: string): string {
  const first = key.indexOf("/");
  if (first < 0) return key;
  const second = key.indexOf("/", first + 1);
  return key.slice(0, (second < 0 ? first : second) + 1);
}

export class GroupedMap<V> {
  private readonly values = new Map<string, V>();
  private readonly groups = new Map<string, Set<string>>();

  /** All entries, in the order of their first set. */
  get entries(): ReadonlyMap<string, V> {
    return this.values;
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  get(key: string): V | undefined {
    return this.values.get(key);
  }

  set(key: string, value: V): void {
    if (!this.values.has(key)) {
      const group = groupOf(key);
      const keys = this.groups.get(group);
      if (keys === undefined) this.groups.set(group, new Set([key]));
      else keys.add(key);
    }
    this.values.set(key, value);
  }

  delete(key: string): void {
    if (!this.values.delete(key)) return;
    const group = groupOf(key);
    const keys = this.groups.get(group);
    keys?.delete(key);
    if (keys?.size === 0) this.groups.delete(group);
  }

  clear(): void {
    this.values.clear();
    this.groups.clear();
  }

  /** Entries whose keys begin with the prefix, which must end in a slash; in no particular order. */
  under(prefix: string): readonly (readonly [string, V])[] {
    const found: [string, V][] = [];
    for (const key of this.groups.get(groupOf(prefix)) ?? []) if (key.startsWith(prefix)) found.push([key, this.values.get(key) as V]);
    return found;
  }
}
