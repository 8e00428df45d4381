/**
 * Our own scenarios, on subjects that etcd's shared files do not show. Their expected outputs were recorded from etcd/raft v3.7.0 itself
 * running the same commands, so they need no folder beside the project. A changed output is to be reviewed as a change of behaviour.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { scenarioFiles } from "./conformance-files.ts";
import { parseDirectives } from "./datadriven.ts";
import { InteractionEnvironment } from "./interaction-environment.ts";

describe("our scenarios", () => {
  const files = scenarioFiles(fileURLToPath(new URL("scenarios", import.meta.url)));
  expect(files.length).toBeGreaterThan(0);
  it.for(files)("$name", ({ name, text }) => {
    const environment = new InteractionEnvironment();
    for (const directive of parseDirectives(text)) {
      expect(environment.run(directive).trimEnd(), `${name}:${directive.line} ${directive.command}`).toBe(directive.expected.trimEnd());
    }
  });
});
