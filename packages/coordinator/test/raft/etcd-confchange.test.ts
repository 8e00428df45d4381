/** etcd's membership scenarios on our changer: the configuration and every member's progress after each change. */
import { describe, expect, it } from "vitest";
import { describeMembership, EMPTY_MEMBERSHIP } from "../../src/core/raft/membership.ts";
import { type ChangedMembership, ConfChangeError, MembershipChanger } from "../../src/core/raft/membership-changer.ts";
import { ProgressTracker } from "../../src/core/raft/progress-tracker.ts";
import { scenarioFiles, scenarioFolder } from "./conformance-files.ts";
import { type Directive, parseDirectives } from "./datadriven.ts";
import { parseConfChanges } from "./describe.ts";

const folder = scenarioFolder("confchange");
const files = scenarioFiles(folder);

describe.skipIf(files.length === 0)(`etcd membership scenarios in ${folder}`, () => {
  it.for(files)("$name", ({ name, text }) => {
    const tracker = new ProgressTracker(10, Number.POSITIVE_INFINITY);
    let current: ChangedMembership = { membership: EMPTY_MEMBERSHIP, progress: new Map() };
    // Counts commands, so that `next` of a member tells when it was added.
    let lastIndex = 0;
    const directives = parseDirectives(text);
    expect(directives.length, "directives found").toBeGreaterThan(0);
    for (const directive of directives) {
      let actual: string;
      try {
        current = change(new MembershipChanger(tracker, current, lastIndex), directive);
        const ids = [...current.progress.keys()].sort((a, b) => a - b);
        actual = [describeMembership(current.membership), ...ids.map((id) => `${id}: ${current.progress.get(id)}`)].join("\n");
      } catch (error) {
        if (!(error instanceof ConfChangeError)) throw error;
        actual = error.message;
      }
      lastIndex++;
      expect(actual, `${name}:${directive.line} ${directive.command}`).toBe(directive.expected);
    }
  });
});

function change(changer: MembershipChanger, directive: Directive): ChangedMembership {
  const changes = parseConfChanges(directive.input);
  switch (directive.command) {
    case "simple":
      return changer.simple(changes);
    case "enter-joint":
      return changer.enterJoint(directive.arguments.find((one) => one.key === "autoleave")?.values[0] === "true", changes);
    case "leave-joint":
      return changer.leaveJoint();
    default:
      throw new Error(`unknown command ${directive.command}`);
  }
}
