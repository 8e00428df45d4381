/** What a user meets before any cluster is there: help, wrong usage, nobody at the address. What ends before it does anything runs here, the rest as processes of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildProgram, runCli } from "../src/program.ts";
import { type Ran, runTriad } from "./run-triad.ts";

let folder = "";
let nowhere = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "triad command line "));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  nowhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Ran> => runTriad(args, { cwd: folder, env });

/** In this process, with what it writes caught: for the many that end before they do anything. */
async function runHere(args: readonly string[]): Promise<Ran> {
  let out = "";
  let err = "";
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += String(text);
    return true;
  });
  try {
    const code = await runCli(args);
    return { code, out, err };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

function expectError(ran: Ran, code: number, line: RegExp): void {
  expect([ran.code, ran.out]).toEqual([code, ""]);
  expect(ran.err).toMatch(line);
  expect(ran.err.trimEnd().split("\n")).toHaveLength(1);
}

/** Every command as the words that name it. */
function commandPaths(command: Command, path: readonly string[] = []): string[][] {
  return [[...path], ...command.commands.flatMap((one) => commandPaths(one, [...path, one.name()]))];
}

describe("help", () => {
  it("every command has it, and it succeeds", async () => {
    const paths = commandPaths(buildProgram(() => undefined)).filter((path) => path[0] !== "supervise" && path[0] !== "check-team");
    expect(paths.map((path) => path.join(" "))).toEqual(
      expect.arrayContaining([
        "up",
        "down",
        "status",
        "scale workers",
        "scale coordinators",
        "worker",
        "coordinator",
        "submit",
        "run",
        "tasks show",
        "tasks resolve",
        "conversations show",
        "agents",
        "explain",
        "top",
        "doctor",
        "experiment",
        "bench",
      ]),
    );
    for (const path of paths) {
      const ran = await runHere([...path, "--help"]);
      expect([path.join(" "), ran.code, ran.err]).toEqual([path.join(" "), 0, ""]);
      expect(ran.out).toContain("Usage: triad");
    }
  });

  it("says where commands are not built yet, and running them says so too", async () => {
    expect((await run(["--help"])).out).toMatch(/bench.*\n?.*not\s+available yet/);
    for (const args of [["bench", "raft", "--quick"], ["scale", "coordinators", "5"], ["top"]])
      expectError(await runHere(args), 1, /^error TRIAD_NOT_AVAILABLE: `triad /);
  });
});

describe("wrong usage", () => {
  it("is exit 2 and one line, as a process too", async () => {
    expectError(await run(["dance"]), 2, /^error TRIAD_USAGE: unknown command 'dance'/);
    const help = await run(["up", "--help"]);
    expect([help.code, help.err, help.out.startsWith("Usage: triad up")]).toEqual([0, "", true]);
  });

  it.each([
    [["dance"], /unknown command/],
    [["up", "--no-such-flag"], /unknown option/],
    [["up", "--coordinators", "three", "--workers", "-1"], /--coordinators must .*; --workers must /],
    [["up", "--http", "65535"], /no room for 3 coordinators/],
    [["up", "--host", "0.0.0.0"], /TRIAD_TOKEN_REQUIRED.*TRIAD_API_TOKEN/],
    [["up", "--retention", "soon", "--key-ttl", "10"], /--retention must .*; --key-ttl must /],
    [["submit"], /missing required argument/],
    [["submit", "a", "b"], /too many arguments/],
    [["submit", ""], /empty/],
    [["submit", "a", "--require", "b=much"], /--require must be skill=weight/],
    [["submit", "a", "--require", "b=1", "--require", "b=2"], /twice/],
    [["submit", "a", "--deadline", "30"], /--deadline must be a duration/],
    [["submit", "a", "--strategy", "astrology"], /single or ensemble/],
    [["submit", "a", "--agents", "3"], /go with --strategy ensemble/],
    [["status", "--url", "127.0.0.1:7070"], /--url must be an http/],
    [["worker"], /--nats is required/],
    [["worker", "--nats", "nats://127.0.0.1:1", "--team", "t.ts", "--id", "a.b"], /--id must be/],
    [["coordinator", "--id", "c1"], /required option/],
    [["scale", "workers", "many"], /N must be a whole number/],
    [["tasks", "resolve", "t-1", "1"], /--done VALUE .* or --repeat/],
    [["tasks", "resolve", "t-1", "1", "--done", "7", "--repeat"], /one of them/],
    [["tasks", "resolve", "t-1", "none", "--repeat"], /N must be a whole number/],
    [["tasks"], /^Usage: triad tasks/],
  ])("%j", async (args, why) => {
    // A team that is there, so that what is wrong is what the row says.
    vi.stubEnv("TRIAD_TEAM", join(import.meta.dirname, "fixtures", "team.ts"));
    const ran = await runHere(args);
    vi.unstubAllEnvs();
    expect([ran.code, ran.out]).toEqual([2, ""]);
    expect(ran.err).toMatch(why);
    expect(ran.err).not.toMatch(/^\s+at /m);
    if (!why.source.includes("Usage")) expect(ran.err.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("a coordinator's settings in the environment", () => {
  const args = ["coordinator", "--id", "c1", "--data-dir", "c1", "--cluster-file", "cluster.json"];

  it("are refused together, in one line, before anything is opened", async () => {
    vi.stubEnv("TRIAD_RETENTION", "7 days");
    vi.stubEnv("TRIAD_KEY_TTL", "0s");
    try {
      expectError(await runHere(args), 2, /^error TRIAD_CONFIG_INVALID: TRIAD_RETENTION must .*"7 days"; TRIAD_KEY_TTL must .*"0s"/);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("nobody there", () => {
  it("exits 3 where no coordinator answers, and where no cluster was ever started", async () => {
    expectError(await run(["status", "--url", nowhere]), 3, /^error TRIAD_CLUSTER_UNREACHABLE: .*is the cluster up/);
    expectError(await run(["submit", "hello", "--json"]), 3, /^error TRIAD_CLUSTER_UNREACHABLE: no cluster was started in /);
    expectError(await run(["scale", "workers", "3"]), 3, /^error TRIAD_CLUSTER_UNREACHABLE/);
  });

  it("prefers a --data-dir to an address in the environment", async () => {
    expectError(await run(["status", "--data-dir", "elsewhere"], { TRIAD_URL: nowhere }), 3, /no cluster was started in .*elsewhere/);
    expectError(await run(["status"], { TRIAD_URL: nowhere }), 3, /No coordinator answers at/);
  });

  it("says that NATS is no way in yet", async () => {
    expectError(await run(["status", "--nats", "nats://127.0.0.1:4222"]), 1, /^error TRIAD_NOT_AVAILABLE/);
  });

  it("has nothing to bring down, which is fine", async () => {
    const ran = await run(["down"]);
    expect([ran.code, ran.err]).toEqual([0, ""]);
    expect(ran.out).toMatch(/^nothing runs on /);
    expect(JSON.parse((await run(["down", "--json"])).out)).toMatchObject({ ended: 0 });
  });

  it("leaves a data directory that is not a cluster's alone", async () => {
    const { mkdirSync, writeFileSync } = await import("node:fs");
    const foreign = join(folder, "foreign");
    mkdirSync(join(foreign, "c1"), { recursive: true });
    expectError(await run(["status", "--data-dir", foreign]), 1, /^error TRIAD_DATA_DIR_FOREIGN/);
    writeFileSync(join(foreign, "cluster.json"), "{}");
    expectError(
      await run(["up", "--detach", "--team", join(import.meta.dirname, "fixtures", "team.ts"), "--data-dir", foreign]),
      1,
      /^error TRIAD_DATA_DIR_FOREIGN/,
    );
  });
});
