/** Subjects: what is built is parsed back to what it names, and nothing else is parsed at all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TriadError } from "../src/errors.ts";
import { DISCOVER_SUBJECT, type ParsedSubject, parseSubject, type RaftLane, subjectsOf } from "../src/subjects.ts";
import { token } from "./arbitraries.ts";

const lanes = fc.constantFrom<RaftLane>("control", "replicate", "snapshot");

/** Every subject that names one thing, beside what it names. */
const named: fc.Arbitrary<readonly [string, ParsedSubject]> = fc
  .record({ cluster: token, name: token, lane: lanes, group: fc.nat(999_999_999) })
  .chain(({ cluster, name, lane, group }) => {
    const subjects = subjectsOf(cluster);
    return fc.constantFrom<readonly [string, ParsedSubject]>(
      [subjects.raft(name, lane), { kind: "raft", cluster, node: name, lane }],
      [subjects.propose(name), { kind: "propose", cluster, node: name }],
      [subjects.chunk(name), { kind: "chunk", cluster, node: name }],
      [subjects.read(name), { kind: "read", cluster, node: name }],
      [subjects.status(name), { kind: "status", cluster, node: name }],
      [subjects.inbox(name), { kind: "inbox", cluster, worker: name }],
      [subjects.heartbeat(name), { kind: "heartbeat", cluster, worker: name }],
      [subjects.taskEvents(name), { kind: "taskEvents", cluster, task: name }],
      [subjects.commit(group), { kind: "commit", cluster, group }],
      [subjects.decision(), { kind: "decision", cluster }],
      [DISCOVER_SUBJECT, { kind: "discover" }],
    );
  });

/** How NATS matches a subject with a pattern of whole-token wildcards. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const given = subject.split(".");
  return wanted.length === given.length && wanted.every((part, i) => part === "*" || part === given[i]);
}

describe("subjects", () => {
  it("are parsed back to what they name", () => {
    fc.assert(
      fc.property(named, ([subject, what]) => {
        expect(parseSubject(subject)).toEqual(what);
      }),
      { numRuns: 2000 },
    );
  });

  it("of a listener for all match those of each", () => {
    fc.assert(
      fc.property(token, token, lanes, (cluster, name, lane) => {
        const subjects = subjectsOf(cluster);
        expect(matches(subjects.raftAll(name), subjects.raft(name, lane))).toBe(true);
        expect(matches(subjects.statusAll(), subjects.status(name))).toBe(true);
        expect(matches(subjects.heartbeatAll(), subjects.heartbeat(name))).toBe(true);
      }),
    );
  });

  it("refuse a token that would add a level, a wildcard or nothing", () => {
    const hostile = fc.oneof(
      fc.constantFrom("", ".", "*", ">", "a.b", "a b", "a\n", "-a", "_a", "é", "a".repeat(65), "a*", "$SYS"),
      fc.string({ unit: "binary" }).filter((text) => !/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(text)),
    );
    fc.assert(
      fc.property(hostile, (bad) => {
        const subjects = subjectsOf("c");
        const builders = [
          subjects.propose,
          subjects.read,
          subjects.chunk,
          subjects.status,
          subjects.inbox,
          subjects.heartbeat,
          subjects.taskEvents,
          subjects.raftAll,
        ];
        for (const build of builders) expect(() => build(bad)).toThrow(TriadError);
        expect(() => subjects.raft(bad, "control")).toThrow(TriadError);
        expect(() => subjectsOf(bad)).toThrow(TriadError);
      }),
    );
  });

  it("that are not ours are not parsed", () => {
    const bad = [
      "",
      "triad",
      "triad.",
      "triad.c",
      "triad.c.raft.n",
      "triad.c.raft.n.other",
      "triad.c.raft.n.control.x",
      "other.c.raft.n.control",
    ];
    bad.push("triad.c.commit.-1", "triad.c.commit.1.2", "triad.c.commit.1e3", "triad.c.commit.9999999999", "triad.c.route.other");
    bad.push(
      "triad.c.route.decision.x",
      "triad.c.worker.w.other",
      "triad.c.worker.*.inbox",
      "triad.c..inbox",
      "triad.*.worker.w.inbox",
      "triad.c.task.t",
    );
    for (const subject of bad) expect(parseSubject(subject), subject).toBeUndefined();
  });

  it("of any text are parsed only where building them again gives the same text", () => {
    const word = fc.constantFrom(
      "triad",
      "raft",
      "worker",
      "inbox",
      "coordinator",
      "propose",
      "commit",
      "0",
      "007",
      "route",
      "decision",
      "c",
      "*",
      ">",
      "",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const subject = words.join(".");
        const what = parseSubject(subject);
        if (what === undefined || what.kind === "discover") return;
        expect(subject.split(".").every((part) => /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(part))).toBe(true);
        if (what.kind === "commit") expect(subjectsOf(what.cluster).commit(what.group)).toBe(subject);
      }),
      { numRuns: 5000 },
    );
  });
});
