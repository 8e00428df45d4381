/**
 * etcd's interaction scenarios on our core, byte for byte including log lines (level 3 of the conformance verdicts). A failure tells
 * whether only log lines differ (level 2 holds) or messages and states too.
 */
import { describe, expect, it } from "vitest";
import { scenarioFiles, scenarioFolder } from "./conformance-files.ts";
import { parseDirectives } from "./datadriven.ts";
import { InteractionEnvironment } from "./interaction-environment.ts";

const folder = scenarioFolder("interaction");
const files = scenarioFiles(folder);

describe.skipIf(files.length === 0)(`etcd interaction scenarios in ${folder}`, () => {
  it.for(files)("$name", ({ name, text }) => {
    const environment = new InteractionEnvironment();
    const directives = parseDirectives(text);
    expect(directives.length, "directives found").toBeGreaterThan(0);
    for (const directive of directives) {
      const actual = environment.run(directive).trimEnd();
      const sameWithoutLogs = withoutLogLines(actual) === withoutLogLines(directive.expected);
      const level = sameWithoutLogs ? "only log lines differ" : "messages or states differ";
      expect(actual, `${name}:${directive.line} ${directive.command}: ${level}`).toBe(directive.expected.trimEnd());
    }
  });
});

function withoutLogLines(text: string): string {
  const lines = text.split("\n").filter((line) => !/^\s*(DEBUG|INFO|WARN|ERROR|FATAL) /.test(line));
  return lines.join("\n").trimEnd();
}
