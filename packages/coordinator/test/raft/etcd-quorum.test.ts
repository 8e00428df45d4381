/** etcd's quorum scenarios: committed index and vote result of one or two majorities, with etcd's drawing of who acknowledged what. */
import { describe, expect, it } from "vitest";
import { jointCommittedIndex, jointVoteResult, majorityCommittedIndex, majorityVoteResult } from "../../src/core/raft/quorum.ts";
import { scenarioFiles, scenarioFolder } from "./conformance-files.ts";
import { type Directive, parseDirectives } from "./datadriven.ts";

const folder = scenarioFolder("quorum");
const files = scenarioFiles(folder);

describe.skipIf(files.length === 0)(`etcd quorum scenarios in ${folder}`, () => {
  it.for(files)("$name", ({ name, text }) => {
    const directives = parseDirectives(text);
    expect(directives.length, "directives found").toBeGreaterThan(0);
    for (const directive of directives) {
      expect(run(directive), `${name}:${directive.line} ${directive.command}`).toBe(directive.expected.trimEnd());
    }
  });
});

function run(directive: Directive): string {
  const values = (key: string): readonly string[] => directive.arguments.find((one) => one.key === key)?.values ?? [];
  const incoming = ascending(values("cfg").map(Number));
  const joint = directive.arguments.some((one) => one.key === "cfgj");
  const outgoing = ascending(
    values("cfgj")
      .filter((id) => id !== "zero")
      .map(Number),
  );
  const inOrder = [...new Set([...values("cfg"), ...values("cfgj").filter((id) => id !== "zero")].map(Number))];
  const given = values(directive.command === "vote" ? "votes" : "idx");
  if (given.length !== inOrder.length) {
    const codes = given.map((one) => ({ y: "2", n: "1", _: "0" })[one] ?? one);
    return `error: mismatched input (explicit or _) for voters map[${ascending(inOrder)
      .map((id) => `${id}:{}`)
      .join(" ")}]: [${codes.join(" ")}]`;
  }
  const byId = new Map(inOrder.map((id, at) => [id, given[at]!] as const).filter(([, one]) => one !== "_"));

  if (directive.command === "vote") {
    const cast = (id: number): boolean | undefined => (byId.has(id) ? byId.get(id) === "y" : undefined);
    if (!joint) return majorityVoteResult(incoming, cast);
    const result = jointVoteResult(incoming, outgoing, cast);
    const swapped = jointVoteResult(outgoing, incoming, cast);
    return swapped === result ? result : `${swapped} <-- via symmetry\n${result}`;
  }
  const acknowledged = (id: number): number | undefined => (byId.has(id) ? Number(byId.get(id)) : undefined);
  const index = joint ? jointCommittedIndex(incoming, outgoing, acknowledged) : majorityCommittedIndex(incoming, acknowledged);
  const swapped = joint ? jointCommittedIndex(outgoing, incoming, acknowledged) : jointCommittedIndex(incoming, incoming, acknowledged);
  const complaint = swapped === index ? "" : `${show(swapped)} <-- via symmetry\n`;
  const all = joint ? ascending([...new Set([...incoming, ...outgoing])]) : incoming;
  return `${drawing(all, acknowledged)}${complaint}${show(index)}`;
}

/** A bar for each voter, as long as the number of voters that acknowledged less. */
function drawing(ids: readonly number[], acknowledged: (id: number) => number | undefined): string {
  const width = ids.length;
  if (width === 0) return "<empty majority quorum>";
  let text = `${" ".repeat(width)}    idx\n`;
  for (const id of ids) {
    const index = acknowledged(id);
    const bar = ids.filter((other) => (acknowledged(other) ?? 0) < (index ?? 0)).length;
    const sketch = index === undefined ? `?${" ".repeat(width)}` : `${"x".repeat(bar)}>${" ".repeat(width - bar)}`;
    text += `${sketch} ${String(index ?? 0).padStart(5)}    (id=${id.toString(16)})\n`;
  }
  return text;
}

function show(index: number): string {
  return index === Number.POSITIVE_INFINITY ? "∞" : String(index);
}

function ascending(ids: readonly number[]): number[] {
  return [...ids].sort((a, b) => a - b);
}
