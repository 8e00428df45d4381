/** The cache of triples: by version, bounded in bytes, least recently used first. */
import { describe, expect, test } from "vitest";
import { type AgentTriple, parseTemplate, TripleCache } from "../../src/core/index.ts";

const triple = (dimension: number): AgentTriple => ({
  prompt: parseTemplate("{{input:text}}"),
  promptVersion: 1,
  context: new Uint8Array(dimension * 4),
  capabilities: {},
});

describe("TripleCache", () => {
  test("the same version is not loaded again, another one replaces it", () => {
    const cache = new TripleCache(1e6);
    let loads = 0;
    const load = (): AgentTriple => {
      loads++;
      return triple(8);
    };
    const first = cache.get("a", "1", load);
    expect(cache.get("a", "1", load)).toBe(first);
    const bytes = cache.bytes;
    expect(cache.get("a", "2", load)).not.toBe(first);
    expect([loads, cache.size, cache.bytes]).toEqual([2, 1, bytes]);
  });

  test("bytes stay within the bound; what was used last stays", () => {
    const cache = new TripleCache(5_000);
    for (let i = 0; i < 100; i++) {
      cache.get(`actor-${i}`, "1", () => triple(256));
      cache.get("kept", "1", () => triple(8));
      expect(cache.bytes).toBeLessThanOrEqual(5_000);
    }
    let loaded = false;
    cache.get("kept", "1", () => {
      loaded = true;
      return triple(8);
    });
    expect(loaded).toBe(false);
    expect(cache.size).toBeLessThan(6);
  });
});
