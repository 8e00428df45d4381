/** How old a chunk without a reference is, as it counts for its removal. */
import { describe, expect, it } from "vitest";
import { Unreferred } from "../../src/services/body-store/unreferred.ts";

const GRACE_MS = 1_000;

describe("a chunk without a reference", () => {
  it("is due a grace after it was last stored; finding it again makes it no younger", () => {
    const chunks = new Unreferred(GRACE_MS);
    chunks.stored("a", 0);
    chunks.found("a", 900);
    expect([chunks.isDue("a", 999), chunks.isDue("a", 1_000)]).toEqual([false, true]);
    chunks.stored("a", 1_000);
    expect([chunks.isDue("a", 1_999), chunks.isDue("a", 2_000)]).toEqual([false, true]);
  });

  it("is never due where nobody has found it", () => {
    const chunks = new Unreferred(GRACE_MS);
    expect(chunks.isDue("a", 1e9)).toBe(false);
    chunks.found("a", 0);
    chunks.forget("a");
    expect([chunks.isDue("a", 1e9), chunks.size]).toEqual([false, 0]);
  });

  it("U1: counts anew from an election or a reconnect", () => {
    const chunks = new Unreferred(GRACE_MS);
    chunks.stored("a", 0);
    chunks.startAnew(900);
    expect([chunks.isDue("a", 1_899), chunks.isDue("a", 1_900)]).toEqual([false, true]);
  });
});
