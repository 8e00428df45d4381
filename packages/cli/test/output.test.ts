import { stripVTControlCharacters } from "node:util";
import { TriadError } from "@triad/protocol";
import { describe, expect, it } from "vitest";
import { errorLine, exitCodeOf } from "../src/exit-code.ts";
import { clip, table } from "../src/output.ts";

describe("output", () => {
  it("aligns words left and numbers right, whatever colours the cells have", () => {
    const text = stripVTControlCharacters(
      table(
        ["NAME", "N"],
        [
          ["\x1b[32mab\x1b[39m", 1],
          ["a", 100],
        ],
      ),
    );
    expect(text).toBe("NAME    N\nab      1\na     100");
  });

  it("keeps a text in its line", () => {
    expect(clip("a\nb   c", 10)).toBe("a b c");
    expect(clip("abcdef", 4)).toBe("abc…");
  });

  it("gives an error one line and the exit code of the contract", () => {
    const error = new TriadError("TRIAD_USAGE", "first\n  second");
    expect([errorLine(error), exitCodeOf(error)]).toEqual(["error TRIAD_USAGE: first; second", 2]);
    expect(exitCodeOf(new TriadError("TRIAD_CLUSTER_UNREACHABLE"))).toBe(3);
    expect(exitCodeOf(new TriadError("TRIAD_NOT_AVAILABLE"))).toBe(1);
    expect([errorLine(new Error("oops")), exitCodeOf(new Error("oops"))]).toEqual(["error TRIAD_INTERNAL: oops", 1]);
  });
});
